"""Meanings: what a sentence says, before it is held against a scene."""

from dataclasses import dataclass
from typing import Literal

Relation = Literal[
    "on",
    "in",
    "left_of",
    "right_of",
    "in_front_of",
    "behind",
    "next_to",
    "between",
    "nearest",
    "farthest",
    "near_robot",
    "far_from_robot",
    "held",
    "on_table",
    "at",
    "carries",
    "contains",
    "colored",
    "leftmost",
    "rightmost",
]
Verb = Literal[
    "pick", "put", "drop", "stack", "push", "look_at", "home", "want", "remove", "clear", "swap"
]


@dataclass(frozen=True)
class Clause:
    """A restriction by relation: "… on the plate", "… between the cup and the ball"."""

    relation: Relation
    things: tuple["Thing", ...] = ()


@dataclass(frozen=True)
class Thing:
    """What a noun phrase says.

    Attributes:
        category, color: None where it does not say.
        size: "small", "big", "tall", "short"; among several, the most so.
        extreme: "leftmost", "rightmost", "nearest" or "farthest", or None.
        every: whether all that fit are meant.
        any: whether it does not matter which of those that fit is meant.
        count: how many are meant, or None.
        one: "the red one": of the category that was mentioned last.
        other: "the other one".
        it: a pronoun, with nothing else.
        unknown: words that are in no lexicon.
        clauses: restrictions by relation.
        but: exceptions.
    """

    category: str | None = None
    color: str | None = None
    size: str | None = None
    extreme: str | None = None
    every: bool = False
    any: bool = False
    count: int | None = None
    one: bool = False
    other: bool = False
    it: bool = False
    unknown: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] = ()
    but: tuple["Thing", ...] = ()

    def words(self) -> str:
        """The phrase in plain words."""
        if self.it:
            return "it"
        noun = (self.category or ("" if self.unknown else "thing")).lstrip("=#").replace("_", " ")
        other = "other" if self.other else None
        count = str(self.count) if self.count else None
        parts = [count, other, self.extreme, self.size, *self.unknown, self.color, noun]
        text = " ".join(part for part in parts if part)
        for clause in self.clauses:
            others = " and ".join(f"the {thing.words()}" for thing in clause.things)
            relation = "from" if clause.relation == "at" else clause.relation.replace("_", " ")
            text += f" {relation} {others}".rstrip()
        if self.but:
            text += " except " + " and ".join(f"the {thing.words()}" for thing in self.but)
        return text


@dataclass(frozen=True)
class Place:
    """Where something is to go.

    Attributes:
        relation: as of the skill; "at" with a spot; "shifted" from where it is, or "offset" from
            a thing, by direction and distance; "to" a thing, as suits it.
    """

    relation: str
    things: tuple[Thing, ...] = ()
    spot: str | None = None
    direction: str | None = None
    distance_m: float | None = None

    def words(self) -> str:
        """The place in plain words."""
        others = " and ".join(f"the {thing.words()}" for thing in self.things)
        if self.relation == "on" and not self.things:
            return "on the table"
        if self.relation in ("shifted", "offset"):
            way = f"{100 * self.distance_m:.0f} cm " if self.distance_m else ""
            return f"{way}{self.direction} {others and 'of ' + others}".rstrip()
        where = (self.spot or "").replace("_", " ")
        return f"{self.relation.replace('_', ' ')} {others or 'the ' + where}"


@dataclass(frozen=True)
class Command:
    """One thing to do.

    Attributes:
        verb: what is done.
        things: to what.
        place: where it goes.
        direction: of a push.
        towards: what is pushed to.
        distance_m: of a push.
    """

    verb: Verb
    things: tuple[Thing, ...] = ()
    place: Place | None = None
    direction: str | None = None
    towards: Thing | None = None
    distance_m: float | None = None

    def words(self) -> str:
        """How it was read, in plain words."""
        text = self.verb.replace("_", " ")
        if self.things:
            text += " " + " and ".join(_article(thing) for thing in self.things)
        if self.place is not None:
            text += f" {self.place.words()}"
        if self.direction:
            text += f" {self.direction}"
        if self.towards:
            text += f" towards the {self.towards.words()}"
        if self.distance_m:
            text += f" by {100 * self.distance_m:.0f} cm"
        return text


Reading = tuple[Command, ...]
"""One way to read a step of a sentence."""


def _article(thing: Thing) -> str:
    word = "" if thing.it else "every " if thing.every else "any " if thing.any else "the "
    return word + thing.words()
