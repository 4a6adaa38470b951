"""Spots: free places on the table, by name and by relation to what stands there."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from handeye.perception.frame import Points
from handeye.perception.furniture import Hollow
from handeye.perception.scene import Scene, SceneObject

from .running import Failed
from .skill import Code

SpotName = Literal[
    "middle",
    "left",
    "right",
    "near",
    "far",
    "near_left_corner",
    "near_right_corner",
    "far_left_corner",
    "far_right_corner",
]
NAMED_SPOTS: tuple[SpotName, ...] = get_args(SpotName)
_MARGIN_M, _LEAST_MARGIN_M = 0.025, 0.012
_REACH_M = 0.74
_GAPS_M, _WIDER_GAPS_M = (0.03, 0.045, 0.06, 0.08, 0.10), (0.13, 0.16)
"""Between things that are put beside each other."""
_WALL_M = 0.012
_SIDES_M, _NEAR_SIDES_M = 0.02, 0.03
"""Room that the sides of a drawer take; what is seen nearer to them is most likely theirs."""
_FLOOR_M = 0.012
_LEAST_POINTS = 8
_BOUNDS = ((0.28, -0.41), (0.72, 0.41))
Spot = tuple[float, float]
"""(x, y), m, base frame."""
_DIRECTIONS = {
    "left_of": (0.0, 1.0),
    "right_of": (0.0, -1.0),
    "behind": (1.0, 0.0),
    "in_front_of": (-1.0, 0.0),
}


def named_spot(spot: SpotName, scene: Scene) -> tuple[float, float]:
    """(x, y) of a named part of the table, m, base frame; near is near to the robot."""
    (x0, y0), (x1, y1) = scene.table_bounds
    x0, x1, y0, y1 = x0 + 0.10, x1 - 0.13, y0 + 0.12, y1 - 0.12
    x = x0 if "near" in spot else x1 if "far" in spot else (x0 + x1) / 2
    y = y1 if "left" in spot else y0 if "right" in spot else (y0 + y1) / 2
    return x, y


def free_near(wanted: Spot, radius_m: float, cloud: Points, table_m: float) -> list[Spot]:
    """The free places near a point for something of a radius, nearest first.

    Raises Failed(NO_ROOM) where there are none, as the next two do.
    """
    grid = _ring_of_candidates(np.array(wanted), 0.20)
    return _free(grid, radius_m, cloud, table_m, "near there")


def beside(
    relation: str, reference: SceneObject, radius_m: float, cloud: Points, table_m: float
) -> list[Spot]:
    """The free places in a direction of an object, or next to it, best first."""
    center = np.array(reference.position[:2])
    own = max(reference.size[:2]) / 2
    directions = (
        [np.array(_DIRECTIONS[relation])]
        if relation in _DIRECTIONS
        else [np.array([np.cos(a), np.sin(a)]) for a in np.arange(12) * np.pi / 6]
    )
    candidates = []
    # What lies farther off is no longer next to it, but left of it all the same.
    for gap in (*_GAPS_M, *(_WIDER_GAPS_M if relation in _DIRECTIONS else ())):
        for turn in (0.0, 0.2, -0.2, 0.4, -0.4, 0.6, -0.6):
            for d in directions:
                c, s = np.cos(turn), np.sin(turn)
                turned = np.array([c * d[0] - s * d[1], s * d[0] + c * d[1]])
                candidates.append(center + turned * (own + radius_m + gap))
    words = relation.replace("_", " ")
    return _free(np.array(candidates), radius_m, cloud, table_m, f"{words} the {reference.name}")


def between(
    first: SceneObject, second: SceneObject, radius_m: float, cloud: Points, table_m: float
) -> list[Spot]:
    """The free places on the line between two objects, best first."""
    a, b = np.array(first.position[:2]), np.array(second.position[:2])
    shares = 0.5 + np.array([0, 0.06, -0.06, 0.12, -0.12, 0.18, -0.18, 0.24, -0.24])
    candidates = a + shares[:, None] * (b - a)
    return _free(
        candidates, radius_m, cloud, table_m, f"between the {first.name} and the {second.name}"
    )


def free_on(
    base: SceneObject,
    radius_m: float,
    lying: Sequence[SceneObject],
    across: npt.NDArray[np.float64],
    reach_m: float | None = None,
) -> tuple[float, float]:
    """A place on a dish beside what lies there, as near to its middle as can be.

    Args:
        base: the dish.
        radius_m: of what is to be put down.
        lying: what lies on it.
        across: [2] direction in which the gripper opens; its fingers need room there.
        reach_m: how far from the dish's middle; None for most of the way to its edge.

    Raises Failed(NO_ROOM).
    """
    middle = np.array(base.position[:2])
    reach = 0.4 * min(base.size[:2]) if reach_m is None else reach_m
    others = [(np.array(t.position[:2]), max(t.size[:2]) / 2) for t in lying]
    grid = _ring_of_candidates(middle, reach)
    grid = grid[np.hypot(*(grid - middle).T) <= reach]
    # The boxes around turned things are wider than the things.
    for share in (1.0, 0.85, 0.72):
        for finger_m in (0.02, 0.0):
            for x, y in grid:
                gaps = [
                    float(np.hypot(*(spot := np.array([x, y]) - other)))
                    - share * (own + radius_m)
                    - finger_m * abs(float(spot @ across)) / (float(np.hypot(*spot)) + 1e-9)
                    for other, own in others
                ]
                if min(gaps) > 0.004:
                    return float(x), float(y)
    raise Failed(Code.NO_ROOM, f"there is no free place left on the {base.name}")


def free_in(
    base: SceneObject,
    radius_m: float,
    lying: Sequence[SceneObject],
    across: npt.NDArray[np.float64],
) -> tuple[float, float]:
    """A place in a bowl beside what lies in it; its middle where it is empty, or too full."""
    x, y, _ = base.position
    reach = 0.5 * min(base.size[:2]) - _WALL_M - radius_m
    if not lying or reach < _WALL_M:
        return x, y
    try:
        return free_on(base, radius_m, lying, across, reach)
    except Failed:
        return x, y


def free_inside(
    drawer: Hollow, radius_m: float, cloud: Points, lying: Sequence[SceneObject]
) -> tuple[float, float]:
    """Where in an open drawer there is most room beside what lies there.

    What goes into an empty one is put to one side, if another of its size may find room beside.

    Args:
        drawer: its inside.
        radius_m: of what is to be put down.
        cloud: [N, 3] what is seen, without what is to be put down, m.
        lying: what is known to lie in it, seen or not.
    """
    across = np.array([-drawer.along[1], drawer.along[0]])
    half = drawer.width_m / 2 - _SIDES_M
    reach = half - radius_m
    x, y = drawer.middle
    if reach < radius_m:
        return float(x), float(y)
    taken = [np.zeros(0)]
    if len(cloud):
        u, v = ((cloud[:, :2] - drawer.middle) @ np.array([drawer.along, across]).T).T
        within = (
            (np.abs(u) < drawer.length_m / 2 - _NEAR_SIDES_M)
            & (np.abs(v) < drawer.width_m / 2 - _NEAR_SIDES_M)
            & (cloud[:, 2] < drawer.rim_m)
        )
        z = cloud[within, 2]
        standing = z > np.percentile(z, 5) + _FLOOR_M if len(z) else np.zeros(0, np.bool_)
        if standing.sum() >= _LEAST_POINTS:
            taken.append(v[within][standing])
    for other in lying:
        middle = float((np.array(other.position[:2]) - drawer.middle) @ across)
        taken.append(middle + np.array([-0.5, 0.0, 0.5]) * max(other.size[:2]))
    occupied = np.concatenate(taken)
    shifts = np.linspace(-reach, reach, 13)
    if len(occupied):
        gaps = np.abs(shifts[:, None] - occupied).min(axis=1)
        # As far from what lies there as from the side.
        room = np.minimum(gaps, half - np.abs(shifts))
        shift = float(shifts[int(room.argmax())])
    else:
        shift = half / 2
    x, y = drawer.middle + shift * across
    return float(x), float(y)


def _ring_of_candidates(center: npt.NDArray[np.float64], reach: float) -> npt.NDArray[np.float64]:
    steps = np.arange(-reach, reach + 1e-6, min(0.02, reach / 6))
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    order = np.argsort(np.hypot(*grid.T), kind="stable")
    return np.asarray(center + grid[order])


def _free(
    candidates: npt.NDArray[np.float64],
    radius_m: float,
    cloud: Points,
    table_m: float,
    where: str,
) -> list[Spot]:
    """Those of candidates [N, 2] with some room around, then those with less."""
    (x0, y0), (x1, y1) = _BOUNDS
    x, y = candidates.T
    inside = (x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1) & (np.hypot(x, y) < _REACH_M)
    candidates = candidates[inside]
    room = np.full(len(candidates), np.inf)
    tall = cloud[cloud[:, 2] > table_m + 0.006] if len(cloud) else cloud
    if len(tall) and len(candidates):
        from scipy.spatial import cKDTree

        room = np.asarray(cKDTree(tall[:, :2]).query(candidates)[0]) - radius_m
    roomy = room > _MARGIN_M
    order = [*np.flatnonzero(roomy), *np.flatnonzero(~roomy & (room > _LEAST_MARGIN_M))]
    if not order:
        raise Failed(Code.NO_ROOM, f"there is no free place {where}")
    return [(float(x), float(y)) for x, y in candidates[order]]
