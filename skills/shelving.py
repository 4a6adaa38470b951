"""Shelving: putting what the gripper holds into what has a door that stands open.

The hand comes from the front, on its edge: it is narrow that way, and passes by the door. What hung
below it goes in ahead of it, lying.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from handeye.perception.frame import Points, Transform
from handeye.perception.furniture import fronts
from handeye.perception.scene import SceneObject

from .grasping import palm_hits
from .in_the_way import in_the_way, said
from .motion import Mover, Way
from .opening import standing_open
from .running import Failed
from .skill import Code, Outcome, SkillContext

_Vec2 = npt.NDArray[np.float64]

_LEAST_TURNED_RAD = 0.9
_WALL_M, _SPACE_M, _LEVEL_M, _LEAF_M = 0.008, 0.01, 0.012, 0.01
_UNSEEN_M = 0.04
"""How much of its depth may be hidden."""
_JUT_M, _SHALLOWEST_M = 0.004, 0.03
"""What sticks out no farther is pushed in by the door."""
_HALF_THICK_M, _HALF_BROAD_M, _BEHIND_M = 0.036, 0.10, 0.05
"""Of the hand, and how far behind the TCP it begins."""
_BEFORE_M, _CLEAR_M = 0.04, 0.05
_LEANS_RAD = (0.5, 0.65, 0.8, 0.35)
"""How far the fingers point down."""
_ROOM_M, _IN_THE_WAY = 0.022, 12
"""Between the arm's bones and what is seen at the least; points that may be in the hand's way."""
_APPROACH_M, _ASIDE_M = 0.35, 0.20
"""How far before the opening, and beside the way there, something may be in the hand's way."""
_LET_GO_M, _OUTSIDE_M = 0.022, 0.015
"""Of what lies half inside mostly the front is seen."""


@dataclass(frozen=True, eq=False)
class Niche:
    """The inside of what has a door that stands open.

    Attributes:
        hinge: [2] the corner that the door hangs on, m, base frame.
        across: [2] unit vector along the front, from the hinge.
        inward: [2] unit vector into it.
        width_m, depth_m: along these, with the walls.
        slant_rad: how much the door lacks of a right angle to the front.
    """

    hinge: _Vec2
    across: _Vec2
    inward: _Vec2
    width_m: float
    depth_m: float
    slant_rad: float

    def depth_of(self, point: npt.ArrayLike) -> float:
        """How far a point (x, y, …) is behind the front, m."""
        return float((np.asarray(point)[:2] - self.hinge) @ self.inward)


def niche(points: Points) -> Niche | None:
    """What stands open behind a door; None where none can be told.

    Args:
        points: [N, 3] the furniture with its door, m, base frame.
    """
    seen = fronts(points)
    leaf = standing_open(seen[0]) if seen else None
    if leaf is None or leaf.turned < _LEAST_TURNED_RAD:
        return None
    front = seen[0]
    other = front.b if leaf.hinge is front.a else front.a
    width = float(np.linalg.norm(other - leaf.hinge))
    slant = float(np.clip(np.pi / 2 - leaf.turned, 0.0, np.pi / 2))
    across = (other - leaf.hinge) / width
    return Niche(leaf.hinge, across, -front.normal, width, front.depth_m, slant)


def shelve(
    held: str, thing: SceneObject, into: str, inside: Niche, context: SkillContext, mover: Mover
) -> Outcome:
    """Put what is held into what stands open, and see that it lies there.

    Args:
        held: its id.
        thing: as it is held now.
        into: id of the furniture.
        inside: what stands open of it.
        context, mover: of the skill.

    Raises Failed: the thing is too big, there is no way in, or it came to lie outside.
    """
    cloud = context.sight.cloud(exclude=[held])
    poses = list(_poses(thing, inside, context.sight.scene.table_height_m, mover))
    if not poses:
        raise Failed(Code.NO_ROOM, f"the {thing.name} is too big for {into}")
    way = _way_in(poses, cloud, mover)
    if way is None:
        raise _no_way(held, into, inside, poses, context, mover)
    before, last = way.poses
    context.report(f"placing {held} in {into}")
    mover.over(before, below_m=thing.size[2], ignore=[held], speed=0.7, q_goal=way.q_start)
    state = mover.drive(way, 1, speed=0.3)
    # What is let go in there may be hidden: it is where the hand is now.
    context.sight.look()
    width = min(state.gripper_width_m + _LET_GO_M, mover.robot.spec.gripper_stroke_m)
    opened = mover.gripper(width)
    clear = last.copy()
    clear[:3, 3] -= _CLEAR_M * last[:3, 2]
    mover.straight(clear, speed=0.4)
    before = before.copy()
    before[2, 3] = clear[2, 3]
    mover.straight(before, speed=0.4)
    # A hand that is wide open is not thought to hold what is out of sight.
    mover.gripper(mover.robot.spec.gripper_stroke_m)
    mover.home()
    context.sight.look()
    seen = context.sight.scene.objects.get(held)
    if seen is not None and seen.visible and inside.depth_of(seen.position) < -_OUTSIDE_M:
        raise Failed(Code.SLIPPED, f"the {thing.name} came to lie in front of {into}")
    x, y = (float(v) for v in last[:2, 3])
    return Outcome(
        code=Code.OK,
        message=f"let go of {held} in {into}, at ({x:.2f}, {y:.2f}) m",
        evidence={
            "point": [round(x, 3), round(y, 3)],
            "gripper_width_m": round(opened.gripper_width_m, 4),
        },
    )


def _no_way(
    held: str,
    into: str,
    inside: Niche,
    poses: Sequence[tuple[Transform, Transform]],
    context: SkillContext,
    mover: Mover,
) -> Failed:
    """Why there is no way in: what stands before the opening, if there is one without it."""
    before = [
        (inside.hinge + inside.across * inside.width_m / 2 - inside.inward * far)
        for far in (0.0, _APPROACH_M)
    ]
    things = context.sight.scene.objects
    near = sorted(
        (gap, name)
        for name, thing in things.items()
        if name != held and thing.state is None and thing.in_ != into
        if (gap := _to_segment(thing.position, *before)) < _ASIDE_M + max(thing.size[:2]) / 2
    )
    names = in_the_way(
        [name for _, name in near],
        things,
        context.sight.cloud(exclude=[held]),
        lambda left: _way_in(poses, left, mover) is not None,
    )
    if names:
        return Failed(Code.BLOCKED, f"{said(names)} into {into}", names)
    return Failed(Code.UNREACHABLE, f"there is no way for the hand into {into}")


def _to_segment(point: npt.ArrayLike, a: _Vec2, b: _Vec2) -> float:
    """How far a point (x, y, …) is from the way between two others, m."""
    p, way = np.asarray(point)[:2] - a, b - a
    share = float(np.clip(p @ way / (way @ way), 0.0, 1.0))
    return float(np.linalg.norm(p - share * way))


def _way_in(
    poses: Sequence[tuple[Transform, Transform]], cloud: Points, mover: Mover
) -> Way | None:
    """From before the opening to where it is let go; None where the hand or the arm would touch."""
    for before, last in poses:
        if max(palm_hits(pose, cloud, mover.robot.spec) for pose in (before, last)) > _IN_THE_WAY:
            continue
        way = mover.along([before, last])
        if len(way.poses) == 2 and mover.room(way, cloud) > _ROOM_M:
            return way
    return None


def _poses(
    held: SceneObject, inside: Niche, table_m: float, mover: Mover
) -> Iterator[tuple[Transform, Transform]]:
    """Poses before the opening and inside, for each lean of the hand and each way to turn it."""
    state = mover.robot.read()
    # The hand is upright now: what is below the TCP will be ahead of it.
    above = held.position[2] + held.size[2] / 2 - float(state.T_base_tcp[2, 3])
    below = held.size[2] - above
    radius = max(*held.size[:2], state.gripper_width_m) / 2
    leaf_m = inside.width_m * float(np.sin(inside.slant_rad)) + _LEAF_M
    aside = max(inside.width_m / 2, leaf_m + _HALF_THICK_M + _SPACE_M)
    aside = min(aside, inside.width_m - _WALL_M - max(radius, _HALF_THICK_M) - _SPACE_M)
    up, inward = np.array([0.0, 0.0, 1.0]), np.array([*inside.inward, 0.0])
    for lean in _LEANS_RAD:
        c, s = np.cos(lean), np.sin(lean)
        behind, ahead = above * c + radius * s, below * c + radius * s
        least = max(behind - _JUT_M, _SHALLOWEST_M)
        most = inside.depth_m - _WALL_M - _SPACE_M - ahead
        if most < least - _UNSEEN_M:
            continue
        depth = max(least, most - _SPACE_M)
        above_table = _LEVEL_M + max(
            _WALL_M + below * s + radius * c, _HALF_BROAD_M * c - _BEHIND_M * s
        )
        last = np.eye(4)
        last[:2, 3] = inside.hinge + aside * inside.across + depth * inside.inward
        last[2, 3] = table_m + above_table
        last[:3, 2] = c * inward - s * up
        for turn in (1.0, -1.0):
            last = last.copy()
            last[:3, 1] = turn * (s * inward + c * up)
            last[:3, 0] = np.cross(last[:3, 1], last[:3, 2])
            before = last.copy()
            # Level, so that the upper side of the hand passes below what covers the inside.
            before[:3, 3] -= (depth + ahead + _BEFORE_M) * inward
            yield before, last
