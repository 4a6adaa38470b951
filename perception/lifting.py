"""Lifting: detections to 3-D, through depth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .arm_view import ArmView
from .frame import Frame, Mask, Points
from .geometry import main_cluster, points_of, thin_out
from .scene import Vec3
from .vlm.lexicon import read
from .vlm.verbs import Detection

_ABOVE_M = 0.004
_SLIVER_SHARE = 0.5
_MIN_POINTS = 8
_SAME_M = 0.006
_STANDS_OUT_M, _UPPER = 0.015, 0.4
"""Height from which something stands out of what it lies on, and where its upper part begins."""
_ROUND = frozenset({"ball", "can", "bottle"})
_CARRYING = frozenset({"plate", "bowl", "cup"})

Corner = npt.NDArray[np.float64]
"""[3] float64, metres, base frame."""


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
    low: Corner
    high: Corner
    complete: bool

    @property
    def name(self) -> tuple[str | None, str]:
        """Colour and category; read from the label where the model gives none."""
        detection = self.detection
        if detection.category is not None:
            return detection.color, detection.category
        words = read(detection.label)
        if words is not None and words.category is not None:
            return detection.color or words.color, words.category
        return detection.color, detection.label

    @property
    def center(self) -> Corner:
        """Middle of the bounding box, m."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def size(self) -> Vec3:
        """Extents of the bounding box, m."""
        x, y, z = (float(v) for v in self.high - self.low)
        return x, y, z

    def near(self, point: Corner, within_m: float) -> bool:
        """Whether its surface comes within a distance of a point [3], m."""
        return bool((np.linalg.norm(self.points - point, axis=1) < within_m).any())


def lift(
    detections: Sequence[Detection], frame: Frame, table_m: float, arm: ArmView | None
) -> list[Lifted]:
    """Lift what has enough depth readings above the table; the rest is left out.

    Args:
        detections: in pixels of `frame`; with a mask, only what is under it counts.
        frame: with depth, intrinsics and pose.
        table_m: height of the table, base frame.
        arm: its points are left out.

    Raises:
        CameraError: the frame has no depth, intrinsics or pose.
    """
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


def distinct(lifted: Sequence[Lifted]) -> list[Lifted]:
    """Of several readings of one surface the best scored; best first.

    A sliver within something of the same name is a piece of that, however it scored.
    """
    whole = [item for item in lifted if not any(_is_sliver(item, other) for other in lifted)]
    kept: list[Lifted] = []
    for item in sorted(whole, key=lambda other: -other.detection.score):
        if not any(_touch(item, other) and coincide(item.points, other.points) for other in kept):
            kept.append(item)
    return kept


def _is_sliver(item: Lifted, other: Lifted) -> bool:
    if item.name != other.name or len(item.points) > _SLIVER_SHARE * len(other.points):
        return False
    inside = (item.low > other.low - _SAME_M) & (item.high < other.high + _SAME_M)
    return bool(inside.all())


def apart(lifted: Sequence[Lifted], table_m: float) -> list[Lifted]:
    """What lies in or on a dish is not part of the dish, nor the dish a part of it.

    Box and mask of each take in some of the other.
    """
    dishes = [item for item in lifted if item.name[1] in _CARRYING]
    found = []
    for item in lifted:
        if item.name[1] not in _CARRYING and any(_is_over(item, dish) for dish in dishes):
            item = _standing_out(item, table_m)
        if item.name[1] in _CARRYING:
            for other in lifted:
                smaller = len(other.points) < 0.6 * len(item.points)
                if smaller and _touch(item, other):
                    item = without(item, other.points, table_m)
        found.append(item)
    return found


def _is_over(item: Lifted, dish: Lifted) -> bool:
    """Whether the middle of something is over a dish that is larger than it."""
    middle = item.center[:2]
    inside = (middle > dish.low[:2]).all() and (middle < dish.high[:2]).all()
    return bool(inside) and len(item.points) < len(dish.points)


def _standing_out(item: Lifted, table_m: float) -> Lifted:
    """A detection without what is beside, and lower than, the part of it that stands out."""
    low, high = np.percentile(item.points[:, 2], [2, 98])
    if high - low < _STANDS_OUT_M:
        return item
    upper = item.points[item.points[:, 2] > low + _UPPER * (high - low)][:, :2]
    if len(upper) < _MIN_POINTS:
        return item
    reach = upper.min(axis=0) - _SAME_M, upper.max(axis=0) + _SAME_M
    flat = item.points[:, :2]
    own = item.points[((flat > reach[0]) & (flat < reach[1])).all(axis=1)]
    low_corner, high_corner = bounds(own, table_m)
    return replace(item, points=own, low=low_corner, high=high_corner)


def without(item: Lifted, others: Points, table_m: float) -> Lifted:
    """A detection without what is known to be of others, such as what it stands on."""
    if not len(others):
        return item
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(others).query(item.points, distance_upper_bound=2 * _SAME_M)
    own = main_cluster(item.points[~np.isfinite(distance)])
    if len(own) < max(_MIN_POINTS, 0.15 * len(item.points)):
        return item
    low, high = bounds(own, table_m)
    return replace(item, points=own, low=low, high=high)


def coincide(a: Points, b: Points, share: float = 0.6) -> bool:
    """Whether two point sets are of one surface: most of each is close to the other."""
    return covered(a, b) > share and covered(b, a) > share


def covered(a: Points, b: Points) -> float:
    """Share of the points of a [N, 3] that are close to b [M, 3]."""
    if not len(a) or not len(b):
        return 0.0
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(b).query(a, distance_upper_bound=_SAME_M)
    return float(np.isfinite(distance).mean())


def bounds(
    points: Points, table_m: float, category: str = "", eye: Corner | None = None
) -> tuple[Corner, Corner]:
    """Corners of an axis-aligned box around points [N, 3], m.

    It reaches down to the table if it nearly does. A camera sees the front of a thing alone, so
    a round one is completed to be as deep as it is broad.

    Args:
        points: surface as seen.
        table_m: height of the table.
        category: what it is; "ball", "can" and "bottle" are round.
        eye: [3] where the camera is.
    """
    low, high = np.percentile(points, [1, 99], axis=0)
    if low[2] < table_m + 0.03:
        low[2] = table_m
    if category in _ROUND and eye is not None:
        low, high = _completed(points, low, high, eye)
    return low, high


def _completed(points: Points, low: Corner, high: Corner, eye: Corner) -> tuple[Corner, Corner]:
    sight = ((low + high) / 2 - eye)[:2]
    sight = sight / (float(np.linalg.norm(sight)) + 1e-9)
    along, across = points[:, :2] @ sight, points[:, :2] @ np.array([-sight[1], sight[0]])
    (near, far), (left, right) = np.percentile(along, [1, 99]), np.percentile(across, [1, 99])
    breadth, depth = right - left, far - near
    # Lying bottles are broad without being deep: what is not nearly round stays as it is.
    if not 0.55 * breadth < depth < breadth or high[2] - low[2] < 0.7 * breadth:
        return low, high
    center = sight * (near + breadth / 2) + np.array([-sight[1], sight[0]]) * (left + right) / 2
    low, high = low.copy(), high.copy()
    low[:2], high[:2] = center - breadth / 2, center + breadth / 2
    return low, high


def _lifted(detection: Detection, frame: Frame, points: Points, table_m: float) -> Lifted:
    low, high = bounds(points, table_m)
    height, width = frame.rgb.shape[:2]
    x0, y0, x1, y1 = detection.box
    complete = x0 > 2 and y0 > 2 and x1 < width - 2 and y1 < height - 2
    return Lifted(detection, frame.camera, thin_out(points, 0.002), low, high, complete)


def _touch(a: Lifted, b: Lifted) -> bool:
    return bool(np.all(a.low < b.high + _SAME_M) and np.all(b.low < a.high + _SAME_M))


def _box_mask(detection: Detection, frame: Frame) -> Mask:
    mask = np.zeros(frame.rgb.shape[:2], dtype=np.bool_)
    x0, y0, x1, y1 = (round(v) for v in detection.box)
    mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = True
    return mask
