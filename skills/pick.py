"""Pick: take hold of an object and lift it."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from handeye.perception.conditions import Condition, Holding
from handeye.perception.errors import UnreachableError
from handeye.perception.frame import Transform
from handeye.perception.scene import Scene, SceneObject
from pydantic import Field

from .grasping import Grasp, downward, plan_grasps, same
from .motion import Mover
from .push import stroke
from .robot import Joints, RobotState
from .running import Failed, run
from .skill import Code, Outcome, Sight, Skill, SkillContext

LOOK_HEIGHT_M = 0.27
_PREGRASP_M = 0.09
_LIFT_M = 0.16
_TRIES = 3
_CONSIDERED = 14
_CLOSED_M = 0.0005
"""Fingers that closed by less have not moved."""
_CLOSE_M = 0.06
_PUSHES = 12
_PUSH_M = 0.06
_MIDDLE = np.array([0.48, 0.0])
_MIDDLE_WEIGHT = 0.1
"""Of two ways with as much room the one towards the middle of the workspace is better."""


class Pick(Skill):
    """Take hold of an object and lift it off what it stands on."""

    name: ClassVar[str] = "pick"

    target: str = Field(description="the object", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:
        """The gripper holds the target."""
        return Holding(object=self.target) if self.target in scene.objects else None

    def execute(self, context: SkillContext) -> Outcome:
        """Look at the object from above, grasp it, lift it, and see that it is held."""
        return run(context, lambda mover: _pick(self.target, context, mover))


def take(target: str, context: SkillContext) -> Outcome | None:
    """Have something in the hand: pick it up unless it is held; returns what failed, if it did."""
    scene = context.sight.scene
    if scene.holding is not None and context.sight.resolve(target) == scene.holding:
        return None
    picked = Pick(target=target).execute(context)
    if not picked.ok:
        return picked
    context.sight.look()
    return None


def _pick(target: str, context: SkillContext, mover: Mover) -> Outcome:
    scene = context.sight.scene
    if scene.holding is not None:
        held = scene.objects[scene.holding].name
        raise Failed(Code.HANDS_FULL, f"the gripper already holds the {held}; place it first")
    identity = context.sight.resolve(target)
    tried: list[str] = []
    failed: list[Grasp] = []
    code, problem, spec = Code.NO_GRASP, "", context.robot.spec
    for attempt in range(_TRIES):
        seen = see_grasps(identity, context, mover)
        grasps = [g for g in seen if not any(same(g, other) for other in failed)] or seen
        chosen = _choose(grasps, mover)
        if chosen is None:
            if attempt < _TRIES - 1 and not tried and _pushed_free(identity, context, mover):
                continue
            thing = _still_there(identity, context.sight, tried)
            kind = Code.UNREACHABLE if grasps else Code.NO_GRASP
            reason = "is out of reach" if grasps else "offers no free grasp"
            raise Failed(kind, f"the {thing.name} {reason}", tried=tried)
        grasp, q_before = chosen
        opened, width = _grasp(grasp, q_before, context, mover, identity)
        code, problem = Code.NO_GRASP, "closed on nothing"
        if width > opened - _CLOSED_M:
            problem = f"did not close: the fingers are {width:.3f} m apart, as they were"
        elif spec.grips(width):
            state = _lift(identity, context, mover)
            if spec.grips(state.gripper_width_m):
                context.sight.grasped(identity)
                evidence = {
                    "gripper_width_m": round(state.gripper_width_m, 4),
                    "closed_at_m": round(width, 4),
                    "grasp": grasp.kind,
                    "tries": attempt + 1,
                }
                return Outcome(code=Code.OK, message=f"holding {identity}", evidence=evidence)
            code, problem = Code.SLIPPED, "slipped out while it was lifted"
        failed.append(grasp)
        tried.append(f"{grasp.kind} grasp {problem}")
        context.report(f"{identity}: {tried[-1]}")
        _retreat(context, mover, grasp)
        context.sight.look()
        _still_there(identity, context.sight, tried)
    raise Failed(code, f"{_TRIES} grasps of {identity} failed; the last {problem}", tried=tried)


def _pushed_free(identity: str, context: SkillContext, mover: Mover) -> bool:
    """Push a thing away from what stands too close to it; False where that is no help."""
    sight = context.sight
    thing = sight.scene.objects[identity]
    here, radius = np.array(thing.position[:2]), max(thing.size[:2]) / 2
    if thing.on or thing.in_:
        return False
    cloud = sight.cloud(exclude=[identity])[:, :2]
    if not len(cloud) or np.hypot(*(cloud - here).T).min() > radius + _CLOSE_M:
        return False  # Nothing is close: another reason keeps the hand away.
    ways = []
    for angle in np.arange(_PUSHES) * 2 * np.pi / _PUSHES:
        d = np.array([np.cos(angle), np.sin(angle)])
        there = here + d * _PUSH_M
        room = float(np.hypot(*(cloud - there).T).min()) - radius
        ways.append((room - _MIDDLE_WEIGHT * float(np.hypot(*(there - _MIDDLE))), d))
    for _, d in sorted(ways, key=lambda way: -way[0])[: _PUSHES // 2]:
        try:
            stroke(identity, d, _PUSH_M, context, mover)
        except UnreachableError:
            continue
        context.report(f"pushed {identity} free of what stands close to it")
        sight.look()
        return identity in sight.scene.objects
    return False


def see_grasps(identity: str, context: SkillContext, mover: Mover) -> list[Grasp]:
    """Look from above with the wrist camera, then plan from the points of all cameras."""
    sight, spec = context.sight, context.robot.spec
    if "wrist" in context.robot.cameras:
        x, y, _ = sight.scene.objects[identity].position
        top = sight.scene.objects[identity].position[2] + sight.scene.objects[identity].size[2] / 2
        height = max(sight.scene.table_height_m + LOOK_HEIGHT_M, top + 0.15)
        yaw = 1.5707963267948966  # opens along y: the wrist looks ahead, away from the base
        context.report(f"looking at {identity} from above")
        mover.gripper(spec.gripper_stroke_m)
        for back in (0.0, 0.04, 0.08):
            pose = downward(x - back, y, height, yaw)
            if mover.reachable(pose):
                mover.over(pose)
                sight.look(["wrist"])
                break
    thing = _still_there(identity, sight, [])
    points, cloud = sight.points(identity), sight.cloud(exclude=[identity])
    return plan_grasps(points, cloud, sight.scene.table_height_m, spec, thing.category)


def _still_there(identity: str, sight: Sight, tried: list[str]) -> SceneObject:
    """What is to be grasped, as it is seen after another look."""
    if identity not in sight.scene.objects:
        raise Failed(Code.NOT_FOUND, f"{identity} is gone from where it was", tried=tried)
    return sight.scene.objects[identity]


def _choose(grasps: list[Grasp], mover: Mover) -> tuple[Grasp, Joints] | None:
    """The best grasp that can be approached, and the configuration to approach it from.

    Turned by half a turn a grasp is the same grasp; the less twisted one is taken.
    """
    for grasp in grasps[:_CONSIDERED]:
        ways = []
        for turned in (grasp, _turned(grasp)):
            try:
                q, _ = mover.approach(turned.T_base_tcp, _PREGRASP_M)
            except UnreachableError:
                continue
            ways.append((float(np.abs(q - mover.robot.spec.q_home).max()), turned, q))
        if ways:
            _, best, q = min(ways, key=lambda way: way[0])
            return best, q
    return None


def _turned(grasp: Grasp) -> Grasp:
    T = grasp.T_base_tcp.copy()
    T[:3, :2] *= -1.0
    return replace(grasp, T_base_tcp=T)


def _above(grasp: Grasp) -> Transform:
    T = grasp.T_base_tcp.copy()
    T[:3, 3] -= _PREGRASP_M * T[:3, 2]
    return T


def _grasp(
    grasp: Grasp, q_before: Joints, context: SkillContext, mover: Mover, identity: str
) -> tuple[float, float]:
    """Approach, close; how far the fingers were apart before it and after, m."""
    context.report(f"grasping {identity} by its {grasp.kind}")
    mover.over(_above(grasp), ignore=[identity], q_goal=q_before)
    opened = mover.gripper(grasp.opening_m)
    mover.straight(grasp.T_base_tcp, speed=0.35)
    return opened.gripper_width_m, mover.gripper(0.0, force_n=30.0).gripper_width_m


def _retreat(context: SkillContext, mover: Mover, grasp: Grasp) -> None:
    mover.gripper(min(grasp.opening_m + 0.02, context.robot.spec.gripper_stroke_m))
    mover.straight(_above(grasp), speed=0.6)


def _lift(identity: str, context: SkillContext, mover: Mover) -> RobotState:
    """Lift; the gripper's width tells whether it slipped."""
    context.report(f"lifting {identity}")
    T = mover.robot.read().T_base_tcp.copy()
    T[2, 3] += _LIFT_M
    return mover.straight(T, speed=0.5)
