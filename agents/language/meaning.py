"""Meanings: what a sentence says, before it is held against a scene."""

from dataclasses import dataclass, field
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
    "held",
    "on_table",
    "carries",
    "contains",
]
Verb = Literal["pick", "put", "drop", "stack", "push", "look_at", "home"]


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
        extreme: "leftmost" or "rightmost", or None.
        every: whether all that fit are meant.
        other: "the other one".
        it: a pronoun, with nothing else.
        clauses: restrictions by relation.
    """

    category: str | None = None
    color: str | None = None
    size: str | None = None
    extreme: str | None = None
    every: bool = False
    other: bool = False
    it: bool = False
    clauses: tuple[Clause, ...] = ()

    def words(self) -> str:
        """The phrase in plain words."""
        if self.it:
            return "it"
        parts = [self.extreme, self.size, self.color, self.category or "thing"]
        text = " ".join(part for part in parts if part)
        for clause in self.clauses:
            others = " and ".join(f"the {thing.words()}" for thing in clause.things)
            text += f" {clause.relation.replace('_', ' ')} {others}".rstrip()
        return text


@dataclass(frozen=True)
class Place:
    """Where something is to go.

    Attributes:
        relation: as of the skill, or "at" with a spot, or "shifted" with direction and distance.
    """

    relation: str
    things: tuple[Thing, ...] = ()
    spot: str | None = None
    direction: str | None = None
    distance_m: float | None = None


@dataclass(frozen=True)
class Command:
    """One thing to do."""

    verb: Verb
    things: tuple[Thing, ...] = ()
    place: Place | None = None
    direction: str | None = None
    distance_m: float | None = None

    def words(self) -> str:
        """How it was read, in plain words."""
        text = self.verb.replace("_", " ")
        if self.things:
            text += " the " + " and the ".join(thing.words() for thing in self.things)
        if self.place is not None:
            others = " and ".join(f"the {thing.words()}" for thing in self.place.things)
            where = self.place.spot or self.place.direction or ""
            relation = self.place.relation.replace("_", " ")
            text += f" {relation} {others or where.replace('_', ' ')}".rstrip()
        if self.direction:
            text += f" {self.direction}"
        if self.distance_m:
            text += f" by {100 * self.distance_m:.0f} cm"
        return text


@dataclass(frozen=True)
class Reading:
    """One way to read a sentence: its commands in order."""

    commands: tuple[Command, ...] = field(default=())

    def words(self) -> str:
        """In plain words."""
        return ", then ".join(command.words() for command in self.commands)
