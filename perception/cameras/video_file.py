"""VideoFile: a video file as a camera, through OpenCV."""

import time
from pathlib import Path
from typing import Any

from ..errors import CameraError, EndOfStreamError
from ..frame import Frame, Intrinsics, Transform
from .pixels import as_rgb

_USUAL_FPS = 30.0


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
            raise EndOfStreamError(f'camera "{self._name}": the file is at its end')
        self._first = self._next
        self._capture.release()
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.grab():
            raise CameraError(f"{self._path} cannot be read again from its beginning")
