"""Push: move an object along the table without taking hold of it."""

from typing import ClassVar, Literal

import numpy as np
from handeye.perception.conditions import Condition, Moved
from handeye.perception.frame import Transform
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import downward, fingers_hit
from .motion import BlockedError, Mover, Way
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

    target: str = Field(description="the object", json_schema_extra={"refers_to": "object"})
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
    identity = context.sight.resolve(call.target)
    context.report(f"pushing {identity} {call.direction}")
    direction = np.array(VECTORS[call.direction])
    pushed = stroke(identity, direction, call.distance_m, context, mover)
    return Outcome(
        code=Code.OK,
        message=f"pushed {identity} {call.direction}",
        evidence={"way_m": round(pushed, 3)},
    )


def stroke(
    identity: str,
    d: np.ndarray,
    way_m: float,
    context: SkillContext,
    mover: Mover,
    opening_m: float = 0.0,
) -> float:
    """Push something along a direction [2] by some way, and retreat; returns the way, m.

    Raises BlockedError where there is no room behind it, or the way leads out of reach.
    """
    way = _way(identity, d, way_m, context, mover, opening_m)
    above, start, end = way.poses
    mover.gripper(opening_m)
    mover.over(above, ignore=[identity], q_goal=way.q_start)
    mover.drive(way, 1, speed=0.4)
    mover.drive(way, 2, speed=0.25)
    back = end.copy()
    back[:2, 3] -= d * 0.015
    mover.straight(back, speed=0.5)
    mover.lift(float(back[2, 3]) + 0.15)
    mover.home()
    return float(np.hypot(*(end[:2, 3] - start[:2, 3])))


def _way(
    identity: str,
    d: np.ndarray,
    way_m: float,
    context: SkillContext,
    mover: Mover,
    opening_m: float,
) -> Way:
    """From above where the fingers are set down behind the object, free of others, and on.

    The way is as long as the arm can go in a straight line, at least half of it.
    """
    thing = context.sight.scene.objects[identity]
    spec, table = context.robot.spec, context.sight.scene.table_height_m
    half = abs(float(np.dot(np.array(thing.size[:2]) / 2, np.abs(d))))
    height = table + float(np.clip(0.4 * thing.size[2], 0.012, 0.04))
    across = float(np.arctan2(d[0], -d[1]))
    cloud = context.sight.cloud(exclude=[identity])
    free = False
    for gap in (0.025, 0.018, 0.035):
        for yaw in (across, across + np.pi, across + np.pi / 2):
            x, y = np.array(thing.position[:2]) - d * (half + gap)
            start = downward(float(x), float(y), height, yaw)
            if fingers_hit(start, opening_m, cloud, spec, margin_m=0.004) > 2:
                continue
            free = True
            for share in (1.0, 0.85, 0.7, 0.5):
                end = start.copy()
                end[:2, 3] += d * share * (way_m + 0.02)
                way = mover.along([_raised(start), start, end])
                if len(way.poses) == 3:
                    return way
    if free:
        raise BlockedError("the push would lead out of the arm's reach")
    raise BlockedError(f"there is no room for the fingers behind the {thing.name}")


def _raised(T: Transform) -> Transform:
    above = T.copy()
    above[2, 3] += 0.12
    return above
