"""Open and close: a drawer, or the door of a fridge; and put something into a drawer."""

from dataclasses import dataclass

import numpy as np
from handeye.perception.conditions import In, Opened

from ..articulated import add_furniture
from ..body import Body, FurnitureKind
from ..objects import COLORS, Category, ObjectSpec
from .task import Setup, Table

_STOWED: tuple[Category, ...] = ("block", "ball", "lego")


@dataclass(frozen=True)
class Opening:
    """Open a drawer or a fridge that stands at the side of the table, or close it."""

    kind: FurnitureKind
    open: bool
    name: str

    def build(self, table: Table) -> Setup:
        """The furniture at the left or the right, its front to the middle, and 1–3 things."""
        body = _at_a_side(table, self.kind, opened=0.0 if self.open else 1.0)
        table.set_out(distractors=(1, 3))
        verb = "open" if self.open else "close"
        instruction = table.choose(f"{verb} the {self.kind}", f"please {verb} the {body.name}")
        return Setup(instruction, (Opened(object=body.name, open=self.open),))


@dataclass(frozen=True)
class Stowing:
    """Put something small, or two things, in a drawer and close it; half of them stand open."""

    count: int
    name: str

    def build(self, table: Table) -> Setup:
        """A drawer at a side of the table, what goes into it, and as much again at the most."""
        opened = float(table.rng.random() < 0.5)
        body = _at_a_side(table, "drawer", opened=opened)
        kinds = [_STOWED[int(k)] for k in table.rng.permutation(len(_STOWED))[: self.count]]
        specs: list[ObjectSpec] = []
        for kind in kinds:
            specs.append(table.another(kind, specs, "small"))
        names = table.set_out(*specs, distractors=(0, 2), avoid=_STOWED)
        things = " and ".join(f"the {kind}" for kind in kinds)
        it = "close it" if opened else "close it again"
        words = table.say(
            f"put {things} in the drawer and close it",
            f"put {things} into the {body.name} and then close the drawer",
            unseen=(f"stow {things} in the drawer, then {it}",),
        )
        inside = tuple(In(object=name, container=body.name) for name in names)
        return Setup(words, (*inside, Opened(object=body.name, open=False)))


def _at_a_side(table: Table, kind: FurnitureKind, *, opened: float) -> Body:
    """Furniture at the left or the right of the table, its front to the middle."""
    side = float(table.rng.choice([-1.0, 1.0]))
    x, y = table.rng.uniform((0.43, 0.40), (0.51, 0.44))
    return add_furniture(
        table.world,
        kind,
        COLORS[int(table.rng.integers(len(COLORS)))],
        (float(x), side * float(y), table.style.table_height_m),
        -side * np.pi / 2 + float(table.rng.uniform(-0.1, 0.1)),
        opened=opened,
    )
