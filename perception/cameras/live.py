"""LiveCamera: a webcam or a network stream, through OpenCV."""

import time
from typing import Any

from ..addresses import redacted
from ..errors import CameraError
from ..frame import Frame, Image, Intrinsics, Transform
from .device import Device
from .pixels import as_rgb, rgb_of_jpeg

_USUAL_FPS = 30.0
_MOST_QUEUED = 300
_CUT_OFF_S = 1.0
"""For so long pictures that break off are passed over, as a bad link sends some."""


class LiveCamera:
    """A webcam or a network stream; opened by the first read.

    What queued up in the driver while nobody read is thrown away, so a frame is never stale. After
    a failed read the device is released, and the next read tries to open it again. A frame is
    stamped when it arrives here: how long a network took is known to nobody.

    Args:
        source: a webcam's index, or a URL that FFmpeg can open (rtsp, http, …).
        name: the camera's name; made from the source by default, without passwords.
        timeout_s: for opening a network stream, and for each of its frames.
        intrinsics, T_world_camera: handed on with each frame, where they are known.

    Attributes:
        dropped: frames that queued up and were thrown away; `sequence` counts them too.
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
        self._device = Device(self._release)
        self._raw = False
        self._sequence = 0
        self._last_s = 0.0
        self._period_s = 1.0 / _USUAL_FPS
        self.dropped = 0

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""
        return self._name

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002 - it is always a new one
        """Wait for the device's next whole frame; raises CameraError."""
        with self._device.reading():
            return self._next()

    def close(self) -> None:
        """Release the device; idempotent. A read that hangs is not waited for: it does it then."""
        self._device.close()

    def _next(self) -> Frame:
        if self._device.closed:
            raise CameraError(f'camera "{self._name}" is closed')
        rgb = self._picture(self._opened())
        return Frame(
            rgb,
            self._name,
            self._sequence,
            self._last_s,
            intrinsics=self._intrinsics,
            T_world_camera=self._T_world_camera,
        )

    def _picture(self, capture: Any) -> Image:
        """The next picture that came whole."""
        began_s = time.monotonic()
        while True:
            good, data = capture.retrieve() if self._grab(capture) else (False, None)
            if not good or data is None:
                self._release()
                raise CameraError(f'camera "{self._name}" gives no frames; is it still connected?')
            rgb = rgb_of_jpeg(data.tobytes()) if self._raw else as_rgb(data, self._name)
            if rgb is not None:
                return rgb
            self.dropped += 1
            if time.monotonic() - began_s > _CUT_OFF_S:
                self._release()
                raise CameraError(f'camera "{self._name}" sends pictures that break off')

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
            raise CameraError(f'camera "{self._name}" cannot be opened: no {what} answers there')
        # Of single JPEGs FFmpeg does not say whether they break off; their bytes do.
        jpegs = int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")
        network = not isinstance(self._source, int)
        self._raw = network and jpegs and bool(capture.set(cv2.CAP_PROP_FORMAT, -1))
        fps = capture.get(cv2.CAP_PROP_FPS)
        self._period_s = 1.0 / (fps if 1.0 <= fps <= 240.0 else _USUAL_FPS)
        # What came while the stream was being probed is old by now.
        self._capture, self._last_s = capture, 0.0
        return capture

    def _grab(self, capture: Any) -> bool:
        """Grab the next frame; after a while without reading, the first that did not queue.

        What queued comes at once, while a new frame has to be waited for.
        """
        queued = time.monotonic() - self._last_s > 2 * self._period_s
        for k in range(_MOST_QUEUED if queued else 1):
            before = time.monotonic()
            if not capture.grab():
                return False
            self._sequence += 1
            self.dropped += k > 0
            if time.monotonic() - before > self._period_s / 2:
                break
        self._last_s = time.monotonic()
        return True

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
