"""Furniture: what the depth shows of drawers and doors.

The top of a piece of furniture shows its footprint. What sticks out of one of its sides is the
drawer, or the door, and its handle: how far tells whether it is open, and the handle tells how it
moves. A level one pulls a drawer out, one that stands upright turns a door.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .frame import Points
from .geometry import near

Vec2 = npt.NDArray[np.float64]

_TOP_M = 0.012
_CELL_M = 0.005
_AROUND_M, _PILE_M = 0.012, 0.003
_ASKEW_RAD = 0.3
"""How much a top that is cut off may mislead about how the box stands."""
_OUT_M = 0.014
"""How far something must stick out to be no part of the box."""
_REACH = 97
"""Percentile of how far points are behind a front that tells how far the box reaches."""
_LEAST_SIDE_M = 0.06
_LEAST_POINTS = 12
_JOINED_M = 0.012
"""Surfaces with less than this between them hang together."""
_OUTERMOST_M = 0.012
_HANDLE_OUT_M = 0.055
"""How far a handle stands off the front of what is closed."""
_CLOSED_M, _OPEN_M, _DOOR_OPEN_M = 0.056, 0.115, 0.157
"""What sticks out less is closed, what sticks out more is open; a door's edge goes farther out."""


@dataclass(frozen=True, eq=False)
class Front:
    """The side of a piece of furniture that something sticks out of.

    Attributes:
        a, b: [2] the ends of the side, m, base frame.
        normal: [2] unit vector out of it.
        depth_m: how far the box reaches behind it.
        outside: [N, 3] what sticks out, m.
    """

    a: Vec2
    b: Vec2
    normal: Vec2
    depth_m: float
    outside: Points

    @property
    def out_m(self) -> float:
        """How far it sticks out."""
        return float(np.percentile((self.outside[:, :2] - self.a) @ self.normal, 98))

    @property
    def outermost(self) -> Points:
        """[N, 3] the part of it that is farthest out: the handle of what slides, or is closed."""
        out = (self.outside[:, :2] - self.a) @ self.normal
        return self.outside[out > np.percentile(out, 99) - _OUTERMOST_M]

    @property
    def slides(self) -> bool:
        """Whether it is a drawer's, by a handle that is level; a door's is not."""
        handle = self.outermost
        along = handle[:, :2] @ (self.b - self.a) / float(np.linalg.norm(self.b - self.a))
        wide, high = (np.ptp(np.percentile(v, [3, 97])) for v in (along, handle[:, 2]))
        return bool(wide > high)


@dataclass(frozen=True, eq=False)
class Hollow:
    """The inside of a drawer that is pulled out, seen from above.

    Attributes:
        middle: [2] (x, y), m, base frame.
        along: [2] unit vector in which it is pulled out.
        length_m, width_m: along that, as far as it is open, and across.
        rim_m: height of its front.
    """

    middle: Vec2
    along: Vec2
    length_m: float
    width_m: float
    rim_m: float


def fronts(points: Points) -> list[Front]:
    """The sides that something sticks out of, that of which most is seen first.

    Args:
        points: [N, 3] a piece of furniture with all that hangs on it, m, base frame; z is up.
    """
    corners = footprint(points)
    if corners is None:
        return []
    found = []
    for i in range(4):
        a, b = corners[i], corners[(i + 1) % 4]
        edge = b - a
        length = float(np.linalg.norm(edge))
        if length < _LEAST_SIDE_M:
            continue
        normal = np.array([edge[1], -edge[0]]) / length
        if normal @ (corners.mean(axis=0) - a) > 0:
            normal = -normal
        out = (points[:, :2] - a) @ normal
        outside = points[out > _OUT_M]
        if len(outside) >= _LEAST_POINTS:
            # Of a top that is cut off, what is seen inside may show how much farther it reaches.
            behind = -out[out < 0]
            reach = float(np.percentile(behind, _REACH)) if len(behind) else 0.0
            depth = max(float(np.linalg.norm(corners[i - 1] - a)), reach)
            found.append(Front(a, b, normal, depth, outside))
    return sorted(found, key=lambda front: -len(front.outside))


def is_open(points: Points) -> bool | None:
    """Whether a drawer or door stands open; None where its surface [N, 3] does not tell."""
    return measured(points)[0]


def measured(points: Points) -> tuple[bool | None, Points | None]:
    """Whether a drawer or door stands open, and what is not of a door that does.

    Args:
        points: [N, 3] a piece of furniture with all that hangs on it, m, base frame; z is up.

    Returns:
        None where it cannot be told; and [K, 3], None where no door stands open: nothing lies in
        a door, as it does in a drawer.
    """
    found = fronts(points)
    if not found:
        return None, None
    front, out = found[0], found[0].out_m
    opened = out >= _CLOSED_M
    if opened and out <= (_OPEN_M if front.slides else _DOOR_OPEN_M):
        return None, None
    if not opened or front.slides:
        return opened, None
    return True, points[(points[:, :2] - front.a) @ front.normal <= _OUT_M]


def hollow(points: Points) -> Hollow | None:
    """The inside of a drawer that is pulled out; None where there is none to be seen.

    Args:
        points: [N, 3] the furniture, m, base frame.
    """
    found = fronts(points)
    if not found or found[0].out_m < _OPEN_M or not found[0].slides:
        return None
    front = found[0]
    length = front.out_m - _HANDLE_OUT_M
    middle = (front.a + front.b) / 2 + front.normal * length / 2
    width = float(np.linalg.norm(front.b - front.a))
    rim = float(np.percentile(front.outside[:, 2], 98))
    return Hollow(middle, front.normal, length, width, rim)


def footprint(points: Points) -> npt.NDArray[np.float64] | None:
    """[4, 2] corners of the box, from its top; handles and doors are too thin to be of it.

    Args:
        points: [N, 3] m, z is up.
    """
    import cv2

    if len(points) < 50:
        return None
    top = points[points[:, 2] > np.percentile(points[:, 2], 99) - _TOP_M][:, :2]
    low = top.min(axis=0) - 4 * _CELL_M
    cells = np.floor((top - low) / _CELL_M).astype(int)
    plan = np.zeros(cells.max(axis=0) + 5, np.uint8)
    plan[cells[:, 0], cells[:, 1]] = 1
    plan = np.asarray(cv2.morphologyEx(plan, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    plan = np.asarray(cv2.morphologyEx(plan, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)))
    solid = np.argwhere(plan > 0)
    if len(solid) < 60:
        return None
    rectangle = cv2.minAreaRect(((solid + 0.5) * _CELL_M + low).astype(np.float32))
    rough = np.asarray(cv2.boxPoints(rectangle), dtype=np.float64)
    return _straightened(rough, points[:, :2], top[plan[tuple(cells.T)] > 0])


def _straightened(
    rough: npt.NDArray[np.float64], points: npt.NDArray[np.floating], top: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """[4, 2] a rectangle that lies along the walls that are seen of the box.

    A camera's view may cut the top off askew; the walls below its edges tell how the box stands:
    looked at along them, their points pile up.

    Args:
        rough: [4, 2] its corners, about.
        points, top: [N, 2] of all that is seen, and of its top, m.
    """
    middle = rough.mean(axis=0)
    edge = rough[1] - rough[0]
    about = float(np.arctan2(edge[1], edge[0]))
    axes = _axes(about)
    half = np.abs((rough - middle) @ axes.T).max(axis=0) + _AROUND_M
    near_by = (points - middle).astype(np.float64)
    near_by = near_by[(np.abs(near_by @ axes.T) < half).all(axis=1)]

    def piled(angle: float) -> float:
        cells = np.round(near_by @ _axes(angle).T / _PILE_M).astype(int)
        return float(sum((np.bincount(c - c.min()).astype(np.float64) ** 2).sum() for c in cells.T))

    for spread, step in ((_ASKEW_RAD, 0.02), (0.02, 0.004)):
        turns = np.arange(-spread, spread + 1e-9, step)
        about = max((about + float(turn) for turn in turns), key=piled)
    axes = _axes(about)
    low, high = np.percentile((top - middle) @ axes.T, [0.5, 99.5], axis=0)
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    return np.asarray(middle + corners @ axes)


def _axes(angle: float) -> npt.NDArray[np.float64]:
    """[2, 2] unit vectors (rows) along an angle, and across."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def seen_again(points: Points, cloud: Points) -> Points:
    """[K, 3] of a later look [N, 3] what is of the same furniture, m; its known points [M, 3]."""
    return with_what_hangs_on(cloud[near(cloud, points)], cloud)


def with_what_hangs_on(points: Points, cloud: Points) -> Points:
    """A thing's surface, and what is seen to hang together with it.

    A model may leave out a door that stands open, or a handle; the depth shows that they are
    joined to the rest.

    Args:
        points: [N, 3] m, of the thing, as far as a model sees it.
        cloud: [M, 3] m, what is seen that is of no other thing.
    """
    from scipy import ndimage

    if not len(points) or not len(cloud):
        return points
    every = np.concatenate([points, cloud])
    low = every.min(axis=0)
    cells = np.floor((every - low) / _JOINED_M).astype(int)
    filled = np.zeros(cells.max(axis=0) + 1, np.bool_)
    filled[tuple(cells.T)] = True
    labels, _ = ndimage.label(filled, structure=np.ones((3, 3, 3)))
    label = labels[tuple(cells.T)]
    own = np.bincount(label[: len(points)]).argmax()
    return np.asarray(every[(label == own) | (np.arange(len(every)) < len(points))])
