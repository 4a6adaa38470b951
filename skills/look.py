"""LookAt, LookAround and Home: moving to see, and out of the way."""

from typing import ClassVar

from handeye.perception.conditions import Condition
from handeye.perception.errors import UnreachableError
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import downward
from .motion import Mover
from .pick import LOOK_HEIGHT_M
from .running import run
from .skill import Code, Outcome, Skill, SkillContext

WRIST = "wrist"
_OVER_ALL_M = 0.38
_PARTS = (0.28, 0.72)
"""Where to look from, along the table's breadth."""


class LookAt(Skill):
    """Bring the wrist camera above an object and look at it."""

    name: ClassVar[str] = "look_at"

    target: str = Field(description="the object", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:  # noqa: ARG002 - seeing changes nothing
        """Nothing that could be checked."""
        return None

    def execute(self, context: SkillContext) -> Outcome:
        """Move above it and read the wrist camera."""

        def steps(mover: Mover) -> Outcome:
            sight = context.sight
            identity = sight.resolve(self.target)
            x, y, _ = sight.scene.objects[identity].position
            height = sight.scene.table_height_m + LOOK_HEIGHT_M
            mover.over(downward(x, y, height, 1.5707963267948966))
            if WRIST in context.robot.cameras:
                sight.look([WRIST])
            return Outcome(code=Code.OK, message=f"looked at {identity}")

        return run(context, steps)


class LookAround(Skill):
    """Look at the table from above with the wrist camera, for what is hidden or runs together."""

    name: ClassVar[str] = "look_around"

    target: str | None = Field(
        default=None,
        description='what is looked for, such as "red cup"',
        json_schema_extra={"refers_to": "phrase"},
    )

    def goal(self, scene: Scene) -> Condition | None:  # noqa: ARG002 - seeing changes nothing
        """Nothing that could be checked."""
        return None

    def execute(self, context: SkillContext) -> Outcome:
        """Look from above at each part of the table that the arm can get over, and go home."""
        if WRIST not in context.robot.cameras:
            return Outcome(code=Code.REFUSED, message="there is no wrist camera to look with")

        def steps(mover: Mover) -> Outcome:
            (x0, y0), (x1, y1) = context.sight.scene.table_bounds
            height = context.sight.scene.table_height_m + _OVER_ALL_M
            seen, trouble = 0, None
            for share in _PARTS:
                place = ((x0 + x1) / 2, y0 + share * (y1 - y0))
                try:
                    mover.over(downward(*place, height, 1.5707963267948966))
                except UnreachableError as error:
                    trouble = error
                    continue
                context.sight.look([WRIST])
                seen += 1
                if self.target is not None and context.sight.recognise(self.target, WRIST):
                    break
            if trouble is not None and not seen:
                raise trouble
            mover.home()
            return Outcome(code=Code.OK, message="looked at the table from above")

        return run(context, steps)


class Home(Skill):
    """Move the arm to where the overview camera sees the table freely."""

    name: ClassVar[str] = "home"

    def goal(self, scene: Scene) -> Condition | None:  # noqa: ARG002 - the arm's own state
        """Nothing that could be checked in the scene."""
        return None

    def execute(self, context: SkillContext) -> Outcome:
        """Go home, above everything seen."""

        def steps(mover: Mover) -> Outcome:
            mover.home()
            return Outcome(code=Code.OK, message="at home")

        return run(context, steps)
