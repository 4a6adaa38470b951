"""Lifting: detections to 3-D, through depth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arm_view import ArmView
from .frame import Frame, Mask, Points
from .geometry import main_cluster, points_of, thin_out
from .scene import Vec3
from .vlm.verbs import Detection

_ABOVE_M = 0.004
_MIN_POINTS = 8


@dataclass(frozen=True, eq=False)
class Lifted:
    """A detection with its place in the world.

    Attributes:
        detection: what was seen.
        camera: by which camera.
        points: [N, 3] float32, its surface as seen, m, base frame.
        low, high: corners of its axis-aligned bounding box, m.
        complete: whether the box does not touch the image's border.
    """

    detection: Detection
    camera: str
    points: Points
    low: np.ndarray
    high: np.ndarray
    complete: bool

    @property
    def center(self) -> np.ndarray:
        """Middle of the bounding box, m."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def size(self) -> Vec3:
        """Extents of the bounding box, m."""
        x, y, z = (float(v) for v in self.high - self.low)
        return x, y, z


def lift(
    detections: Sequence[Detection], frame: Frame, table_m: float, arm: ArmView | None
) -> list[Lifted]:
    """Lift what has enough depth readings above the table; the rest is left out."""
    found = []
    for detection in detections:
        mask = detection.mask if detection.mask is not None else _box_mask(detection, frame)
        points = points_of(frame, mask)
        points = points[points[:, 2] > table_m + _ABOVE_M]
        if arm is not None and len(points):
            points = points[~arm.covers(points)]
        points = main_cluster(points)
        if len(points) >= _MIN_POINTS:
            found.append(_lifted(detection, frame, points, table_m))
    return found


def _lifted(detection: Detection, frame: Frame, points: Points, table_m: float) -> Lifted:
    low, high = np.percentile(points, [1, 99], axis=0)
    if low[2] < table_m + 0.03:
        low[2] = table_m
    height, width = frame.rgb.shape[:2]
    x0, y0, x1, y1 = detection.box
    complete = x0 > 2 and y0 > 2 and x1 < width - 2 and y1 < height - 2
    return Lifted(detection, frame.camera, thin_out(points, 0.002), low, high, complete)


def _box_mask(detection: Detection, frame: Frame) -> Mask:
    mask = np.zeros(frame.rgb.shape[:2], dtype=np.bool_)
    x0, y0, x1, y1 = (round(v) for v in detection.box)
    mask[max(y0, 0) : y1, max(x0, 0) : x1] = True
    return mask
