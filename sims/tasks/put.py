"""Put: one object on, in, or beside another."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from handeye.perception.conditions import Beside, In, On

from ..judge import holds
from ..objects import Category
from ..tabletop import footprint_m
from .task import Setup, Table

Side = Literal["left_of", "right_of", "in_front_of", "behind", "next_to"]
_WORDS: dict[Side, str] = {
    "left_of": "to the left of",
    "right_of": "to the right of",
    "in_front_of": "in front of",
    "behind": "behind",
    "next_to": "next to",
}

_DIRECTIONS: dict[Side, tuple[float, float]] = {
    "left_of": (0.0, 1.0),
    "right_of": (0.0, -1.0),
    "in_front_of": (-1.0, 0.0),
    "behind": (1.0, 0.0),
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
        side = _roomiest(table, a, b)
        return Setup(
            f"put the {item.name} {_WORDS[side]} the {reference.name}",
            (Beside(object=a, relation=side, reference=b),),
        )


def _roomiest(table: Table, item: str, reference: str) -> Side:
    """A side of the reference, drawn among those where the item has room."""
    center = table.world.pose(reference)[:2, 3]
    radii = {n: footprint_m(b.spec) for n, b in table.world.objects.items() if b.spec is not None}
    free: list[Side] = ["next_to"]
    for side, direction in _DIRECTIONS.items():
        spot = center + np.array(direction) * (radii[item] + radii[reference] + 0.04)
        inside = 0.32 < spot[0] < 0.66 and abs(spot[1]) < 0.32 and np.hypot(*spot) < 0.70
        gaps = [
            float(np.linalg.norm(table.world.pose(name)[:2, 3] - spot)) - radius - radii[item]
            for name, radius in radii.items()
            if name not in (item, reference)
        ]
        if inside and min(gaps, default=1.0) > 0.03:
            free.append(side)
    # What holds already is nothing to be asked for.
    free = [side for side in free if not _already(table, item, side, reference)] or ["left_of"]
    return free[int(table.rng.integers(len(free)))]


def _already(table: Table, item: str, side: Side, reference: str) -> bool:
    return holds(Beside(object=item, relation=side, reference=reference), table.world)


@dataclass(frozen=True)
class Stack:
    """Stack one block on another."""

    name: str = "stack"

    def build(self, table: Table) -> Setup:
        """Two blocks of different colours and 4–8 distractors."""
        top = table.draw(["block"])
        if table.held_out:  # Of blocks one colour alone is held out.
            bottom = table.another("block", [top], "big")
        else:
            bottom = table.draw(["block"], besides=[top], size="big")
            while bottom.color == top.color:
                bottom = table.draw(["block"], besides=[top], size="big")
        a, b = table.set_out(top, bottom)
        return Setup(f"stack the {top.name} on the {bottom.name}", (On(object=a, support=b),))
