"""Put: one object on, in, or beside another."""

from dataclasses import dataclass
from typing import Literal, get_args

from handeye.perception.conditions import Beside, In, On

from ..objects import Category
from .task import Setup, Table

Side = Literal["left_of", "right_of", "in_front_of", "behind", "next_to"]
_WORDS: dict[Side, str] = {
    "left_of": "to the left of",
    "right_of": "to the right of",
    "in_front_of": "in front of",
    "behind": "behind",
    "next_to": "next to",
}


@dataclass(frozen=True)
class PutOn:
    """Put something on a plate."""

    name: str = "put_on"

    def build(self, table: Table) -> Setup:
        """A graspable thing, a plate, and 4–8 distractors."""
        items: list[Category] = ["block", "cup", "can", "lego", "duck", "box"]
        item = table.draw(items)
        support = table.draw(["plate"], besides=[item])
        a, b = table.set_out(item, support)
        verb = table.choose("put", "place", "set")
        return Setup(f"{verb} the {item.name} on the {support.name}", (On(object=a, support=b),))


@dataclass(frozen=True)
class PutIn:
    """Put something small into a bowl."""

    name: str = "put_in"

    def build(self, table: Table) -> Setup:
        """A small thing, a big bowl, and 4–8 distractors."""
        item = table.draw(["block", "ball", "lego", "duck"])
        bowl = table.draw(["bowl"], besides=[item])
        a, b = table.set_out(item, bowl)
        verb = table.choose("put", "place", "drop")
        return Setup(f"{verb} the {item.name} in the {bowl.name}", (In(object=a, container=b),))


@dataclass(frozen=True)
class PutBeside:
    """Put something on a given side of another thing."""

    name: str = "put_beside"

    def build(self, table: Table) -> Setup:
        """Two things and 4–6 distractors."""
        item = table.draw(["block", "can", "cup", "lego", "duck"])
        reference = table.draw(["bowl", "bottle", "box", "block", "cup"], besides=[item])
        a, b = table.set_out(item, reference, distractors=(4, 6))
        side: Side = get_args(Side)[int(table.rng.integers(5))]
        return Setup(
            f"put the {item.name} {_WORDS[side]} the {reference.name}",
            (Beside(object=a, relation=side, reference=b),),
        )


@dataclass(frozen=True)
class Stack:
    """Stack one block on another."""

    name: str = "stack"

    def build(self, table: Table) -> Setup:
        """Two blocks of different colours and 4–8 distractors."""
        top = table.draw(["block"])
        bottom = table.draw(["block"], besides=[top], size="big")
        while bottom.color == top.color:
            bottom = table.draw(["block"], besides=[top], size="big")
        a, b = table.set_out(top, bottom)
        return Setup(f"stack the {top.name} on the {bottom.name}", (On(object=a, support=b),))
