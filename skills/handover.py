"""Handover: bring something to the user, who faces the robot across the table."""

from typing import ClassVar

from handeye.perception.conditions import At, Condition
from handeye.perception.scene import Scene
from pydantic import Field

from .pick import take
from .place import Place
from .skill import Outcome, Skill, SkillContext
from .spots import named_spot

_TOLERANCE_M = 0.12


class Handover(Skill):
    """Put something in front of the user, at the far side of the table; picks it up first."""

    name: ClassVar[str] = "handover"

    target: str = Field(description="what the user gets", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:
        """The target stands in front of the user."""
        if self.target not in scene.objects:
            return None
        return At(object=self.target, point=named_spot("far", scene), tolerance_m=_TOLERANCE_M)

    def execute(self, context: SkillContext) -> Outcome:
        """Pick, look, place."""
        failed = take(self.target, context)
        if failed is not None:
            return failed
        return Place(relation="at", spot="far").execute(context)
