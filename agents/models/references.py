"""References: which arguments of a skill name things of the scene, as its fields declare.

A field says so by `Field(json_schema_extra={"refers_to": …})`: "object" is an id of the scene,
"surface" is an id or "table", "phrase" is words for what need not be in the scene yet.
"""

from typing import Any

from handeye.skills.place import TABLE
from handeye.skills.skill import Skill

MARK = "refers_to"
TOLD = {
    "object": "an id of the scene",
    "surface": f'an id of the scene, or "{TABLE}"',
    "phrase": "in words, not by an id",
}
"""What a language model is told of an argument with this mark."""


def mark_of(skill: type[Skill], field: str) -> str:
    """What a field of a skill refers to: a key of `TOLD`, or ""."""
    extra: Any = skill.model_fields[field].json_schema_extra
    mark = extra.get(MARK) if isinstance(extra, dict) else None
    return mark if isinstance(mark, str) and mark in TOLD else ""


def things_of(skill: Skill) -> list[tuple[str, str, str]]:
    """(argument, mark, what it names), for each name of an object or surface in a call."""
    named = []
    for field in type(skill).model_fields:
        mark = mark_of(type(skill), field)
        value = getattr(skill, field)
        if mark in ("object", "surface"):
            names = value if isinstance(value, list | tuple) else [value]
            named += [(field, mark, name) for name in names if isinstance(name, str)]
    return named
