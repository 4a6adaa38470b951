"""Pour: tip what is in an open vessel into another."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from handeye.perception.conditions import Condition
from handeye.perception.frame import Points, Transform
from handeye.perception.scene import Scene, SceneObject
from pydantic import Field

from .hand import HAND, about
from .motion import Mover
from .pick import take
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext

_TILT_RAD = 2.0
"""Beyond level, so that the lower wall of the vessel slopes to its lip."""
_STEPS = 12
_SHAKES = 2
_SHAKE_RAD = 0.2
_LIP_OVER_RIM_M = 0.025
_HAND_OVER_RIM_M = 0.02
_SHORT_OF_MIDDLE_M = 0.02
"""What rolls off a lip falls forward a little."""
_HEADINGS = 16
_FROM_HOLD_RAD = (np.pi, 3 * np.pi / 4, -3 * np.pi / 4, np.pi / 2, -np.pi / 2)
"""Where the lip is, about the vessel's axis from where the fingers hold its wall."""
_CELL_M = 0.006
_RISE_M = 0.004
_FILLED_SHARE = 0.04


class Pour(Skill):
    """Pour what is in a cup into a bowl or another open vessel; picks the cup up first."""

    name: ClassVar[str] = "pour"

    target: str = Field(
        description="what is poured from", json_schema_extra={"refers_to": "object"}
    )
    into: str = Field(description="what is poured into", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:  # noqa: ARG002 - see execute
        """None: what came out is seen by the skill itself, in the depth before and after."""
        return None

    def execute(self, context: SkillContext) -> Outcome:
        """Pick it up, tip its lip over the other, shake, right it, and see what arrived."""
        failed = take(self.target, context)
        if failed is not None:
            return failed
        return run(context, lambda mover: _pour(self, context, mover))


@dataclass(frozen=True, eq=False)
class Held:
    """A vessel in the hand, upright.

    Attributes:
        axis: [2] (x, y) of its axis, m, base frame.
        radius_m: of its mouth.
        top_m, height_m: where its mouth is, and how tall it is.
        toward_hold: [2] unit vector from the axis to where the fingers are.
        T_base_tcp: [4, 4] of the hand.
    """

    axis: npt.NDArray[np.float64]
    radius_m: float
    top_m: float
    height_m: float
    toward_hold: npt.NDArray[np.float64]
    T_base_tcp: Transform


def _pour(call: Pour, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    held = sight.scene.holding
    if held is None:
        raise Failed(Code.SLIPPED, f"{call.target} is no longer in the gripper")
    into = sight.resolve(call.into)
    if into == held:
        raise Failed(Code.REFUSED, f"{held} cannot be poured into itself")
    vessel, base = sight.scene.objects[held], sight.scene.objects[into]
    before = _heights(sight.cloud(exclude=[held]), base)
    start = mover.robot.read().T_base_tcp
    poses = next(_tippings(_in_hand(vessel, start), base, mover), None)
    if poses is None:
        raise Failed(Code.UNREACHABLE, f"{held} cannot be tipped over the {base.name}")
    context.report(f"pouring {held} into {into}")
    mover.over(poses[0], below_m=vessel.size[2], ignore=[held], speed=0.5)
    for pose in poses[1:]:
        mover.straight(pose, speed=0.25)
    for _ in range(_SHAKES):
        mover.straight(poses[-2], speed=0.4)
        mover.straight(poses[-1], speed=0.4)
    for pose in reversed(poses[:-1]):
        mover.straight(pose, speed=0.4)
    mover.over(start, below_m=vessel.size[2], ignore=[held], speed=0.6)
    sight.look()
    if sight.scene.holding != held:
        raise Failed(Code.SLIPPED, f"{held} slipped out while it was tipped")
    share = _risen(before, _heights(sight.cloud(exclude=[held]), base))
    evidence = {"risen_share": round(share, 3)}
    if share < _FILLED_SHARE:
        raise Failed(Code.BLOCKED, f"nothing is seen to have come into the {base.name}", **evidence)
    return Outcome(code=Code.OK, message=f"poured {held} into {into}", evidence=evidence)


def _in_hand(vessel: SceneObject, T_base_tcp: Transform) -> Held:
    axis = np.array(vessel.position[:2])
    toward = T_base_tcp[:2, 3] - axis
    distance = float(np.linalg.norm(toward))
    # Held by its body, across the middle: the wall that is free is beside the fingers.
    unit = toward / distance if distance > 0.01 else T_base_tcp[:2, 1]
    return Held(
        axis,
        min(vessel.size[:2]) / 2,
        vessel.position[2] + vessel.size[2] / 2,
        vessel.size[2],
        unit,
        T_base_tcp,
    )


def _tippings(held: Held, base: SceneObject, mover: Mover) -> Iterator[list[Transform]]:
    """Poses of the TCP from upright to tipped that the arm can go through."""
    up = np.array([0.0, 0.0, 1.0])
    rim = base.position[2] + base.size[2] / 2
    for from_hold in _FROM_HOLD_RAD:
        lip_way = about(up, from_hold) @ np.array([*held.toward_hold, 0.0])
        lip = np.array([*held.axis, held.top_m]) + held.radius_m * lip_way
        for heading in np.arange(_HEADINGS) * 2 * np.pi / _HEADINGS:
            turn = about(up, float(heading))
            forward = turn @ lip_way
            hinge = np.cross(up, forward)
            poses = []
            for tilt in np.linspace(0.0, _TILT_RAD, _STEPS):
                A = about(hinge, float(tilt)) @ turn
                T = np.eye(4)
                T[:3, :3] = A @ held.T_base_tcp[:3, :3]
                above = max(held.height_m * np.cos(tilt), 0.0) + _LIP_OVER_RIM_M
                goal = np.array([*base.position[:2], rim + above]) - _SHORT_OF_MIDDLE_M * forward
                T[:3, 3] = goal + A @ (held.T_base_tcp[:3, 3] - lip)
                hand = HAND @ T[:3, :3].T + T[:3, 3]
                T[2, 3] += max(0.0, rim + _HAND_OVER_RIM_M - float(hand[:, 2].min()))
                poses.append(T)
            if mover.followable(poses) == len(poses):
                yield poses


def _heights(cloud: Points, base: SceneObject) -> dict[tuple[int, int], float]:
    """Greatest height that is seen in each cell of a vessel's inside, m."""
    middle, reach = np.array(base.position[:2]), 0.35 * min(base.size[:2])
    inside = cloud[np.hypot(*(cloud[:, :2] - middle).T) < reach] if len(cloud) else cloud
    found: dict[tuple[int, int], float] = {}
    for x, y, z in inside:
        cell = int(np.floor((x - middle[0]) / _CELL_M)), int(np.floor((y - middle[1]) / _CELL_M))
        found[cell] = max(found.get(cell, -1.0), float(z))
    return found


def _risen(before: dict[tuple[int, int], float], after: dict[tuple[int, int], float]) -> float:
    """Share of the cells in which something lies now that was not there before."""
    common = before.keys() & after.keys()
    if not common:
        return 0.0
    return sum(after[cell] > before[cell] + _RISE_M for cell in common) / len(common)
