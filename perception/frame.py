"""Frame: one camera reading; Camera: what gives them.

The world frame is the robot's base frame (x forward, y to the robot's left, z up). The camera
frame is OpenCV's: x right, y down, z forward.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""[H, W, 3] uint8, RGB."""
Depth = npt.NDArray[np.float32]
"""[H, W] float32, metres along the optical axis; 0 or NaN marks no reading."""
Transform = npt.NDArray[np.float64]
"""[4, 4] float64, rigid; `T_a_b` maps points of b into a."""
Points = npt.NDArray[np.float32]
"""[N, 3] float32, metres."""
Mask = npt.NDArray[np.bool_]
"""[H, W] bool."""


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole camera intrinsics, pixels; no distortion.

    Attributes:
        width, height: image size.
        fx, fy: focal lengths.
        cx, cy: principal point, in the convention that pixel (0, 0) has its centre at (0, 0).
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def from_fov(cls, width: int, height: int, fov_y_rad: float) -> "Intrinsics":
        """Intrinsics of an ideal camera with square pixels and a vertical field of view."""
        f = height / (2.0 * np.tan(fov_y_rad / 2.0))
        return cls(width, height, float(f), float(f), (width - 1) / 2.0, (height - 1) / 2.0)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """[3, 3] float64 camera matrix K."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Frame:
    """One camera reading.

    Attributes:
        rgb: [H, W, 3] uint8.
        camera: the camera's name.
        sequence: counts the camera's readings.
        stamp_s: when it was taken, seconds on the camera's monotonic clock.
        depth: [H, W] float32 metres, or None without a depth sensor.
        intrinsics: None where unknown.
        T_world_camera: [4, 4] camera pose in the robot's base frame, or None where unknown.
    """

    rgb: Image
    camera: str
    sequence: int
    stamp_s: float
    depth: Depth | None = None
    intrinsics: Intrinsics | None = None
    T_world_camera: Transform | None = None


@runtime_checkable
class Camera(Protocol):
    """Gives Frames.

    `read` returns a frame that was taken at most `max_age_s` before it was called, waits for one
    if it must, and raises `CameraError` if none comes; it never returns a stale one.
    """

    @property
    def name(self) -> str:
        """Unique among a robot's cameras."""

    def read(self, max_age_s: float = 1.0) -> Frame:
        """Return a fresh frame; raises CameraError."""

    def close(self) -> None:
        """Release the device; idempotent."""
