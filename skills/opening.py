"""Open and Close: drawers and doors, by the handle that is found in what is seen of them.

What sticks out of the side of a piece of furniture is the drawer, or the door, and its handle. A
drawer moves along the normal of the side that it sticks out of, a door around the corner that it
hangs on, and the gripper follows until it is stopped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from handeye.perception.conditions import Condition, Opened
from handeye.perception.errors import UnreachableError
from handeye.perception.fixtures import seems_a_part
from handeye.perception.frame import Points, Transform
from handeye.perception.furniture import Front, fronts, with_what_hangs_on
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import downward
from .motion import Mover, Way
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext

_Vec2 = npt.NDArray[np.float64]

_HANDLE_DEPTH_M = 0.024
_HANDLE_OUT_M = (0.022, 0.07)
"""Least and most distance between a door and the middle of its handle."""
_MOST_TURNED_RAD, _TURN_RAD = 1.7, 0.02
_LEAF_M = 0.008
"""How thick a door is, about."""
_PART_M, _LEAST_OF_PART, _NEAR_END = 0.01, 3, 0.6
_LEAST_SHARE = 0.5
_PREGRASP_M = 0.08
_INTO_M = 0.016
"""How far the fingers reach down beside a handle."""
_WIDTH_M = 0.034
"""How wide the fingers are apart when they reach down: wider, and they hit the door."""
_STEP_M = 0.02
_SLIDE_M, _SWING_RAD, _LEAST_SWING_RAD = 0.13, 1.25, 0.3
_STALLED_M = 0.009
_LEAST_M = 0.004


class Open(Skill):
    """Open a drawer or a door by its handle."""

    name: ClassVar[str] = "open"

    target: str = Field(
        description="the drawer, fridge or cupboard", json_schema_extra={"refers_to": "object"}
    )

    def goal(self, scene: Scene) -> Condition | None:
        """The target is open."""
        return Opened(object=self.target, open=True) if self.target in scene.objects else None

    def execute(self, context: SkillContext) -> Outcome:
        """Find the handle, take hold of it, and pull along the estimated joint."""
        return run(context, lambda mover: _work(self.target, context, mover, opening=True))


class Close(Skill):
    """Close a drawer or a door by its handle."""

    name: ClassVar[str] = "close"

    target: str = Field(
        description="the drawer, fridge or cupboard", json_schema_extra={"refers_to": "object"}
    )

    def goal(self, scene: Scene) -> Condition | None:
        """The target is closed."""
        return Opened(object=self.target, open=False) if self.target in scene.objects else None

    def execute(self, context: SkillContext) -> Outcome:
        """Find the handle, take hold of it, and push along the estimated joint."""
        return run(context, lambda mover: _work(self.target, context, mover, opening=False))


@dataclass(frozen=True, eq=False)
class Handle:
    """A handle and the joint that it moves on.

    Attributes:
        point: [3] middle of its top, m, base frame.
        normal: [2] unit vector out of the drawer or door, at the handle.
        hinge: [2] (x, y) of the hinge; None for what slides.
        closing_sign: of the turn about z that closes a door.
        turned: how far a door is open, rad.
    """

    point: npt.NDArray[np.float64]
    normal: _Vec2
    hinge: _Vec2 | None = None
    closing_sign: float = 1.0
    turned: float = 0.0


def _work(target: str, context: SkillContext, mover: Mover, *, opening: bool) -> Outcome:
    scene = context.sight.scene
    if scene.holding is not None:
        held = scene.objects[scene.holding].name
        raise Failed(Code.HANDS_FULL, f"the gripper holds the {held}; place it first")
    identity = context.sight.resolve(target)
    handle = _seen_handle(identity, context, mover)
    way = _way(handle, mover, opening=opening)
    if len(way.poses) < 3:
        raise Failed(Code.UNREACHABLE, f"the handle of {identity} is out of reach")
    _grip(way, identity, context, mover)
    word = "opening" if opening else "closing"
    context.report(f"{word} {identity}")
    way_m = _follow(way, mover)
    state = mover.robot.read()
    mover.gripper(min(state.gripper_width_m + 0.03, mover.robot.spec.gripper_stroke_m))
    mover.lift(float(state.T_base_tcp[2, 3]) + 0.10)
    # A hand that is wide open is not thought to hold what was shut in.
    mover.gripper(mover.robot.spec.gripper_stroke_m)
    mover.home()
    if way_m < _STEP_M:
        raise Failed(Code.BLOCKED, f"{identity} did not move", way_m=round(way_m, 3))
    return Outcome(
        code=Code.OK,
        message=f"{'opened' if opening else 'closed'} {identity}",
        evidence={"way_m": round(way_m, 3), "joint": "slides" if handle.hinge is None else "turns"},
    )


def _seen_handle(identity: str, context: SkillContext, mover: Mover) -> Handle:
    handle = find_handle(seen_furniture(identity, context, mover))
    if handle is None:
        raise Failed(Code.NO_GRASP, f"no handle is seen on {identity}")
    return handle


def seen_furniture(identity: str, context: SkillContext, mover: Mover) -> Points:
    """Look at furniture from above; returns [N, 3] its surface with what hangs on it, m."""
    look_into(identity, context, mover)
    sight, objects = context.sight, context.sight.scene.objects
    # A second piece of furniture at its place is most likely a part of the same.
    others = [
        name
        for name, other in objects.items()
        if other.state is None and not seems_a_part(other, objects[identity])
    ]
    return with_what_hangs_on(sight.points(identity), sight.cloud(exclude=others))


def look_into(identity: str, context: SkillContext, mover: Mover) -> None:
    """Bring the wrist camera over what furniture has open, where the arm can, and look."""
    sight = context.sight
    if "wrist" not in context.robot.cameras:
        return
    thing = sight.scene.objects[identity]
    held = [name for name in (sight.scene.holding,) if name is not None]
    context.report(f"looking at {identity} from above")
    top = thing.position[2] + thing.size[2] / 2
    toward = np.array([0.45, 0.0]) - np.array(thing.position[:2])
    for share in (0.55, 0.75, 0.9):
        x, y = np.array(thing.position[:2]) + share * toward
        pose = downward(float(x), float(y), top + 0.22, np.pi / 2)
        if mover.reachable(pose):
            mover.over(pose, ignore=[identity, *held])
            sight.look(["wrist"])
            return


def find_handle(points: Points) -> Handle | None:
    """The handle among the points of a piece of furniture; None where none can be told.

    Whether it slides or turns is told by the handle, not by the furniture's name.

    Args:
        points: [N, 3] m, base frame; z is up.
    """
    seen = fronts(points)
    for front in seen:
        if len(front.outside) < _LEAST_SHARE * len(seen[0].outside):
            break  # A wall that is seen farther than the top above it.
        found = (
            _drawer(front.outside, front.a, front.normal)
            if front.slides
            else _door(front.outside, front.a, front.b, front.normal)
        )
        if found is not None:
            return found
    return None


def _drawer(outside: Points, a: _Vec2, normal: _Vec2) -> Handle | None:
    """The outermost of what sticks out is the handle."""
    out = (outside[:, :2] - a) @ normal
    handle = outside[out > np.percentile(out, 99) - _HANDLE_DEPTH_M / 2]
    return Handle(_top_of(handle), normal) if len(handle) >= 6 else None


def standing_open(front: Front) -> "Leaf | None":
    """The door that stands open of a front; None where there is none."""
    if front.slides:
        return None
    leaf = _leaf_of(front.outside, front.a, front.b, front.normal)
    return leaf if leaf.count else None


def _leaf_of(outside: Points, a: _Vec2, b: _Vec2, normal: _Vec2) -> "Leaf":
    return max(
        (_leaf(outside, hinge, other, normal) for hinge, other in ((a, b), (b, a))),
        key=lambda leaf: leaf.count,
    )


def _door(outside: Points, a: _Vec2, b: _Vec2, normal: _Vec2) -> Handle | None:
    """A door reaches from one corner; its handle stands off it, near its free end."""
    leaf = _leaf_of(outside, a, b, normal)
    if leaf.count == 0:
        # Closed: what sticks out is the handle, and the hinge is at the corner far from it.
        middle = outside[:, :2].mean(axis=0)
        hinge = a if np.linalg.norm(middle - a) > np.linalg.norm(middle - b) else b
        other = b if hinge is a else a
        return Handle(_top_of(outside), normal, hinge, _sign(other - hinge, normal))
    off = (outside[:, :2] - leaf.hinge) @ leaf.outward
    along = (outside[:, :2] - leaf.hinge) @ leaf.along
    near_end = along > _NEAR_END * float(np.linalg.norm(b - a))
    handle = outside[(off > _HANDLE_OUT_M[0]) & (off < _HANDLE_OUT_M[1]) & near_end]
    if len(handle) < 6:
        return None
    sign = _sign(leaf.along, leaf.outward)
    return Handle(_top_of(handle), leaf.outward, leaf.hinge, sign, leaf.turned)


@dataclass(frozen=True, eq=False)
class Leaf:
    """A door that stands open: its hinge, how far it is turned, along it, and out of its front."""

    count: int
    hinge: _Vec2
    turned: float
    along: _Vec2
    outward: _Vec2


def _leaf(outside: Points, hinge: _Vec2, other: _Vec2, normal: _Vec2) -> Leaf:
    """The way a door with this hinge stands open that most points speak for; count 0 for none.

    A handle alone may lie on such a way too: a door is seen on most of its length.
    """
    length = float(np.linalg.norm(other - hinge))
    edge = (other - hinge) / length
    best = Leaf(0, hinge, 0.0, edge, normal)
    for turned in np.arange(0.1, _MOST_TURNED_RAD, _TURN_RAD):
        c, s = np.cos(turned), np.sin(turned)
        along, outward = c * edge + s * normal, c * normal - s * edge
        x, y = ((outside[:, :2] - hinge) @ np.array([along, outward]).T).T
        of_it = (np.abs(y - _LEAF_M / 2) < _LEAF_M) & (x > 0.0) & (x < length + _LEAF_M)
        count = int(of_it.sum())
        if count > best.count:
            seen = np.bincount((x[of_it] / _PART_M).astype(int)) >= _LEAST_OF_PART
            if seen.sum() * _PART_M > _NEAR_END * length:
                best = Leaf(count, hinge, float(turned), along, outward)
    return best


def _sign(edge: _Vec2, normal: _Vec2) -> float:
    """Sign of the turn about z from the opened side back to the closed edge."""
    return float(np.sign(normal[0] * edge[1] - normal[1] * edge[0]))


def _top_of(points: Points) -> npt.NDArray[np.float64]:
    height = float(np.percentile(points[:, 2], 95))
    upper = points[points[:, 2] > height - _INTO_M]
    return np.array([*np.median(upper[:, :2], axis=0), height])


def _grip(way: Way, identity: str, context: SkillContext, mover: Mover) -> None:
    context.report(f"taking {identity} by its handle")
    above = way.poses[0]
    mover.over(above, ignore=[identity], q_goal=way.q_start)
    mover.gripper(_WIDTH_M)
    mover.drive(way, 1, speed=0.3)
    width = mover.gripper(0.0, force_n=30.0).gripper_width_m
    if width < _LEAST_M:
        mover.gripper(_WIDTH_M)
        mover.lift(float(above[2, 3]))
        raise Failed(Code.SLIPPED, f"the gripper closed beside the handle of {identity}")


def _way(handle: Handle, mover: Mover, *, opening: bool) -> Way:
    """From above the handle down to it, and along its joint as far as the arm reaches.

    Turned by half a turn the gripper holds a handle as well; the way that leads further is taken.
    """
    ways = []
    for half_turn in (0.0, np.pi):
        poses = list(_poses(handle, half_turn, opening=opening))
        above = poses[0].copy()
        above[2, 3] += _PREGRASP_M
        ways.append(mover.along([above, *poses]))
    return max(ways, key=lambda way: len(way.poses))


def _poses(handle: Handle, half_turn: float, *, opening: bool) -> Iterator[Transform]:
    start, sign = handle.point[:2], 1 if opening else -1
    yaw = float(np.arctan2(handle.normal[1], handle.normal[0])) + half_turn
    yaw = (yaw + np.pi) % (2 * np.pi) - np.pi
    z = float(handle.point[2]) - _INTO_M
    if handle.hinge is None:
        for way in np.arange(0.0, _SLIDE_M, _STEP_M):
            x, y = start + handle.normal * way * sign
            yield downward(float(x), float(y), z, yaw)
        return
    radius = float(np.linalg.norm(start - handle.hinge))
    swing = max(_SWING_RAD - handle.turned, _LEAST_SWING_RAD) if opening else _SWING_RAD
    for turn in np.arange(0.0, swing, _STEP_M / radius):
        angle = -float(turn) * handle.closing_sign * sign
        c, s = np.cos(angle), np.sin(angle)
        x, y = handle.hinge + np.array([[c, -s], [s, c]]) @ (start - handle.hinge)
        yield downward(float(x), float(y), z, yaw + angle)


def _follow(way: Way, mover: Mover) -> float:
    """Move along in small steps, until the joint stops the hand; returns the way, m."""
    start = reached = way.poses[1][:2, 3]
    for index in range(2, len(way.poses)):
        try:
            state = mover.drive(way, index, speed=0.2)
        except UnreachableError:
            break
        reached = state.T_base_tcp[:2, 3]
        lag = float(np.linalg.norm(reached - way.poses[index][:2, 3]))
        if lag > _STALLED_M or state.gripper_width_m < _LEAST_M:
            break
    return float(np.linalg.norm(reached - start))
