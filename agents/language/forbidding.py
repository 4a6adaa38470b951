"""Forbidding: what was said not to be done, and the skill calls that would do it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from handeye.perception.scene import Scene
from handeye.skills.skill import Skill

from .meaning import Command, Thing
from .reading import phrase, readings
from .structure import VERBS, Terms

_DOES: dict[str, frozenset[str]] = {
    "pick": frozenset({"pick"}),
    "hand_over": frozenset({"handover"}),
    "push": frozenset({"push", "sweep"}),
    "sweep": frozenset({"sweep"}),
    "rotate": frozenset({"rotate"}),
    "open": frozenset({"open"}),
    "close": frozenset({"close"}),
    "pour": frozenset({"pour"}),
    "upright": frozenset({"upright"}),
    "look_at": frozenset({"look_at"}),
}
"""Verbs by the skills that do them and nothing else; any other verb forbids every motion."""
_STILL = frozenset({"look_at"})
_ALONG = frozenset({"push", "sweep"})
"""Skills that move what lies on their target, too."""
_DOING = {
    "pick": "pick {} up",
    "place": "put {} there",
    "push": "push {}",
    "sweep": "sweep {}",
    "rotate": "turn {}",
    "open": "open {}",
    "close": "close {}",
    "pour": "pour {} out",
    "insert": "insert {}",
    "upright": "stand {} up",
    "handover": "hand {} over",
    "look_at": "look at {}",
}


@dataclass(frozen=True)
class Ban:
    """Something that is not to be done.

    Attributes:
        names: with what: ids.
        skills: by which skills; empty for all that move it.
        where: arguments, as (field, value), of which such a call has one; empty for any call.
    """

    names: frozenset[str]
    skills: frozenset[str] = frozenset()
    where: frozenset[tuple[str, str]] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether its things are not to be moved at all."""
        return not self.skills and not self.where

    def covers(self, skill: Skill) -> bool:
        """Whether a skill call, with one of its things, is of the kind that is forbidden."""
        if skill.name not in self.skills and (self.skills or skill.name in _STILL):
            return False
        said = ((field, str(getattr(skill, field, None))) for field in ("direction", *_GOALS))
        return not self.where or any(
            field == other and f"_{value}".endswith(f"_{part}")
            for field, value in said
            for other, part in self.where
        )


_GOALS = ("reference", "into", "spot")


def ban_on(names: Iterable[str], command: Command | None, all_of: "Find") -> Ban:
    """What "don't" forbids to do with some things.

    Args:
        names: of the things.
        command: what is not to be done; None for anything.
        all_of: finds the ids that a phrase means, for the places of the command.
    """
    things = frozenset(names)
    if command is None:
        return Ban(things)
    if command.verb == "drop":
        return Ban(things, where=frozenset({("reference", "table")}))
    if command.place is not None and command.verb != "sweep":
        return Ban(things, where=frozenset(_goals(command, all_of)))
    way = frozenset({("direction", command.direction)} if command.direction else ())
    return Ban(things, _DOES.get(command.verb, frozenset()), way)


Find = Callable[[Thing], list[str]]


def spoken_of(terms: Terms, language: str) -> list[tuple[tuple[Thing, ...], Command | None]]:
    """What may be meant by what must not be done: "the ball in the bowl", or the ball.

    With each, the command that is forbidden; None for whatever moves it.
    """
    verb = terms[0] if terms and terms[0] in VERBS else None
    said = phrase(terms[1:] if verb else terms, language)
    found = readings(terms, language)
    command = found[0][0] if found and found[0][0].things else None
    ways: list[tuple[tuple[Thing, ...], Command | None]] = []
    if said:
        ways.append(((said,), command and replace(command, things=(said,), place=None)))
    return [*ways, (command.things, command)] if command else ways


def _goals(command: Command, all_of: Find) -> Iterator[tuple[str, str]]:
    """The arguments of calls that put something where a command does."""
    place = command.place
    if place is None or place.relation in ("shifted", "offset"):
        return
    if place.spot is not None:
        yield "spot", place.spot
    elif not place.things:
        yield "reference", "table"
    for thing in place.things:
        for name in all_of(thing):
            yield "reference", name
            yield "into", name


def forbidden(skill: Skill, scene: Scene, bans: Iterable[Ban]) -> str | None:
    """Why a skill call must not be, in words; None where it may."""
    target = getattr(skill, "target", None)
    moved = [target, *(_load(str(target), scene) if skill.name in _ALONG else ())]
    for ban in bans:
        for name in moved:
            if name in ban.names and name in scene.objects and ban.covers(skill):
                return _against(ban, skill, scene.objects[name].name, name == target)
    return None


def _against(ban: Ban, skill: Skill, name: str, itself: bool) -> str:
    doing = _DOING.get(skill.name, "move {}") if itself else "move {} along"
    deed = doing.format(f"the {name}")
    if ban.whole:
        return f"you said to leave the {name} alone, but for this I would have to {deed}"
    return f"you said not to {deed}, but this would do it"


def _load(base: str, scene: Scene) -> list[str]:
    """What lies on something, up to the top."""
    found = [base]
    for below in found:
        found += [n for n, t in scene.objects.items() if t.on == below and n not in found]
    return found[1:]
