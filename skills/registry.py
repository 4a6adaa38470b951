"""The skills by name, built in, from installed packages and registered; and their schemas."""

from functools import lru_cache
from typing import Any, TypeVar

from handeye.perception.errors import NotFoundError, UserError
from pydantic import ValidationError

from .handover import Handover
from .insert import Insert
from .look import Home, LookAround, LookAt
from .opening import Close, Open
from .pick import Pick
from .place import Place
from .plugging import offered
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


S = TypeVar("S", bound=type[Skill])
_registered: dict[str, type[Skill]] = {}


def skills() -> dict[str, type[Skill]]:
    """Every skill by name; packages add theirs through entry points of "handeye.skills".

    One of a package that is broken is left out, which the logger "handeye" is told once.
    """
    return {**_installed(), **_registered}


def register(skill: S) -> S:
    """Make a skill known to every planner and agent of this process; returns it.

    It takes the place of one of the same name. Also a decorator of the skill's class.

    Raises:
        UserError: it is no skill; says what it lacks.
    """
    _must_be_skill(skill)
    _registered[skill.name] = skill
    return skill


@lru_cache(maxsize=1)
def _installed() -> dict[str, type[Skill]]:
    """The skills that are built in, and those of installed packages."""
    built_in = {skill.name: skill for skill in BUILT_IN}
    return built_in | offered("handeye.skills", "skill", _must_be_skill)


def _must_be_skill(skill: object) -> None:
    """Raise UserError for what is no class of skills that can be called by its name."""
    if not isinstance(skill, type) or not issubclass(skill, Skill):
        raise UserError(f"{skill!r} is no skill; right is a class that derives from Skill")
    name = getattr(skill, "name", None)
    if not isinstance(name, str) or not name:
        raise UserError(f'{skill.__name__} has no name; right is name: ClassVar[str] = "…"')
    if not (skill.__doc__ or "").strip():
        raise UserError(f"{skill.__name__} has no docstring, which tells models what it does")
    for method in ("goal", "execute"):
        if getattr(skill, method) is getattr(Skill, method):
            raise UserError(f"{skill.__name__} has no {method}(), which every skill needs")
    try:
        skill_schema(skill)
    except Exception as error:
        raise UserError(f"the arguments of {skill.__name__} have no schema: {error}") from error


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
