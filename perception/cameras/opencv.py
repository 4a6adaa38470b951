"""Cameras through OpenCV: webcams and network streams as they come, video files at their pace."""

import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CameraError, EndOfStreamError
from ..frame import Frame, Image, Intrinsics, Transform

_USUAL_FPS = 30.0
_MOST_QUEUED = 300


class LiveCamera:
    """A webcam or a network stream; opened by the first read.

    What queued up in the driver while nobody read is thrown away, so a frame is never stale. After
    a failed read the device is released, and the next read tries to open it again.

    Args:
        source: a webcam's index, or a URL that FFmpeg can open (rtsp, http, …).
        name: the camera's name; made from the source by default, without passwords.
        timeout_s: for opening a network stream, and for each of its frames.
        intrinsics, T_world_camera: handed on with each frame, where they are known.
    """

    def __init__(
        self,
        source: int | str,
        name: str | None = None,
        *,
        timeout_s: float = 5.0,
        intrinsics: Intrinsics | None = None,
        T_world_camera: Transform | None = None,
    ) -> None:
        self._source = source
        self._name = name or (f"webcam_{source}" if isinstance(source, int) else redacted(source))
        self._timeout_s = timeout_s
        self._intrinsics, self._T_world_camera = intrinsics, T_world_camera
        self._capture: Any = None
        self._closed = False
        self._sequence = 0
        self._last_s = 0.0
        self._period_s = 1.0 / _USUAL_FPS

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002 - it is always a new one
        """Wait for the device's next frame; raises CameraError."""
        if self._closed:
            raise CameraError(f'camera "{self._name}" is closed')
        capture = self._opened()
        self._drain(capture)
        good, bgr = capture.read()
        if not good or bgr is None:
            self._release()
            raise CameraError(f'camera "{self._name}" gives no frames; is it still connected?')
        self._last_s = time.monotonic()
        self._sequence += 1
        return Frame(
            as_rgb(bgr, self._name),
            self._name,
            self._sequence,
            self._last_s,
            intrinsics=self._intrinsics,
            T_world_camera=self._T_world_camera,
        )

    def close(self) -> None:
        """Release the device; idempotent."""
        self._closed = True
        self._release()

    def _opened(self) -> Any:
        if self._capture is not None:
            return self._capture
        import cv2

        if isinstance(self._source, int):
            capture = cv2.VideoCapture(self._source)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        else:
            limit_ms = int(1000 * self._timeout_s)
            options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms]
            options += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
            capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            capture.release()
            what = "webcam" if isinstance(self._source, int) else "stream"
            raise CameraError(f'camera "{self._name}" cannot be opened: there is no such {what}')
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._period_s = 1.0 / (fps if 1.0 <= fps <= 240.0 else _USUAL_FPS)
        self._capture, self._last_s = capture, time.monotonic()
        return capture

    def _drain(self, capture: Any) -> None:
        """Throw away what queued: it comes at once, while a new frame has to be waited for."""
        if time.monotonic() - self._last_s < 2 * self._period_s:
            return
        for _ in range(_MOST_QUEUED):
            before = time.monotonic()
            if not capture.grab() or time.monotonic() - before > self._period_s / 2:
                return

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class VideoFile:
    """A video file, in real time or as fast as it is read.

    In real time the first read starts the clock, frames whose time has passed are dropped, and
    stamps are on `time.monotonic()`. As fast as possible, every frame comes once, and stamps are
    the video's own time from 0.

    Args:
        path: the file.
        name: the camera's name; the file's by default.
        realtime: whether to keep to the file's frame rate.
        loop: whether to begin again at the end.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Attributes:
        dropped: frames that were passed over.
    """

    def __init__(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        realtime: bool = True,
        loop: bool = False,
        intrinsics: Intrinsics | None = None,
        T_world_camera: Transform | None = None,
    ) -> None:
        self._path = Path(path)
        self._name = name or self._path.name
        self._realtime, self._loop = realtime, loop
        self._intrinsics, self._T_world_camera = intrinsics, T_world_camera
        self._capture: Any = None
        self._closed = False
        self._start_s = 0.0
        self._next = 0
        self._first = 0
        self._fps = _USUAL_FPS
        self.dropped = 0

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:
        """Return the frame that is due, or the next one.

        Raises:
            CameraError: the file is missing, is no video, or breaks off.
            EndOfStreamError: every frame was passed.
        """
        if self._closed:
            raise CameraError(f'camera "{self._name}" is closed')
        self._open()
        if self._realtime:
            self._keep_pace(max_age_s)
        index = self._next
        self._grab()
        good, bgr = self._capture.retrieve()
        if not good or bgr is None:
            raise CameraError(f"{self._path}: frame {index - self._first} cannot be decoded")
        return Frame(
            as_rgb(bgr, self._name),
            self._name,
            index + 1,
            self._due_s(index),
            intrinsics=self._intrinsics,
            T_world_camera=self._T_world_camera,
        )

    def close(self) -> None:
        """Close the file; idempotent."""
        self._closed = True
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open(self) -> None:
        if self._capture is not None:
            return
        import cv2

        if not self._path.is_file():
            raise CameraError(f"there is no video file {self._path}")
        capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise CameraError(f"{self._path} is not a video that FFmpeg can read")
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if 0.1 <= fps <= 1000.0 else _USUAL_FPS
        self._capture = capture
        self._start_s = time.monotonic() if self._realtime else 0.0

    def _due_s(self, index: int) -> float:
        return self._start_s + index / self._fps

    def _keep_pace(self, max_age_s: float) -> None:
        """Pass over frames whose time is over; wait for the next one if it is not due."""
        oldest_s = min(max_age_s, 1.0 / self._fps)
        while self._due_s(self._next) < time.monotonic() - oldest_s:
            self._grab()
            self.dropped += 1
        wait_s = self._due_s(self._next) - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)

    def _grab(self) -> None:
        if not self._capture.grab():
            self._rewind_or_end()
        self._next += 1

    def _rewind_or_end(self) -> None:
        import cv2

        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        passed = self._next - self._first
        # The count in a header is an estimate; a gap of more than a tenth is a damaged file.
        if passed == 0 or passed < 0.9 * count - 1:
            raise CameraError(f"{self._path} breaks off at frame {passed} of {count}")
        if not self._loop:
            raise EndOfStreamError(f'camera "{self._name}": the video is over')
        self._first = self._next
        self._capture.release()
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.grab():
            raise CameraError(f"{self._path} cannot be read again from its beginning")


def as_rgb(bgr: Any, name: str) -> Image:
    """OpenCV's image as [H, W, 3] uint8 RGB; raises CameraError for anything else."""
    import cv2

    image = np.asarray(bgr)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise CameraError(f'camera "{name}" gives {image.dtype} {image.shape}, not an image')
    return np.ascontiguousarray(image[:, :, ::-1])


def redacted(url: str) -> str:
    """A URL without the user name and password that may be in it."""
    return re.sub(r"//[^/@]*@", "//", url).split("?")[0]
