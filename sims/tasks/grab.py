"""Grab: one object out of many."""

from dataclasses import dataclass

from handeye.perception.conditions import Holding

from ..objects import CATEGORIES, Category, ColorName
from .task import Setup, Table


@dataclass(frozen=True)
class Grab:
    """Grab one object; drawn at random unless colour and category are given."""

    color: ColorName | None = None
    category: Category | None = None
    name: str = "grab"

    def build(self, table: Table) -> Setup:
        """One target among 4–8 distractors."""
        categories = [self.category] if self.category else list(CATEGORIES)
        target = table.draw(categories, color=self.color)
        [body] = table.set_out(target)
        verb = table.choose("grab", "pick up", "take")
        wording = "grab" if self.color and self.category else verb
        return Setup(f"{wording} the {target.name}", (Holding(object=body),))
