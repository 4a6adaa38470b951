"""The skills by name, built-in and from installed packages, and their schemas for models."""

from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from handeye.perception.errors import NotFoundError, UserError
from pydantic import ValidationError

from .handover import Handover
from .insert import Insert
from .look import Home, LookAround, LookAt
from .opening import Close, Open
from .pick import Pick
from .place import Place
from .pour import Pour
from .push import Push
from .rotate import Rotate
from .skill import Skill
from .stack import Stack
from .sweep import Sweep
from .upright import Upright

BUILT_IN: tuple[type[Skill], ...] = (
    Pick,
    Place,
    Stack,
    Push,
    Handover,
    Open,
    Close,
    Pour,
    Sweep,
    Insert,
    Upright,
    Rotate,
    LookAt,
    LookAround,
    Home,
)


@lru_cache(maxsize=1)
def skills() -> dict[str, type[Skill]]:
    """Every skill by name; packages add theirs through entry points of "handeye.skills"."""
    found = {skill.name: skill for skill in BUILT_IN}
    for point in entry_points(group="handeye.skills"):
        skill = point.load()
        found[skill.name] = skill
    return found


def skill_from_call(name: str, arguments: dict[str, Any]) -> Skill:
    """A skill call from its name and arguments.

    Raises:
        NotFoundError: there is no such skill.
        UserError: the arguments are wrong; says which and why.
    """
    known = skills()
    if name not in known:
        raise NotFoundError(name, sorted(known), where="skills")
    try:
        return known[name].model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{name}({where}): {first['msg']}") from error


def skill_schema(skill: type[Skill]) -> dict[str, Any]:
    """A skill as a tool for language models: name, description, JSON schema of its arguments."""
    schema = skill.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    first_line = (skill.__doc__ or "").strip().splitlines()[0]
    return {"name": skill.name, "description": first_line, "parameters": schema}
