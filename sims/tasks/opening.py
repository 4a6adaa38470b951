"""Open and close: a drawer, or the door of a fridge."""

from dataclasses import dataclass

import numpy as np
from handeye.perception.conditions import Opened

from ..articulated import add_furniture
from ..objects import COLORS
from ..world import FurnitureKind
from .task import Setup, Table


@dataclass(frozen=True)
class Opening:
    """Open a drawer or a fridge that stands at the side of the table, or close it."""

    kind: FurnitureKind
    open: bool
    name: str

    def build(self, table: Table) -> Setup:
        """The furniture at the left or the right, its front to the middle, and 1–3 things."""
        side = float(table.rng.choice([-1.0, 1.0]))
        x, y = table.rng.uniform((0.43, 0.40), (0.51, 0.44))
        body = add_furniture(
            table.world,
            self.kind,
            COLORS[int(table.rng.integers(len(COLORS)))],
            (float(x), side * float(y), table.style.table_height_m),
            -side * np.pi / 2 + float(table.rng.uniform(-0.1, 0.1)),
            opened=0.0 if self.open else 1.0,
        )
        table.set_out(distractors=(1, 3))
        verb = "open" if self.open else "close"
        instruction = table.choose(f"{verb} the {self.kind}", f"please {verb} the {body.name}")
        return Setup(instruction, (Opened(object=body.name, open=self.open),))
