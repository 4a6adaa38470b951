"""Push: one object, some way."""

from dataclasses import dataclass

import numpy as np
from handeye.perception.conditions import Moved

from ..tabletop import footprint_m
from .task import Setup, Table

_DIRECTIONS: dict[str, tuple[float, float]] = {
    "to the left": (0.0, 1.0),
    "to the right": (0.0, -1.0),
    "away": (1.0, 0.0),
}


@dataclass(frozen=True)
class Push:
    """Push an object left, right or away, where there is room for it."""

    name: str = "push"

    def build(self, table: Table) -> Setup:
        """One thing and 4–6 distractors."""
        target = table.draw(["block", "ball", "can", "box", "cup", "bowl", "lego"])
        [body] = table.set_out(target, distractors=(4, 6))
        x, y = (float(value) for value in table.world.pose(body)[:2, 3])
        words = max(_DIRECTIONS, key=lambda w: _room(table, body, _DIRECTIONS[w]))
        goal = Moved(object=body, start=(x, y), distance_m=0.04, direction=_DIRECTIONS[words])
        return Setup(f"push the {target.name} {words}", (goal,))


def _room(table: Table, name: str, direction: tuple[float, float]) -> float:
    """Free way in front of an object, m, up to the border of where the arm works well."""
    start, d = table.world.pose(name)[:2, 3], np.array(direction)
    free = min(0.68 - start[0] if d[0] else np.inf, 0.33 - d[1] * start[1] if d[1] else np.inf)
    for other, body in table.world.objects.items():
        if other == name or body.spec is None:
            continue
        offset = table.world.pose(other)[:2, 3] - start
        along = float(offset @ d)
        aside = float(np.linalg.norm(offset - along * d))
        if along > 0 and aside < footprint_m(body.spec) + 0.06:
            free = min(free, along - footprint_m(body.spec))
    return float(free)
