"""Upright: stand a tall thing up that has fallen over."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from handeye.perception.conditions import Condition, Standing
from handeye.perception.frame import Points, Transform
from handeye.perception.relations import is_tall
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import Grasp, is_free, lean
from .hand import HAND, about, along
from .motion import Mover
from .pick import see_grasps
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext
from .spots import free_near

_LEANS = (0.35, 0.18, 0.0)
"""How far the hand leans over the thing's foot when it grasps, rad: so much less it must turn."""
_ACROSS = 0.35
_PREGRASP_M = 0.09
_LIFT_M = 0.14
_ABOVE_M = 0.06
_RETREAT_M = 0.10
_RELEASE_M = 0.003
_CLEAR_M = 0.008
_HEADINGS = 16


class Upright(Skill):
    """Stand up a bottle, can or box that has fallen over."""

    name: ClassVar[str] = "upright"

    target: str = Field(description="what lies", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:
        """The target stands."""
        return Standing(object=self.target) if self.target in scene.objects else None

    def execute(self, context: SkillContext) -> Outcome:
        """Grasp it across its axis, lift it, turn it, set it on its foot, and let go."""
        return run(context, lambda mover: _upright(self.target, context, mover))


@dataclass(frozen=True, eq=False)
class Lying:
    """How a thing lies.

    Attributes:
        foot: [3] middle of its foot, m, base frame.
        axis: [3] unit vector from its foot to its top, level.
        width_m, length_m: across and along the axis.
        sure: whether its two ends differ; otherwise either may be the foot.
    """

    foot: npt.NDArray[np.float64]
    axis: npt.NDArray[np.float64]
    width_m: float
    length_m: float
    sure: bool

    def turned_around(self) -> "Lying":
        """The same with head and foot exchanged."""
        top = self.foot + self.axis * self.length_m
        return Lying(top, -self.axis, self.width_m, self.length_m, self.sure)


@dataclass(frozen=True, eq=False)
class _SetDown:
    """A grasp, and the poses [4, 4] of the TCP over the place, at it, and back from it."""

    grasp: Grasp
    over: Transform
    at: Transform
    back: Transform


def how_it_lies(points: Points, table_m: float) -> Lying | None:
    """Axis and ends of something long that lies on the table; None where it is not long.

    The thinner end is the top: a bottle's neck.

    Args:
        points: [N, 3] its surface as seen, m, base frame.
        table_m: height of the table.
    """
    if len(points) < 30:
        return None
    flat = points[:, :2] - points[:, :2].mean(axis=0)
    _, _, rows = np.linalg.svd(flat, full_matrices=False)
    length_wise, across = flat @ rows[0], flat @ rows[1]
    (low, high), (left, right) = np.percentile(length_wise, [1, 99]), np.percentile(across, [2, 98])
    length, width = float(high - low), float(right - left)
    if length < 1.2 * width:
        return None
    ends = [length_wise < low + 0.2 * length, length_wise > high - 0.2 * length]
    breadths = [float(np.ptp(across[end])) if end.sum() > 5 else width for end in ends]
    sign = 1.0 if breadths[1] <= breadths[0] else -1.0
    axis = sign * np.array([*rows[0], 0.0])
    foot = points[:, :2].mean(axis=0) + rows[0] * (low if sign > 0 else high)
    foot = foot + rows[1] * (left + right) / 2
    height = float(np.percentile(points[:, 2], 98))
    return Lying(
        np.array([*foot, (table_m + height) / 2]),
        axis,
        width,
        length,
        min(breadths) < 0.75 * max(breadths),
    )


def _upright(target: str, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    if sight.scene.holding is not None:
        held = sight.scene.objects[sight.scene.holding].name
        raise Failed(Code.HANDS_FULL, f"the gripper holds the {held}; place it first")
    identity = sight.resolve(target)
    if is_tall(sight.scene.objects[identity]):
        return Outcome(code=Code.OK, message=f"{identity} stands already")
    grasps = see_grasps(identity, context, mover)
    table = sight.scene.table_height_m
    lying = how_it_lies(sight.points(identity), table)
    if lying is None:
        raise Failed(Code.NO_GRASP, f"{identity} is not longer than wide; it cannot be stood up")
    cloud = sight.cloud(exclude=[identity])
    radius = lying.width_m / 2
    place = free_near((float(lying.foot[0]), float(lying.foot[1])), radius, cloud, table)[0]
    way = next(_ways(grasps, lying, place, identity, context, mover), None)
    if way is None:
        raise Failed(Code.UNREACHABLE, f"{identity} cannot be turned upright where it lies")
    width = _lift(way.grasp, identity, context, mover)
    context.report(f"setting {identity} upright")
    mover.over(way.over, below_m=lying.length_m, ignore=[identity], speed=0.7)
    mover.straight(way.at, speed=0.25)
    mover.gripper(min(width + 0.03, mover.robot.spec.gripper_stroke_m))
    mover.straight(way.back, speed=0.3)
    mover.lift(float(way.back[2, 3]) + 0.15)
    mover.home()
    evidence = {"point": [round(v, 3) for v in place], "length_m": round(lying.length_m, 3)}
    return Outcome(code=Code.OK, message=f"set {identity} upright", evidence=evidence)


def _lift(grasp: Grasp, identity: str, context: SkillContext, mover: Mover) -> float:
    """Take hold of it and lift it; returns the width that is held, m."""
    context.report(f"grasping {identity} across")
    above = along(grasp.T_base_tcp, -_PREGRASP_M)
    mover.over(above, ignore=[identity])
    mover.gripper(grasp.opening_m)
    mover.straight(grasp.T_base_tcp, speed=0.35)
    mover.gripper(0.0, force_n=35.0)
    state = mover.lift(float(grasp.T_base_tcp[2, 3]) + _LIFT_M, speed=0.4)
    if not mover.robot.spec.grips(state.gripper_width_m):
        mover.home()
        raise Failed(Code.SLIPPED, f"{identity} slipped out while it was lifted")
    return state.gripper_width_m


def _ways(
    grasps: list[Grasp],
    lying: Lying,
    place: tuple[float, float],
    identity: str,
    context: SkillContext,
    mover: Mover,
) -> Iterator[_SetDown]:
    """Grasps across the axis with a turn that the arm can make; the highest hold first."""
    sight, spec = context.sight, context.robot.spec
    points, cloud = sight.points(identity), sight.cloud(exclude=[identity])
    table = sight.scene.table_height_m
    for end in (lying,) if lying.sure else (lying, lying.turned_around()):
        fitting = [g for g in grasps if abs(float(g.T_base_tcp[:3, 1] @ end.axis)) < _ACROSS]
        fitting.sort(key=lambda g: -float((g.T_base_tcp[:3, 3] - end.foot) @ end.axis))
        for grasp in fitting:
            for angle in _LEANS:
                leaned = _leaned(grasp, end, angle)
                if is_free(leaned, points, cloud, table, spec):
                    yield from _turns(leaned, end, place, table, mover)


def _leaned(grasp: Grasp, lying: Lying, angle: float) -> Grasp:
    """The grasp with the hand leaning over the top, so that it approaches towards the foot."""
    across, approach = grasp.T_base_tcp[:3, 1], grasp.T_base_tcp[:3, 2]
    sign = 1.0 if float(np.cross(across, approach) @ lying.axis) < 0 else -1.0
    return lean(grasp, sign * angle)


def _turns(
    grasp: Grasp, lying: Lying, place: tuple[float, float], table_m: float, mover: Mover
) -> Iterator[_SetDown]:
    raising = about(np.cross(lying.axis, (0.0, 0.0, 1.0)), np.pi / 2)
    from_foot = grasp.T_base_tcp[:3, 3] - lying.foot
    for heading in np.arange(_HEADINGS) * 2 * np.pi / _HEADINGS:
        turn = about(np.array([0.0, 0.0, 1.0]), float(heading)) @ raising
        at = np.eye(4)
        at[:3, :3] = turn @ grasp.T_base_tcp[:3, :3]
        at[:3, 3] = np.array([*place, table_m + _RELEASE_M]) + turn @ from_foot
        hand = HAND @ at[:3, :3].T + at[:3, 3]
        if hand[:, 2].min() < table_m + _CLEAR_M:
            continue
        over = at.copy()
        over[2, 3] += _ABOVE_M
        back = along(at, -_RETREAT_M)
        if mover.followable([over, at, back]) == 3:
            yield _SetDown(grasp, over, at, back)
