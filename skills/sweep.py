"""Sweep: push something along the table to a part of it, stroke by stroke."""

from typing import ClassVar

import numpy as np
from handeye.perception.conditions import At, Condition
from handeye.perception.scene import Scene
from pydantic import Field

from .motion import BlockedError, Mover
from .push import stroke
from .running import Failed, run
from .skill import Code, Outcome, Skill, SkillContext
from .spots import SpotName, named_spot

_STROKES = 7
_LONGEST_M = 0.16
_THERE_M = 0.08
_ASIDE_RAD = (0.0, 0.35, -0.35, 0.7, -0.7)
_ZONE_M = 0.12
_BETWEEN_FINGERS_M = 0.04
"""Two fingertips guide what one would let slip aside."""


class Sweep(Skill):
    """Push something along the table to a named part of it, without taking hold of it."""

    name: ClassVar[str] = "sweep"

    target: str = Field(description="the object", json_schema_extra={"refers_to": "object"})
    spot: SpotName = Field(description="the part of the table, from the robot's point of view")

    def goal(self, scene: Scene) -> Condition | None:
        """The target stands in that part of the table."""
        if self.target not in scene.objects:
            return None
        return At(object=self.target, point=named_spot(self.spot, scene), tolerance_m=_ZONE_M)

    def execute(self, context: SkillContext) -> Outcome:
        """Push, look where it is now, and push on."""
        return run(context, lambda mover: _sweep(self, context, mover))


def _sweep(call: Sweep, context: SkillContext, mover: Mover) -> Outcome:
    sight = context.sight
    identity = sight.resolve(call.target)
    goal = np.array(named_spot(call.spot, sight.scene))
    for strokes in range(_STROKES):
        left = goal - np.array(sight.scene.objects[identity].position[:2])
        distance = float(np.linalg.norm(left))
        if distance <= _THERE_M:
            return Outcome(
                code=Code.OK,
                message=f"swept {identity} to {call.spot.replace('_', ' ')}",
                evidence={"strokes": strokes, "off_m": round(distance, 3)},
            )
        context.report(f"sweeping {identity}, {100 * distance:.0f} cm to go")
        size = sight.scene.objects[identity].size
        opening = min(0.6 * min(size[:2]), _BETWEEN_FINGERS_M)
        _push_on(identity, left, opening, context, mover)
        sight.look()
        if identity not in sight.scene.objects:
            raise Failed(Code.NOT_FOUND, f"{identity} is gone from where it was swept")
    raise Failed(Code.BLOCKED, f"{identity} does not get to {call.spot} in {_STROKES} strokes")


def _push_on(
    identity: str, left: np.ndarray, opening_m: float, context: SkillContext, mover: Mover
) -> None:
    """One stroke along what is left of the way [2], or a little aside where that cannot be."""
    distance = float(np.linalg.norm(left))
    for angle in _ASIDE_RAD:
        c, s = np.cos(angle), np.sin(angle)
        d = np.array([[c, -s], [s, c]]) @ left / distance
        try:
            stroke(identity, d, min(distance * c, _LONGEST_M), context, mover, opening_m)
        except BlockedError:
            if angle == _ASIDE_RAD[-1]:
                raise
            continue
        return
