# ruff: noqa: D102 – each method is the rule of the grammar that it is named after
"""Phrases: from a parse tree to the things and places that it speaks of, rule by rule."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

from lark import Token, Transformer

from .meaning import Clause, Place, Relation, Thing

_SIDES: dict[str, str] = {
    "LEFT_OF": "left_of",
    "RIGHT_OF": "right_of",
    "FRONT_OF": "in_front_of",
    "BEHIND": "behind",
    "NEXT_TO": "next_to",
    "BY": "next_to",
}
_WAYS = {"left_of": "left", "right_of": "right", "in_front_of": "closer", "behind": "away"}
_EDGES: dict[str, Relation] = {
    "left": "leftmost",
    "right": "rightmost",
    "front": "front",
    "back": "back",
    "near": "front",
    "far": "back",
}
_EXTREMES: dict[str, Relation] = {
    "LEFTMOST": "leftmost",
    "RIGHTMOST": "rightmost",
    "FRONTMOST": "front",
    "BACKMOST": "back",
    "NEAREST": "nearest",
    "FARTHEST": "farthest",
    # "The bowl of the left", as Chinese has it.
    "LEFT_OF": "leftmost",
    "RIGHT_OF": "rightmost",
    "FRONT_OF": "front",
    "BEHIND": "back",
}
_METRES = {"CM": 0.01, "MM": 0.001, "METRE": 1.0}
_A_BIT_M = 0.05


class SenselessError(Exception):
    """A derivation that the grammar allows and that says nothing."""


class Phrases(Transformer[Token, Any]):
    """Turns what a grammar says of things and places into `Thing`, `Clause` and `Place`."""

    def distance(self, parts: list[Any]) -> float:
        number = next((float(value(p)) for p in parts if is_a(p, "NUMBER")), None)
        if number is None:
            return _A_BIT_M
        unit = next((_METRES[p.type] for p in parts if is_a(p, *_METRES)), 0.01)
        return round(number * unit, 6)

    def several(self, parts: list[Any]) -> tuple[Thing, ...]:
        found = [part for part in parts if isinstance(part, Thing)]
        for before, after in pairwise(found):
            alike = before.category is None or after.category in (None, before.category)
            if before.but and alike and not after.every:
                raise SenselessError  # "All blocks but the red and the blue one" leaves out two.
        return _shared(found)

    def on_table(self, _: list[Any]) -> Place:
        return Place("on")

    def at_spot(self, parts: list[Any]) -> Place:
        return Place("at", spot=value(parts[0]))

    def shifted(self, parts: list[Any]) -> Place:
        direction = next((value(p) for p in parts if is_a(p, "DIR")), "away")
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Place("shifted", direction=direction, distance_m=distance)

    def on(self, parts: list[Any]) -> Place:
        return Place("on", things_of(parts))

    def in_(self, parts: list[Any]) -> Place:
        return Place("in", things_of(parts))

    def to(self, parts: list[Any]) -> Place:
        return Place("to", things_of(parts))

    def far_from(self, parts: list[Any]) -> Place:
        return Place("far_from", things_of(parts))

    def under(self, parts: list[Any]) -> Place:
        return Place("under", things_of(parts))

    def beside(self, parts: list[Any]) -> Place:
        side = next(part for part in parts if isinstance(part, str) and part in SIDE_NAMES)
        return Place(side, things_of(parts))

    def offset(self, parts: list[Any]) -> Place:
        side = next(part for part in parts if isinstance(part, str) and part in SIDE_NAMES)
        distance = next(part for part in parts if isinstance(part, float))
        if side not in _WAYS:
            raise SenselessError
        return Place("offset", things_of(parts), direction=_WAYS[side], distance_m=distance)

    def offset_late(self, parts: list[Any]) -> Place:
        return self.offset(parts)

    def offset_any(self, parts: list[Any]) -> Place:
        distance = next(part for part in parts if isinstance(part, float))
        return Place("offset", things_of(parts), direction=None, distance_m=distance)

    def between(self, parts: list[Any]) -> Place:
        return Place("between", _shared([p for p in parts if isinstance(p, Thing)]))

    def side(self, parts: list[Any]) -> str:
        return _SIDES[str(parts[0])]

    def thing(self, parts: list[Any]) -> Thing:
        noun = next(part for part in parts if isinstance(part, Thing))
        many = noun.category is not None and noun.category.startswith("*")
        clauses = [part for part in parts if isinstance(part, Clause)]
        matching = noun.matching or any(c.relation == "matching" for c in clauses)
        kept = tuple(c for c in clauses if c.relation != "matching")
        found = replace(_single(noun), clauses=(*noun.clauses, *kept), matching=matching)
        return replace(found, every=True) if many and not _picks(found) else found

    def any(self, parts: list[Any]) -> Thing:
        return replace(self.thing(parts), any=True)

    def every(self, parts: list[Any]) -> Thing:
        return replace(self.thing(parts), every=True, but=_but(parts))

    def every_but(self, parts: list[Any]) -> Thing:
        found, but = self.thing(parts), _but(parts)
        if not found.every and any(t.category not in (None, found.category) for t in but):
            raise SenselessError
        return replace(found, but=but)

    def any_but(self, parts: list[Any]) -> Thing:
        return replace(self.thing(parts), any=True, but=_but(parts))

    def both(self, parts: list[Any]) -> Thing:
        return replace(self.thing(parts), every=False, count=2)

    def them(self, _: list[Any]) -> Thing:
        return Thing(it=True, every=True)

    def everything(self, parts: list[Any]) -> Thing:
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        return Thing(every=True, clauses=clauses, but=_but(parts))

    def anything(self, parts: list[Any]) -> Thing:
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        return Thing(any=True, clauses=clauses)

    def purposeful(self, parts: list[Any]) -> Thing:
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        kind = next(value(p) for p in parts if is_a(p, "PURPOSE"))
        category = next((value(p) for p in parts if is_a(p, "CAT", "CATS")), "any")
        if category not in ("any", "one"):
            raise SenselessError
        definite = any(is_a(p, "DET") for p in parts)
        return Thing(kind, any=not definite, clauses=clauses)

    def others(self, parts: list[Any]) -> Thing:
        noun = next((p for p in parts if isinstance(p, Thing)), Thing(one=True))
        return replace(_single(noun), other=True, every=True)

    def some(self, parts: list[Any]) -> Thing:
        return replace(self.exactly(parts), any=True)

    def exactly(self, parts: list[Any]) -> Thing:
        number = next(value(p) for p in parts if is_a(p, "NUMBER"))
        if not number.isdigit() or not 0 < int(number) < 100:
            raise SenselessError
        return replace(self.thing(parts), every=False, count=int(number))

    def exception(self, parts: list[Any]) -> tuple[Thing, ...]:
        return things_of(parts)

    def all_but(self, parts: list[Any]) -> Thing:
        left_out = next(as_group(p) for p in parts if isinstance(p, Thing | tuple))
        noun = [part for part in parts if isinstance(part, Thing)][-1]
        return replace(_single(noun), every=True, but=left_out)

    def everything_but(self, parts: list[Any]) -> Thing:
        return Thing(every=True, but=things_of(parts))

    def modifier(self, parts: list[Any]) -> Any:
        return parts[0]

    def side_alone(self, parts: list[Any]) -> Thing:
        return Thing(extreme=_EXTREMES[str(parts[0])], one=True)

    def it(self, _: list[Any]) -> Thing:
        return Thing(it=True)

    def they(self, _: list[Any]) -> Thing:
        return Thing(it=True, every=True)

    def noun(self, parts: list[Any]) -> Thing:
        if is_a(parts[-1], "UNK"):
            return _noun(parts, None)
        category = value(parts[-1])
        mark = "*" if is_a(parts[-1], "CATS") else ""
        if category in ("any", "one"):
            return replace(_noun(parts[:-1], mark or None), one=category == "one")
        return _noun(parts[:-1], mark + category)

    def colored_one(self, parts: list[Any]) -> Thing:
        return replace(_noun(parts, None), one=True)

    def bare(self, parts: list[Any]) -> Thing:
        return replace(_noun(parts, None), one=True)

    def shaped(self, parts: list[Any]) -> Thing:
        return _noun(parts, None)

    def clause_table(self, _: list[Any]) -> Clause:
        return Clause("on_table")

    def clause_held(self, _: list[Any]) -> Clause:
        return Clause("held")

    def clause_on(self, parts: list[Any]) -> Clause:
        return Clause("on", things_of(parts))

    def clause_in(self, parts: list[Any]) -> Clause:
        return Clause("in", things_of(parts))

    def clause_beside(self, parts: list[Any]) -> Clause:
        side = next(part for part in parts if isinstance(part, str) and part in SIDE_NAMES)
        return Clause(cast(Relation, side), things_of(parts))

    def clause_between(self, parts: list[Any]) -> Clause:
        return Clause("between", _shared([p for p in parts if isinstance(p, Thing)]))

    def clause_with_on(self, parts: list[Any]) -> Clause:
        return Clause("carries", tuple(p for p in parts if isinstance(p, Thing) and not p.it))

    def clause_with_in(self, parts: list[Any]) -> Clause:
        return Clause("contains", tuple(p for p in parts if isinstance(p, Thing) and not p.it))

    def clause_nearest(self, parts: list[Any]) -> Clause:
        return Clause("nearest", things_of(parts))

    def clause_farthest(self, parts: list[Any]) -> Clause:
        return Clause("farthest", things_of(parts))

    def clause_near_robot(self, _: list[Any]) -> Clause:
        return Clause("near_robot")

    def clause_far_robot(self, _: list[Any]) -> Clause:
        return Clause("far_from_robot")

    def clause_spot(self, parts: list[Any]) -> Clause:
        return Clause(_edge(parts[-1]))

    def clause_from(self, parts: list[Any]) -> Clause:
        return Clause(_edge(parts[-1]))

    def clause_color(self, parts: list[Any]) -> Clause:
        return Clause("colored", (Thing(color=value(parts[-1])),))

    def clause_shape(self, parts: list[Any]) -> Clause:
        return Clause("shaped", (Thing(shape=value(parts[-1])),))

    def clause_size(self, parts: list[Any]) -> Clause:
        return Clause("sized", size=value(parts[-1]))

    def clause_state(self, parts: list[Any]) -> Clause:
        return Clause(cast(Relation, state_of(parts[-1])))

    def clause_empty(self, _: list[Any]) -> Clause:
        return Clause("empty")

    def clause_than(self, parts: list[Any]) -> Clause:
        size = next(value(p) for p in parts if is_a(p, "SIZE"))
        return Clause("compared", things_of(parts), size=size)

    def clause_matching(self, _: list[Any]) -> Clause:
        return Clause("matching")

    def clause_not(self, parts: list[Any]) -> Clause:
        found = next(part for part in parts if isinstance(part, Clause))
        return replace(found, negated=True)


SIDE_NAMES = frozenset(_SIDES.values())


def is_a(part: Any, *kinds: str) -> bool:
    """Whether a part of a tree is a term of one of some kinds."""
    return isinstance(part, Token) and part.type in kinds


def value(token: Any) -> str:
    """The part of a term behind its kind: COLOR_red is red, IN_SHAPE_line is line."""
    kind = token.type if isinstance(token, Token) else ""
    text = str(token)
    return text[len(kind) + 1 :] if text.startswith(f"{kind}_") else text.split("_", 1)[-1]


def state_of(token: Any) -> str:
    """ "open" or "closed"."""
    return "open" if is_a(token, "OPEN") else value(token)


def things_of(parts: list[Any]) -> tuple[Thing, ...]:
    """The first thing, or group of things, among the parts of a tree."""
    return as_group(next((part for part in parts if isinstance(part, Thing | tuple)), ()))


def groups_of(parts: list[Any]) -> list[tuple[Thing, ...]]:
    """Every thing or group of things among the parts of a tree."""
    return [as_group(part) for part in parts if isinstance(part, Thing | tuple)]


def as_group(group: Any) -> tuple[Thing, ...]:
    """A thing alone as a group of one."""
    return group if isinstance(group, tuple) else (group,)


def restricted(thing: Thing, clause: Clause) -> Thing:
    """A thing with one more clause; a pronoun stays what it is."""
    return thing if thing.it else replace(thing, clauses=(*thing.clauses, clause))


def _but(parts: list[Any]) -> tuple[Thing, ...]:
    return next((part for part in parts if isinstance(part, tuple)), ())


def _noun(parts: list[Any], category: str | None) -> Thing:
    colors = [value(p) for p in parts if is_a(p, "COLOR")]
    sizes = [value(p) for p in parts if is_a(p, "SIZE")]
    shapes = [value(p) for p in parts if is_a(p, "SHAPE")]
    ranks = [int(value(p)) for p in parts if is_a(p, "RANK")]
    extremes = [_EXTREMES[str(p)] for p in parts if str(p) in _EXTREMES]
    extremes += [_edge(p) for p in parts if is_a(p, "DIR", "EDGE")]
    states = [Clause(cast(Relation, state_of(p))) for p in parts if is_a(p, "STATE", "OPEN")]
    states += [Clause("empty") for p in parts if is_a(p, "EMPTY")]
    if max(len(colors), len(sizes), len(extremes), len(ranks), len(shapes)) > 1:
        raise SenselessError
    return Thing(
        category,
        colors[0] if colors else None,
        sizes[0] if sizes else None,
        extremes[0] if extremes else None,
        other=any(is_a(p, "OTHER") for p in parts),
        rank=ranks[0] if ranks else None,
        matching=any(is_a(p, "MATCHING") for p in parts),
        shape=shapes[0] if shapes else None,
        traits=tuple(value(p) for p in parts if is_a(p, "TRAIT")),
        unknown=tuple(value(p) for p in parts if is_a(p, "UNK")),
        clauses=tuple(states),
    )


def _edge(token: Any) -> Relation:
    """Leftmost, rightmost, front or back, of a direction, an edge or a spot."""
    side = value(token)
    if side not in _EDGES:
        raise SenselessError
    return _EDGES[side]


def where(token: Token) -> Thing:
    """ "On the left", said to a question."""
    return Thing(extreme=_edge(token), one=True)


def _single(noun: Thing) -> Thing:
    if noun.category is None or not noun.category.startswith("*"):
        return noun
    return replace(noun, category=noun.category[1:] or None)


def _picks(thing: Thing) -> bool:
    """Whether an extreme picks out one of several."""
    return bool(thing.size or thing.extreme) or thing.rank is not None


def _shared(things: list[Thing]) -> tuple[Thing, ...]:
    """ "The red and the green block": a noun that is left out is that of the next thing."""
    found: list[Thing] = []
    for thing in reversed(things):
        after = found[0] if found else None
        if after and thing.one and not thing.it and thing.category is None and after.category:
            thing = replace(thing, category=after.category, one=False)
        found.insert(0, thing)
    return tuple(found)
