"""Push: move an object along the table without taking hold of it."""

from typing import ClassVar, Literal

import numpy as np
from handeye.perception.conditions import Condition, Moved
from handeye.perception.frame import Transform
from handeye.perception.scene import Scene, SceneObject
from pydantic import Field

from .grasping import downward, fingers_hit
from .motion import BlockedError, Mover
from .running import run
from .skill import Code, Outcome, Skill, SkillContext

Direction = Literal["left", "right", "away", "closer"]
VECTORS: dict[Direction, tuple[float, float]] = {
    "left": (0.0, 1.0),
    "right": (0.0, -1.0),
    "away": (1.0, 0.0),
    "closer": (-1.0, 0.0),
}


class Push(Skill):
    """Push an object along the table: left, right, away from the robot, or closer to it."""

    name: ClassVar[str] = "push"

    target: str = Field(description="the object: an id from the scene, or a phrase")
    direction: Direction = Field(default="away", description="from the robot's point of view")
    distance_m: float = Field(default=0.10, gt=0.0, le=0.4, description="how far, metres")

    def goal(self, scene: Scene) -> Condition | None:
        """The target has moved that way, by at least half of the distance."""
        thing = scene.objects.get(self.target)
        if thing is None:
            return None
        x, y, _ = thing.position
        return Moved(
            object=self.target,
            start=(x, y),
            distance_m=max(0.5 * self.distance_m, 0.02),
            direction=VECTORS[self.direction],
        )

    def execute(self, context: SkillContext) -> Outcome:
        """Set the closed fingers down behind the object, push, and retreat."""
        return run(context, lambda mover: _push(self, context, mover))


def _push(call: Push, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    identity = sight.resolve(call.target)
    thing = sight.scene.objects[identity]
    d = np.array(VECTORS[call.direction])
    context.report(f"pushing {identity} {call.direction}")
    mover.gripper(0.0)
    start = _start(thing, d, context, identity, mover)
    end = start.copy()
    end[:2, 3] += d * (call.distance_m + 0.02)
    end = _within_reach(start, end, mover)
    above = start.copy()
    above[2, 3] += 0.12
    mover.over(above, ignore=[identity])
    mover.straight(start, speed=0.4)
    mover.straight(end, speed=0.25)
    back = end.copy()
    back[:2, 3] -= d * 0.015
    mover.straight(back, speed=0.5)
    mover.lift(float(back[2, 3]) + 0.15)
    mover.home()
    pushed = float(np.hypot(*(end[:2, 3] - start[:2, 3])))
    return Outcome(
        code=Code.OK,
        message=f"pushed {identity} {call.direction}",
        evidence={"way_m": round(pushed, 3)},
    )


def _start(
    thing: SceneObject, d: np.ndarray, context: SkillContext, identity: str, mover: Mover
) -> Transform:
    """Behind the object as seen in the pushing direction, low, fingers across; free of others."""
    spec, table = context.robot.spec, context.sight.scene.table_height_m
    half = abs(float(np.dot(np.array(thing.size[:2]) / 2, np.abs(d))))
    height = table + float(np.clip(0.4 * thing.size[2], 0.012, 0.04))
    across = float(np.arctan2(d[0], -d[1]))
    cloud = context.sight.cloud(exclude=[identity])
    for gap in (0.025, 0.018, 0.035):
        for yaw in (across, across + np.pi / 2):
            x, y = np.array(thing.position[:2]) - d * (half + gap)
            pose = downward(float(x), float(y), height, yaw)
            if fingers_hit(pose, 0.0, cloud, spec, margin_m=0.004) <= 2 and mover.reachable(pose):
                return pose
    raise BlockedError(f"there is no room for the fingers behind the {thing.name}")


def _within_reach(start: Transform, end: Transform, mover: Mover) -> Transform:
    """The furthest reachable pose on the way, at least half of it."""
    for share in (1.0, 0.85, 0.7, 0.5):
        T = end.copy()
        T[:3, 3] = start[:3, 3] + share * (end[:3, 3] - start[:3, 3])
        if mover.reachable(T):
            return T
    raise BlockedError("the push would lead out of the arm's reach")
