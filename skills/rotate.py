"""Rotate: turn something that stands on the table about the vertical."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from handeye.perception.conditions import Condition, Turned
from handeye.perception.frame import Points, Transform
from handeye.perception.heading import turned_by, yaw_of
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import Grasp
from .hand import about, along
from .in_the_way import in_the_way, said
from .motion import Mover
from .pick import see_grasps
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext

_FULL_TURN = 2 * math.pi
_PREGRASP_M = 0.09
_LIFT_M = 0.03
_CLEAR_M = 0.02
_RELEASE_M = 0.002
_STEP_RAD = 0.25
_CONSIDERED = 24
_PASSES = 4
_TOUCH_M, _OWN_M = 0.004, 0.012
_OFF_RAD = 0.35
_RIM = "rim"


class Rotate(Skill):
    """Turn something on the table about the vertical by an angle, where it stands."""

    name: ClassVar[str] = "rotate"

    target: str = Field(description="the object", json_schema_extra={"refers_to": "object"})
    angle_rad: float = Field(
        ge=-_FULL_TURN,
        le=_FULL_TURN,
        description="how far, radians; positive is to the left: counter-clockwise from above",
    )

    def goal(self, scene: Scene) -> Condition | None:
        """The target has turned; None for what has no longer side, as nothing can be seen then."""
        thing = scene.objects.get(self.target)
        if thing is None or thing.yaw is None:
            return None
        return Turned(
            object=self.target, start_rad=thing.yaw, angle_rad=self.angle_rad, period_rad=math.pi
        )

    def again(self, goal: Condition, scene: Scene) -> "Rotate":
        """A turn by what is seen to be left of it."""
        thing = scene.objects.get(self.target)
        if thing is None or thing.yaw is None or not isinstance(goal, Turned):
            return self
        left = turned_by(thing.yaw, goal.start_rad + goal.angle_rad, goal.period_rad)
        # Of directions that look the same, the one that would be left of a turn that broke off.
        others = [left + k * goal.period_rad for k in (-2, -1, 0, 1, 2)]
        most = abs(goal.angle_rad) + _OFF_RAD
        ahead = [angle for angle in others if angle * goal.angle_rad >= 0 and abs(angle) <= most]
        angle = max(ahead, key=abs, default=left)
        angle = min(max(angle, -_FULL_TURN), _FULL_TURN)
        return self.model_copy(update={"angle_rad": round(angle, 4)})

    def execute(self, context: SkillContext) -> Outcome:
        """Grasp it from above, lift it a little, turn it, set it down; in parts where it is far."""
        return run(context, lambda mover: _rotate(self, context, mover))


@dataclass(frozen=True, eq=False)
class _Turn:
    """A grasp and the poses [4, 4] of the TCP from lifted to turned."""

    grasp: Grasp
    way: list[Transform]


def _rotate(call: Rotate, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    if sight.scene.holding is not None:
        held = sight.scene.objects[sight.scene.holding].name
        raise Failed(Code.HANDS_FULL, f"the gripper holds the {held}; place it first")
    identity = sight.resolve(call.target)
    thing = sight.scene.objects[identity]
    if thing.on is not None or thing.in_ is not None:
        raise Failed(Code.REFUSED, f"the {thing.name} does not stand on the table")
    left, passes = call.angle_rad, 0
    before: float | None = None
    while abs(left) > 1e-3:
        grasps = see_grasps(identity, context, mover)
        if passes == 0:
            before = yaw_of(sight.points(identity))
        turn, angle = _possible(identity, grasps, left, context, mover)
        if turn is None or passes == _PASSES:
            raise Failed(
                Code.UNREACHABLE,
                f"the {thing.name} cannot be turned by {math.degrees(left):.0f} degrees there",
                left_rad=round(left, 3),
            )
        context.report(f"turning {identity} by {math.degrees(angle):.0f} degrees")
        _carry_out(turn, identity, mover)
        left, passes = left - angle, passes + 1
        sight.look()
    evidence = {"angle_rad": round(call.angle_rad, 3), "passes": passes}
    if passes:
        # The wrist camera sees the whole top of it, from where it was seen before.
        see_grasps(identity, context, mover)
        after = yaw_of(sight.points(identity))
        mover.home()
        sight.look()
        if before is not None and after is not None:
            off = turned_by(before + call.angle_rad, after, math.pi)
            evidence["off_rad"] = round(off, 3)
            if abs(off) > _OFF_RAD:
                raise Failed(Code.SLIPPED, f"{identity} did not turn with the hand", **evidence)
    return Outcome(
        code=Code.OK,
        message=f"turned {identity} by {math.degrees(call.angle_rad):.0f} degrees",
        evidence=evidence,
    )


def _possible(
    identity: str, grasps: list[Grasp], left: float, context: SkillContext, mover: Mover
) -> tuple[_Turn | None, float]:
    """The first grasp with a turn that the arm can make, the whole of it or else a part."""
    sight = context.sight
    points, cloud = sight.points(identity), sight.cloud(exclude=[identity])
    low, high = np.percentile(points, [1, 99], axis=0)
    pivot = (low[:2] + high[:2]) / 2
    lift = _lift_m(points, pivot, cloud, sight.scene.table_height_m)
    # What is held by its middle turns on the spot; the best of the others come after.
    order = sorted(
        grasps[:_CONSIDERED],
        key=lambda g: (g.kind == _RIM, round(float(np.hypot(*(g.T_base_tcp[:2, 3] - pivot))), 2)),
    )
    for share in (1.0, 0.5, 1 / 3):
        angle = left * share
        if not _has_room(points, pivot, angle, cloud):
            if share == 1.0:
                raise _crowded(identity, points, pivot, angle, cloud, sight.scene)
            continue
        for turn in _turns(order, pivot, angle, lift, mover):
            return turn, angle
    return None, 0.0


def _lift_m(points: Points, pivot: npt.NDArray[np.float64], cloud: Points, table_m: float) -> float:
    """How high it must be lifted to pass over what its corners sweep over."""
    radius = float(np.hypot(*(points[:, :2] - pivot).T).max()) + _CLEAR_M
    near = cloud[np.hypot(*(cloud[:, :2] - pivot).T) < radius] if len(cloud) else cloud
    over = float(near[:, 2].max()) - table_m + _CLEAR_M if len(near) else 0.0
    return max(_LIFT_M, over)


def _crowded(
    identity: str,
    points: Points,
    pivot: npt.NDArray[np.float64],
    angle: float,
    cloud: Points,
    scene: Scene,
) -> Failed:
    """Why there is no room for it to turn: what stands next to it, if it is known what that is."""
    near = sorted(
        (math.dist(thing.position[:2], pivot), name)
        for name, thing in scene.objects.items()
        if name != identity and thing.state is None
    )
    names = in_the_way(
        [name for _, name in near],
        scene.objects,
        cloud,
        lambda left: _has_room(points, pivot, angle, left),
    )
    if names:
        return Failed(Code.NO_ROOM, f"{said(names)} of {identity}", names)
    return Failed(Code.NO_ROOM, f"what stands next to {identity} is in the way")


def _has_room(points: Points, pivot: npt.NDArray[np.float64], angle: float, cloud: Points) -> bool:
    """Whether nothing stands where it will."""
    if not len(cloud):
        return True
    from scipy.spatial import cKDTree

    turned = (points[:, :2] - pivot) @ about((0, 0, 1), angle)[:2, :2].T + pivot
    then, _ = cKDTree(turned).query(cloud[:, :2], distance_upper_bound=_TOUCH_M)
    # What is this close to it already is most likely a part of it that the eyes left out.
    now, _ = cKDTree(points[:, :2]).query(cloud[:, :2], distance_upper_bound=_OWN_M)
    return bool((np.isinf(then) | np.isfinite(now)).all())


def _turns(
    grasps: list[Grasp], pivot: npt.NDArray[np.float64], angle: float, lift_m: float, mover: Mover
) -> Iterator[_Turn]:
    for grasp in grasps:
        for half in (0.0, math.pi):
            T = grasp.T_base_tcp.copy()
            T[:3, :3] = T[:3, :3] @ about((0, 0, 1), half)
            raised = T.copy()
            raised[2, 3] += lift_m
            count = max(1, math.ceil(abs(angle) / _STEP_RAD))
            way = [_turned(raised, pivot, angle * i / count) for i in range(count + 1)]
            down = way[-1].copy()
            down[2, 3] -= lift_m
            poses = [along(T, -_PREGRASP_M), T, *way, down]
            if mover.followable(poses) == len(poses):
                held = Grasp(T, grasp.opening_m, grasp.width_m, grasp.score, grasp.kind)
                yield _Turn(held, way)


def _turned(T: Transform, pivot: npt.NDArray[np.float64], angle: float) -> Transform:
    """A pose turned about the vertical through a point (x, y)."""
    spin = np.eye(4)
    spin[:3, :3] = about((0, 0, 1), angle)
    spin[:2, 3] = pivot - spin[:2, :2] @ pivot
    return np.asarray(spin @ T)


def _carry_out(turn: _Turn, identity: str, mover: Mover) -> None:
    T = turn.grasp.T_base_tcp
    mover.over(along(T, -_PREGRASP_M), ignore=[identity])
    mover.gripper(turn.grasp.opening_m)
    mover.straight(T, speed=0.35)
    mover.gripper(0.0, force_n=30.0)
    for pose in turn.way:
        state = mover.straight(pose, speed=0.4)
    if not mover.robot.spec.grips(state.gripper_width_m):
        mover.home()
        raise Failed(Code.SLIPPED, f"{identity} slipped out while it was turned")
    down = turn.way[-1].copy()
    down[2, 3] = T[2, 3] + _RELEASE_M
    mover.straight(down, speed=0.25)
    mover.gripper(min(state.gripper_width_m + 0.03, mover.robot.spec.gripper_stroke_m))
    mover.straight(along(down, -_PREGRASP_M), speed=0.5)
    mover.home()
