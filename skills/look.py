"""LookAt and Home: moving to see, and out of the way."""

from typing import ClassVar

from handeye.perception.conditions import Condition
from handeye.perception.scene import Scene
from pydantic import Field

from .grasping import downward
from .motion import Mover
from .pick import LOOK_HEIGHT_M
from .running import run
from .skill import Code, Outcome, Skill, SkillContext


class LookAt(Skill):
    """Bring the wrist camera above an object and look at it."""

    name: ClassVar[str] = "look_at"

    target: str = Field(description="the object: an id from the scene, or a phrase")

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
            if "wrist" in context.robot.cameras:
                sight.look(["wrist"])
            return Outcome(code=Code.OK, message=f"looked at {identity}")

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
