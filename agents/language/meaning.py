"""Meanings: what a sentence says, before it is held against a scene."""

import math
from dataclasses import dataclass, replace
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
    "front",
    "back",
    "open",
    "closed",
    "empty",
    "fallen",
    "compared",
    "sized",
    "shaped",
    "matching",
]
Verb = Literal[
    "pick",
    "put",
    "get",
    "put_back",
    "drop",
    "stack",
    "push",
    "look_at",
    "home",
    "want",
    "remove",
    "clear",
    "tidy",
    "swap",
    "open",
    "close",
    "pour",
    "upright",
    "rotate",
    "sweep",
    "insert",
    "hand_over",
    "sort",
    "gather",
    "separate",
    "arrange",
    "undo",
    "same",
    "name",
]
Kind = Literal["exists", "state", "where", "what", "color", "count", "size", "distance", "holding"]
"""Of facts: what is asked about, or stated."""


_COMPARATIVES = {"big": "bigger", "small": "smaller", "tall": "taller", "short": "shorter"}


@dataclass(frozen=True)
class Clause:
    """A restriction by relation: "… on the plate", "… between the cup and the ball".

    Attributes:
        relation: how it stands to `things`.
        things: none for a state, two for "between".
        negated: "that is not …".
        size: of a comparison, "big" for "bigger than".
    """

    relation: Relation
    things: tuple["Thing", ...] = ()
    negated: bool = False
    size: str | None = None

    def words(self) -> str:
        """The restriction in plain words."""
        others = " and ".join(the(thing) for thing in self.things)
        relation = "from" if self.relation == "at" else self.relation.replace("_", " ")
        if self.relation == "compared":
            relation = f"{_COMPARATIVES.get(self.size or '', 'bigger')} than"
        return f"{'not ' if self.negated else ''}{relation} {others}".rstrip()


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
        rank: of an order by size or place: 2 of "the second smallest", "the second from the left".
        matching: of the colour of what is put there.
        shape: "round", "square", "flat", "hollow", "soft".
        traits: words that must be in the object's name, such as "wooden".
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
    rank: int | None = None
    matching: bool = False
    shape: str | None = None
    traits: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    clauses: tuple[Clause, ...] = ()
    but: tuple["Thing", ...] = ()

    def words(self) -> str:
        """The phrase in plain words."""
        if self.it:
            return "them" if self.every else "it"
        noun = (self.category or ("" if self.unknown else "thing")).lstrip("=#").replace("_", " ")
        parts = [
            str(self.count) if self.count else None,
            "other" if self.other else None,
            _ordinal(self.rank),
            self.extreme,
            self.size,
            "matching" if self.matching else None,
            self.shape,
            *self.traits,
            *self.unknown,
            self.color,
            noun,
        ]
        text = " ".join(part for part in (*parts, *(c.words() for c in self.clauses)) if part)
        if self.but:
            text += " except " + " and ".join(the(thing) for thing in self.but)
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
        others = " and ".join(the(thing) for thing in self.things)
        if self.relation == "on" and not self.things:
            return "on the table"
        if self.relation in ("shifted", "offset"):
            way = None if self.distance_m is None else centimetres(self.distance_m)
            of = "of" if self.direction else "from"
            parts = (way, self.direction, others and f"{of} {others}")
            return " ".join(part for part in parts if part)
        where = (self.spot or "").replace("_", " ")
        return f"{self.relation.replace('_', ' ')} {others or 'the ' + where}"


@dataclass(frozen=True)
class Fact:
    """What is asked about the scene, or stated as a condition.

    Attributes:
        kind: what about.
        thing: about what.
        clause: of a state: what should be true of the thing.
        other: of a distance: to what.
        negated: whether the opposite is stated.
        least, most: bounds of how many there are, for "exists".
        size: of a question about size: "tall", "big", "wide".
    """

    kind: Kind
    thing: Thing
    clause: Clause | None = None
    other: Thing | None = None
    negated: bool = False
    least: int = 1
    most: int | None = None
    size: str | None = None

    def words(self) -> str:
        """The fact in plain words."""
        no = "not " if self.negated else ""
        if self.kind == "state" and self.clause:
            return f"{no}{_article(self.thing)} is {self.clause.words()}"
        if self.kind == "exists":
            kind = replace(self.thing, every=False).words()
            most = f", at most {self.most}" if self.most is not None else ""
            count = "a " if self.least <= 1 else f"at least {self.least} "
            return f"there is {no}{count}{kind}{most}"
        return f"{self.kind} of {_article(self.thing)}"


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
        angle_rad: of a turn; positive is counter-clockwise seen from above.
        shape: of an arrangement: "line", "row", "circle", "triangle", "square".
        order: by what things are sorted: "size", "color", "category".
        label: the user's name for a thing.
    """

    verb: Verb
    things: tuple[Thing, ...] = ()
    place: Place | None = None
    direction: str | None = None
    towards: Thing | None = None
    distance_m: float | None = None
    angle_rad: float | None = None
    shape: str | None = None
    order: str | None = None
    label: str | None = None

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
            text += f" towards {the(self.towards)}"
        if self.distance_m is not None:
            text += f" by {centimetres(self.distance_m)}"
        if self.angle_rad:
            text += f" by {math.degrees(self.angle_rad):.0f} degrees"
        if self.shape:
            text += f" in a {self.shape}"
        if self.order:
            text += f" by {self.order}"
        if self.label:
            text += f' "{self.label}"'
        return text


Reading = tuple[Command, ...]
"""One way to read a step of a sentence."""


def centimetres(distance_m: float) -> str:
    """ "5 cm", "0.05 cm"."""
    return f"{round(100 * distance_m, 3):g} cm"


def _ordinal(rank: int | None) -> str | None:
    if rank is None:
        return None
    names = ("middle", "first", "second", "third", "fourth", "fifth")
    return names[rank] if 0 <= rank < len(names) else f"{rank}th"


def the(thing: Thing) -> str:
    """A phrase with its article; pronouns have none."""
    return thing.words() if thing.it else f"the {thing.words()}"


def _article(thing: Thing) -> str:
    word = "" if thing.it else "every " if thing.every else "any " if thing.any else "the "
    return word + thing.words()
