"""Stack: put one object on top of another, picking it up first if need be."""

from typing import ClassVar

from handeye.perception.conditions import Condition, On
from handeye.perception.scene import Scene
from pydantic import Field

from .pick import Pick
from .place import Place
from .skill import Outcome, Skill, SkillContext


class Stack(Skill):
    """Put one object on top of another, centred; picks it up first."""

    name: ClassVar[str] = "stack"

    target: str = Field(description="what goes on top", json_schema_extra={"refers_to": "object"})
    reference: str = Field(description="what it goes on", json_schema_extra={"refers_to": "object"})

    def goal(self, scene: Scene) -> Condition | None:
        """The target is on the reference."""
        known = self.target in scene.objects and self.reference in scene.objects
        return On(object=self.target, support=self.reference) if known else None

    def execute(self, context: SkillContext) -> Outcome:
        """Pick, look, place."""
        reference = self.reference
        if context.sight.scene.holding is None or (
            context.sight.resolve(self.target) != context.sight.scene.holding
        ):
            picked = Pick(target=self.target).execute(context)
            if not picked.ok:
                return picked
            context.sight.look()
        return Place(relation="on", reference=reference).execute(context)
