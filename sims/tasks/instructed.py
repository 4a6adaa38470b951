"""Instructed: a table on which a given instruction can be carried out.

It reads an instruction only to know what to set out and, for the plain families, what the judge
shall look for. The agent never sees any of this.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handeye.perception.conditions import Condition, Holding, In, Moved, On

from ..objects import CATEGORIES, COLORS, Category, ColorName, ObjectSpec, sample_object
from .task import Setup, Table

_SYNONYMS: dict[str, Category] = {
    "mug": "cup",
    "cube": "block",
    "brick": "block",
    "dish": "plate",
    "sphere": "ball",
    "tin": "can",
    "carton": "box",
    "bear": "teddy",
    **{category: category for category in CATEGORIES},
}
_COLOR = "|".join(COLORS)
_THING = re.compile(
    rf"(?:\b(?P<color>{_COLOR})\s+)?(?:\w+\s+)?\b(?P<category>{'|'.join(_SYNONYMS)})(?:e?s)?\b",
    re.IGNORECASE,
)
_GRAB = re.compile(r"\b(grab|pick|take|get|lift|fetch|hold)\b", re.IGNORECASE)
_PUT = re.compile(
    r"\b(put|place|set|drop|move|lay|stack)\b.*?\b(on|onto|in|into|inside)\b", re.IGNORECASE
)
_PUSH = re.compile(r"\b(push|slide|nudge)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Instructed:
    """Sets out what an instruction names by colour and category, and 4–8 distractors.

    Args:
        instruction: what the agent will be told, verbatim.
    """

    instruction: str
    name: str = "instructed"

    def build(self, table: Table) -> Setup:
        """What is named, each once, and distractors of other colours and categories."""
        specs: dict[tuple[ColorName | None, Category], ObjectSpec] = {}
        for color, category in named(self.instruction):
            if (color, category) not in specs:
                specs[color, category] = self._spec(table, color, category, list(specs.values()))
        unique = {category for color, category in specs if color is None}
        names = table.set_out(*specs.values(), avoid=unique)
        bodies = dict(zip(specs, names, strict=True))
        return Setup(self.instruction, goals(self.instruction, bodies, table))

    @staticmethod
    def _spec(
        table: Table, color: ColorName | None, category: Category, others: list[ObjectSpec]
    ) -> ObjectSpec:
        if color is not None:
            return sample_object(category, color, table.rng)
        return table.draw([category], besides=others)


def named(text: str) -> list[tuple[ColorName | None, Category]]:
    """The (colour, category) pairs that a text names, in order."""
    found: list[tuple[ColorName | None, Category]] = []
    for match in _THING.finditer(text):
        color = match["color"].lower() if match["color"] else None
        known = next((c for c in COLORS if c == color), None)
        found.append((known, _SYNONYMS[match["category"].lower()]))
    return found


def goals(
    text: str, bodies: Mapping[tuple[ColorName | None, Category], str], table: Table
) -> tuple[Condition, ...]:
    """What must hold after the plain families; nothing when a step is of another kind."""
    found: list[Condition] = []
    for step in re.split(r",?\s*\b(?:and then|then|and)\b\s*|[.;,]", text):
        if not step.strip():
            continue
        things = [bodies[pair] for pair in named(step) if pair in bodies]
        goal = _goal(step, things, table)
        if goal is None:
            return ()
        # What was grabbed is put down again by what follows.
        found = [c for c in found if not isinstance(c, Holding)]
        found.append(goal)
    return tuple(found)


def _goal(step: str, things: list[str], table: Table) -> Condition | None:
    put = _PUT.search(step)
    goal: Condition | None = None
    if put and len(things) == 2:
        into = put[2].lower().startswith("in")
        goal = (
            In(object=things[0], container=things[1])
            if into
            else On(object=things[0], support=things[1])
        )
    elif _PUSH.search(step) and len(things) == 1:
        goal = _pushed(step, things[0], table)
    elif _GRAB.search(step) and len(things) == 1 and not put:
        goal = Holding(object=things[0])
    return goal


def _pushed(step: str, body: str, table: Table) -> Condition:
    directions: dict[str, tuple[float, float]] = {
        "left": (0.0, 1.0),
        "right": (0.0, -1.0),
        "away": (1.0, 0.0),
        "forward": (1.0, 0.0),
    }
    word: Callable[[str], bool] = lambda w: re.search(rf"\b{w}\b", step, re.I) is not None  # noqa: E731
    direction = next((d for w, d in directions.items() if word(w)), None)
    start = table.middle(body)
    return Moved(object=body, start=start, distance_m=0.04, direction=direction)
