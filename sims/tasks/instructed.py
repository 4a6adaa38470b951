"""Instructed: a table on which a given instruction can be carried out.

It reads an instruction only to know what to set out and, for the plain families, what the judge
shall look for. The agent never sees any of this.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from handeye.perception.conditions import Beside, Condition, Holding, In, Moved, On

from ..judge import holds
from ..objects import CATEGORIES, COLORS, Category, ColorName, ObjectSpec, sample_object
from .task import Setup, Table

T = TypeVar("T")
Relation = Literal["on", "in", "left_of", "right_of", "in_front_of", "behind", "next_to"]
Goal = Holding | In | On | Beside | Moved

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
_NAMED = rf"(?:(?:the|a|an)\s+)?(?:(?:{_COLOR})\s+)?(?:{'|'.join(_SYNONYMS)})"
_FIRST = rf"(?P<first>{_NAMED}|it)"
_RELATIONS: dict[str, Relation] = {
    r"on|onto|on\s+top\s+of": "on",
    r"in|into|inside": "in",
    r"(?:(?:to|on|at)\s+the\s+)?left(?:\s+side)?\s+of": "left_of",
    r"(?:(?:to|on|at)\s+the\s+)?right(?:\s+side)?\s+of": "right_of",
    r"in\s+front\s+of": "in_front_of",
    r"behind": "behind",
    r"next\s+to|beside": "next_to",
}
_DIRECTIONS: dict[str, tuple[float, float]] = {
    r"(?:to\s+the\s+)?left": (0.0, 1.0),
    r"(?:to\s+the\s+)?right": (0.0, -1.0),
    r"away|forwards?": (1.0, 0.0),
}
_POLITE = re.compile(
    r"\b(?:please|first|now|finally|(?:can|could|would)\s+you)\b|[?!]", re.IGNORECASE
)
_GRAB = re.compile(
    rf"(?:grab|pick(?:\s+up)?|take|get|lift|fetch|hold)\s+(?:me\s+)?{_FIRST}(?:\s+up)?",
    re.IGNORECASE,
)
_PUT = re.compile(
    rf"(?:put|place|set|drop|move|lay|stack)\s+{_FIRST}\s+"
    rf"(?P<how>{'|'.join(_RELATIONS)})\s+(?P<second>{_NAMED})",
    re.IGNORECASE,
)
_PUSH = re.compile(
    rf"(?:push|slide|nudge)\s+{_FIRST}(?:\s+(?P<way>{'|'.join(_DIRECTIONS)}))?", re.IGNORECASE
)
Bodies = Mapping[tuple[ColorName | None, Category], str]


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
        goal = self._set_out(table, specs)
        while goal and all(holds(condition, table.world) for condition in goal):
            table.clear()  # What holds already is nothing to be asked for.
            goal = self._set_out(table, specs)
        return Setup(self.instruction, goal)

    def _set_out(
        self, table: Table, specs: Mapping[tuple[ColorName | None, Category], ObjectSpec]
    ) -> tuple[Condition, ...]:
        unique = {category for color, category in specs if color is None}
        names = table.set_out(*specs.values(), avoid=unique)
        return goals(self.instruction, dict(zip(specs, names, strict=True)), table)

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


def goals(text: str, bodies: Bodies, table: Table) -> tuple[Condition, ...]:
    """What must hold after the plain families.

    Nothing unless every step is one of them to its last word: with "not", "all", "except" or a
    number in it, it means something else.
    """
    if _alike(bodies):
        return ()
    found: list[Condition] = []
    it = ""
    for step in re.split(r",?\s*\b(?:and then|then|and)\b\s*|[.;,]", text):
        plain = " ".join(_POLITE.sub(" ", step).split())
        if not plain:
            continue
        goal = _goal(plain, bodies, it, table)
        if goal is None:
            return ()
        it = goal.object or ""
        # What was grabbed is put down again by what follows.
        found = [c for c in found if not isinstance(c, Holding)]
        found.append(goal)
    return tuple(found)


def _alike(bodies: Bodies) -> bool:
    """Whether one thing is named by its category alone, and another of that category too."""
    plain = [category for color, category in bodies if color is None]
    return any(sum(other == category for _, other in bodies) > 1 for category in plain)


def _goal(step: str, bodies: Bodies, it: str, table: Table) -> Goal | None:
    """What must hold after one step, "it" being a body; None where it is of no plain family."""
    found = _GRAB.fullmatch(step) or _PUT.fullmatch(step) or _PUSH.fullmatch(step)
    if found is None:
        return None
    first = _body(found["first"], bodies, it)
    if not first:
        return None
    if found.re is _GRAB:
        return Holding(object=first)
    if found.re is _PUSH:
        way = _meant(found["way"] or "", _DIRECTIONS)
        return Moved(object=first, start=table.middle(first), distance_m=0.04, direction=way)
    second, relation = _body(found["second"], bodies, it), _meant(found["how"], _RELATIONS)
    if not second or second == first:
        return None
    return _put(first, relation, second, table)


def _put(first: str, relation: Relation | None, second: str, table: Table) -> Goal | None:
    if relation == "on":
        return On(object=first, support=second)
    if relation == "in":
        shape = table.world[second].shape
        hollow = shape is not None and shape.inner_radius > 0.0
        return In(object=first, container=second) if hollow else None
    return Beside(object=first, relation=relation, reference=second) if relation else None


def _body(words: str, bodies: Bodies, it: str) -> str:
    """The body that some words name, or ""."""
    if words.lower() == "it":
        return it
    [pair] = named(words)
    return bodies.get(pair, "")


def _meant(words: str, known: Mapping[str, T]) -> T | None:
    """What some words stand for, by the pattern that they match."""
    fitting = (what for how, what in known.items() if re.fullmatch(how, words, re.IGNORECASE))
    return next(fitting, None)
