"""PushedCamera: a camera whose pictures are handed to it, such as a ROS topic's."""

import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CameraError
from ..frame import Depth, Frame, Intrinsics, Transform
from ..images import open_image
from .check import check_frame
from .inbox import Inbox

_DEPTH_HEADER = struct.Struct("<iff")
"""Of compressedDepth: the kind of compression, and the two parameters of inverse depth."""
_PNG_SIZE, _PNG_SIZE_AT = struct.Struct(">II"), 16
"""A PNG's width and height, and where they are in it."""
_MOST_PIXELS = 100_000_000


class PushedCamera(Inbox):
    """A camera without a thread: whoever has pictures pushes them, whoever needs one reads it.

    For topics (`node.create_subscription(CompressedImage, topic, camera.push_ros, 1)`), for
    simulators, which draw in their own thread, and for anything that calls back. What is pushed
    never raises into the one who pushes: garbage is counted, and `read` says why nothing comes.

    Args:
        name: the camera's name.
        deadline_s: the silence after which the camera counts as dead.
        clock: the clock that stamps what is pushed, seconds; ROS's is the system's time of day
            unless it runs on simulated time.
        intrinsics, T_world_camera: handed on with each picture, where they are known.
    """

    def __init__(
        self,
        name: str,
        *,
        deadline_s: float = 2.0,
        clock: Callable[[], float] = time.time,
        intrinsics: Intrinsics | None = None,
        T_world_camera: Transform | None = None,
    ) -> None:
        super().__init__(name, deadline_s=deadline_s, clock=clock)
        self._intrinsics, self._T_world_camera = intrinsics, T_world_camera
        self._pushed = 0

    def push(self, frame: Frame) -> None:
        """Hand over a frame; its stamp is of `clock`."""
        try:
            check_frame(frame, self.name)
        except Exception as error:  # A frame may hold anything.
            self._fail(error)
        else:
            self._put(frame)

    def push_encoded(
        self, data: bytes, stamp_s: float | None = None, depth: Depth | None = None
    ) -> None:
        """Hand over a JPEG, PNG or WebP file's bytes.

        Args:
            data: the file.
            stamp_s: when it was taken, on `clock`; now, by default.
            depth: [H, W] float32 metres, registered to the image.
        """
        self._pushed += 1
        try:
            rgb = open_image(bytes(data))
        except Exception as error:  # Such as None instead of bytes.
            self._fail(error)
            return
        stamp_s = self._now_s() if stamp_s is None else stamp_s
        self.push(
            Frame(
                rgb, self.name, self._pushed, stamp_s, depth, self._intrinsics, self._T_world_camera
            )
        )

    def push_ros(self, image: Any, depth: Any = None) -> None:
        """Hand over a ROS 2 sensor_msgs/CompressedImage, and its compressedDepth.

        Args:
            image: a message with `data` and `header.stamp`.
            depth: with `data` and `format`, registered to the image and of the same moment.
        """
        try:
            stamp = image.header.stamp
            stamp_s = stamp.sec + 1e-9 * stamp.nanosec
            metres = None if depth is None else depth_of(bytes(depth.data), depth.format)
        except Exception as error:  # A message may lack anything.
            self._pushed += 1
            self._fail(error)
            return
        self.push_encoded(image.data, stamp_s, metres)

    def _now_s(self) -> float:
        return self._clock() if self._clock else time.monotonic()


def depth_of(data: bytes, form: str) -> Depth:
    """Decode ROS's compressedDepth (a 12-byte header, then a 16-bit PNG).

    Args:
        data: the message's bytes.
        form: its format: "16UC1; compressedDepth" in millimetres, "32FC1; compressedDepth" as
            inverse depth.

    Returns:
        [H, W] float32 metres; 0 marks no reading.

    Raises:
        CameraError: the bytes are no such image.
    """
    values = _png(data[_DEPTH_HEADER.size :])
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise CameraError(f'{len(data)} bytes of "{form}" are no compressedDepth image')
    numbers = np.asarray(values, np.float32)
    if form.startswith("16UC1"):
        return np.asarray(numbers / 1000.0, np.float32)
    _, scale, offset = _DEPTH_HEADER.unpack_from(data)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = scale / (numbers - offset)
    return np.where((numbers > 0) & np.isfinite(metres) & (metres > 0), metres, 0).astype(
        np.float32
    )


def _png(data: bytes) -> Any:
    """The values of a PNG; None for what is none, or claims to be larger than any depth image."""
    import cv2

    if len(data) < _PNG_SIZE.size + _PNG_SIZE_AT:
        return None
    width, height = _PNG_SIZE.unpack_from(data, _PNG_SIZE_AT)
    if width * height > _MOST_PIXELS:
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
