"""VideoFile: a video file as a camera, through OpenCV."""

import time
from pathlib import Path
from typing import Any

from ..errors import CameraError, EndOfStreamError
from ..frame import Frame, Intrinsics, Transform
from .device import Device
from .pixels import as_rgb

_USUAL_FPS = 30.0


class VideoFile:
    """A video file, in real time or as fast as it is read.

    In real time the first read starts the clock, frames whose time has passed are dropped, and
    stamps are on `time.monotonic()`. As fast as possible, every frame comes once, and stamps are
    the video's own time.

    Args:
        path: the file.
        name: the camera's name; the file's by default.
        realtime: whether to keep to the file's frame rate.
        loop: whether to begin again at the end.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Attributes:
        realtime: whether it keeps to the file's frame rate.
        dropped: frames that were passed over; `sequence` counts them too.

    Raises:
        CameraError: the file is missing, or is no video.
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
        self.realtime, self._loop = realtime, loop
        self._intrinsics, self._T_world_camera = intrinsics, T_world_camera
        self._broken = False
        self._device = Device(lambda: self._capture.release())
        self._start_s: float | None = None
        self._read = self._passed = 0
        self._due_s = self._before_s = 0.0
        self.dropped = 0
        self._open()

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    @property
    def frames(self) -> int:
        """How many there are, as the file's header estimates it; 0 where it does not say."""
        return self._count

    def read(self, max_age_s: float = 1.0) -> Frame:
        """Return the frame that is due, or the next one.

        Raises:
            CameraError: a frame cannot be decoded, or the file breaks off; the next read goes on.
            EndOfStreamError: every frame was passed.
        """
        with self._device.reading():
            return self._next(max_age_s)

    def close(self) -> None:
        """Close the file; idempotent. A read that is under way is not waited for: it does it."""
        self._device.close()

    def _next(self, max_age_s: float) -> Frame:
        if self._device.closed:
            raise CameraError(f'camera "{self._name}" is closed')
        self._grab()
        if self.realtime:
            self._keep_pace(max_age_s)
        good, bgr = self._capture.retrieve()
        if not good or bgr is None:
            raise CameraError(f"{self._path}: frame {self._passed} cannot be decoded")
        return Frame(
            as_rgb(bgr, self._name),
            self._name,
            self._read,
            self._stamp_s(),
            intrinsics=self._intrinsics,
            T_world_camera=self._T_world_camera,
        )

    def _open(self) -> None:
        import cv2

        if not self._path.is_file():
            raise CameraError(f"there is no video file {self._path}")
        self._capture: Any = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise CameraError(f"{self._path} is not a video that FFmpeg can read")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if 0.1 <= fps <= 1000.0 else _USUAL_FPS
        self._count = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)

    def _stamp_s(self) -> float:
        return (self._start_s or 0.0) + self._due_s

    def _keep_pace(self, max_age_s: float) -> None:
        """Pass over frames whose time is over; wait for the next one if it is not due."""
        if self._start_s is None:
            self._start_s = time.monotonic() - self._due_s
        oldest_s = min(max_age_s, 1.0 / self._fps)
        while self._stamp_s() < time.monotonic() - oldest_s:
            self._grab()
            self.dropped += 1
        wait_s = self._stamp_s() - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)

    def _grab(self) -> None:
        """Go to the next frame, and take its time from the file: not all keep one rate."""
        import cv2

        if not self._capture.grab():
            self._rewind_or_end()
        told_s = self._before_s + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        first = self._read == 0
        self._read += 1
        self._passed += 1
        if first:
            self._due_s = max(told_s, 0.0)
        else:
            self._due_s = told_s if told_s > self._due_s else self._due_s + 1 / self._fps

    def _rewind_or_end(self) -> None:
        if not self._broken and (self._passed == 0 or self._breaks_off()):
            self._broken = True
            raise CameraError(f"{self._path} breaks off at frame {self._passed} of {self._count}")
        if not self._loop or self._broken:
            raise EndOfStreamError(f'camera "{self._name}": the file is at its end')
        self._capture.release()
        self._open()
        self._passed = 0
        self._before_s = self._due_s + 1 / self._fps
        if not self._capture.grab():
            raise CameraError(f"{self._path} cannot be read again from its beginning")

    def _breaks_off(self) -> bool:
        """Whether more than a tenth is missing, in frames and in time.

        The header's count is an estimate, from its duration and rate: a file of another rate, or
        of none, has fewer frames and lasts as long.
        """
        missing = self._passed < 0.9 * self._count - 1
        lasted_s = self._due_s - self._before_s
        return missing and lasted_s < 0.9 * self._count / self._fps - 1 / self._fps
