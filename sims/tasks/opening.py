"""Open and close: a drawer, or the door of a fridge; and put something into one."""

from dataclasses import dataclass

import numpy as np
from handeye.perception.conditions import In, Opened

from ..articulated import add_furniture, furniture_colors
from ..body import Body, FurnitureKind
from ..objects import Category, ObjectSpec
from .task import Setup, Table

_STOWED: dict[FurnitureKind, tuple[Category, ...]] = {
    "drawer": ("block", "ball", "lego"),
    "fridge": ("can",),
}


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
    """Put something, or two things, into furniture and close it; half of it stands open."""

    kind: FurnitureKind
    count: int
    name: str

    def build(self, table: Table) -> Setup:
        """The furniture at a side, what goes into it, and as much again at the most."""
        opened = float(table.rng.random() < 0.5)
        # A fridge stands at the right, so that its door opens away from the arm.
        side = -1.0 if self.kind == "fridge" else None
        body = _at_a_side(table, self.kind, opened=opened, side=side)
        fit = _STOWED[self.kind]
        kinds = [fit[int(k)] for k in table.rng.permutation(len(fit))[: self.count]]
        specs: list[ObjectSpec] = []
        for kind in kinds:
            specs.append(table.another(kind, specs, "small"))
        names = table.set_out(*specs, distractors=(0, 2), avoid=fit)
        things = " and ".join(f"the {kind}" for kind in kinds)
        it = "close it" if opened else "close it again"
        words = table.say(
            f"put {things} in the {self.kind} and close it",
            f"put {things} into the {body.name} and then close the {self.kind}",
            unseen=(f"stow {things} in the {self.kind}, then {it}",),
        )
        inside = tuple(In(object=name, container=body.name) for name in names)
        return Setup(words, (*inside, Opened(object=body.name, open=False)))


def _at_a_side(
    table: Table, kind: FurnitureKind, *, opened: float, side: float | None = None
) -> Body:
    """Furniture at the left (1) or the right (-1) of the table, its front to the middle."""
    drawn = float(table.rng.choice([-1.0, 1.0]))
    side = drawn if side is None else side
    x, y = table.rng.uniform((0.43, 0.40), (0.51, 0.44))
    colors = furniture_colors(kind, table.held_out)
    return add_furniture(
        table.world,
        kind,
        colors[int(table.rng.integers(len(colors)))],
        (float(x), side * float(y), table.style.table_height_m),
        -side * np.pi / 2 + float(table.rng.uniform(-0.1, 0.1)),
        opened=opened,
        rng=table.rng.spawn(1)[0],
    )
