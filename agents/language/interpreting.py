# ruff: noqa: D102 – each method is the rule of the grammar that it is named after
"""Interpreting: from a parse tree to what it says, rule by rule of the grammar."""

from dataclasses import replace
from typing import Any, cast

from lark import Token, Transformer

from .meaning import Clause, Command, Place, Reading, Relation, Thing

_SIDES: dict[str, str] = {
    "LEFT_OF": "left_of",
    "RIGHT_OF": "right_of",
    "FRONT_OF": "in_front_of",
    "BEHIND": "behind",
    "NEXT_TO": "next_to",
    "BY": "next_to",
}
_WAYS = {"left_of": "left", "right_of": "right", "in_front_of": "closer", "behind": "away"}


class SenselessError(Exception):
    """A derivation that the grammar allows and that says nothing."""


class Interpreter(Transformer[Token, Any]):
    """Turns a parse tree into a Reading, rule by rule."""

    def step(self, parts: list[Any]) -> Reading:
        return parts[0] if isinstance(parts[0], tuple) else (parts[0],)

    def answer(self, parts: list[Any]) -> Thing:
        if isinstance(parts[0], Thing):
            return parts[0]
        if isinstance(parts[0], Token):
            return _where(parts[0])
        raise SenselessError

    def pick(self, parts: list[Any]) -> Command:
        thing = _things(parts)
        if any(str(p) == "TABLE" for p in parts):
            thing = tuple(_restricted(t, Clause("on_table")) for t in thing)
        return Command("pick", thing)

    def pick_from(self, parts: list[Any]) -> Command:
        return Command("pick", _from(parts))

    def put(self, parts: list[Any]) -> Reading:
        return tuple(part for part in parts if isinstance(part, Command))

    def move(self, parts: list[Any]) -> Command:
        return Command("put", _things(parts), place=parts[-1])

    def put_one(self, parts: list[Any]) -> Command:
        return Command("put", _things(parts), place=parts[-1])

    def drop(self, parts: list[Any]) -> Command:
        return Command("drop", _things(parts))

    def unplaced(self, parts: list[Any]) -> Command:
        return Command("put", _things(parts))

    def stack(self, parts: list[Any]) -> Command:
        groups = [_as_tuple(part) for part in parts if isinstance(part, Thing | tuple)]
        place = Place("on", groups[1]) if len(groups) > 1 else None
        return Command("stack", groups[0], place=place)

    def tower(self, parts: list[Any]) -> Command:
        return Command("stack", _things(parts) or (Thing("block", every=True),))

    def push(self, parts: list[Any]) -> Command:
        direction = next((_value(p) for p in parts if _is(p, "DIR")), None)
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Command("push", _things(parts), direction=direction, distance_m=distance)

    def push_to(self, parts: list[Any]) -> Command:
        groups = [_as_tuple(part) for part in parts if isinstance(part, Thing | tuple)]
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Command("push", groups[0], towards=groups[1][0], distance_m=distance)

    def look(self, parts: list[Any]) -> Command:
        return Command("look_at", _things(parts))

    def home(self, _: list[Any]) -> Command:
        return Command("home")

    def want(self, parts: list[Any]) -> Command:
        return Command("pick", _things(parts))

    def want_place(self, parts: list[Any]) -> Command:
        return Command("want", _things(parts), place=parts[-1])

    def goal(self, parts: list[Any]) -> Command:
        return Command("want", _things(parts), place=parts[-1])

    def remove(self, parts: list[Any]) -> Command:
        return Command("remove", _things(parts))

    def remove_from(self, parts: list[Any]) -> Command:
        return Command("drop", _from(parts))

    def clear(self, parts: list[Any]) -> Command:
        return Command("clear", _things(parts))

    def clear_table(self, _: list[Any]) -> Command:
        return Command("remove", (Thing(every=True),))

    def swap(self, parts: list[Any]) -> Command:
        groups = [_as_tuple(part) for part in parts if isinstance(part, Thing | tuple)]
        return Command("swap", tuple(thing for group in groups for thing in group))

    def distance(self, parts: list[Any]) -> float:
        number = next((float(_value(p)) for p in parts if _is(p, "NUMBER")), 5.0)
        return number / 100.0

    def several(self, parts: list[Any]) -> tuple[Thing, ...]:
        return _shared([part for part in parts if isinstance(part, Thing)])

    def on_table(self, _: list[Any]) -> Place:
        return Place("on")

    def at_spot(self, parts: list[Any]) -> Place:
        return Place("at", spot=_value(parts[0]))

    def shifted(self, parts: list[Any]) -> Place:
        direction = next(_value(p) for p in parts if _is(p, "DIR"))
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Place("shifted", direction=direction, distance_m=distance)

    def on(self, parts: list[Any]) -> Place:
        return Place("on", (parts[-1],))

    def in_(self, parts: list[Any]) -> Place:
        return Place("in", (parts[-1],))

    def to(self, parts: list[Any]) -> Place:
        return Place("to", (parts[-1],))

    def beside(self, parts: list[Any]) -> Place:
        return Place(parts[0], (parts[-1],))

    def offset(self, parts: list[Any]) -> Place:
        distance, side, thing = parts
        if side not in _WAYS:
            raise SenselessError
        return Place("offset", (thing,), direction=_WAYS[side], distance_m=distance)

    def between(self, parts: list[Any]) -> Place:
        return Place("between", tuple(p for p in parts if isinstance(p, Thing)))

    def side(self, parts: list[Any]) -> str:
        return _SIDES[str(parts[0])]

    def thing(self, parts: list[Any]) -> Thing:
        noun = next(part for part in parts if isinstance(part, Thing))
        many = noun.category is not None and noun.category.startswith("*")
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        found = replace(_single(noun), clauses=(*noun.clauses, *clauses))
        return replace(found, every=True) if many and not _picks(found) else found

    def any(self, parts: list[Any]) -> Thing:
        found = self.thing(parts)
        return found if found.every else replace(found, any=True)

    def every(self, parts: list[Any]) -> Thing:
        but = next((part for part in parts if isinstance(part, tuple)), ())
        return replace(self.thing(parts), every=True, but=but)

    def both(self, parts: list[Any]) -> Thing:
        return replace(self.thing(parts), every=False, count=2)

    def everything(self, parts: list[Any]) -> Thing:
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        but = next((part for part in parts if isinstance(part, tuple)), ())
        return Thing(every=True, clauses=clauses, but=but)

    def some(self, parts: list[Any]) -> Thing:
        return replace(self.exactly(parts), any=True)

    def exactly(self, parts: list[Any]) -> Thing:
        number = next(_value(p) for p in parts if _is(p, "NUMBER"))
        if not number.isdigit() or not 0 < int(number) < 100:
            raise SenselessError
        return replace(self.thing(parts), every=False, count=int(number))

    def exception(self, parts: list[Any]) -> tuple[Thing, ...]:
        return _things(parts)

    def it(self, _: list[Any]) -> Thing:
        return Thing(it=True)

    def noun(self, parts: list[Any]) -> Thing:
        if _is(parts[-1], "UNK"):
            return _noun(parts, None)
        category = _value(parts[-1])
        mark = "*" if _is(parts[-1], "CATS") else ""
        if category in ("any", "one"):
            return replace(_noun(parts[:-1], mark or None), one=category == "one")
        return _noun(parts[:-1], mark + category)

    def colored_one(self, parts: list[Any]) -> Thing:
        return replace(_noun(parts, None), one=True)

    def bare(self, parts: list[Any]) -> Thing:
        return replace(_noun(parts, None), one=True)

    def clause_table(self, _: list[Any]) -> Clause:
        return Clause("on_table")

    def clause_held(self, _: list[Any]) -> Clause:
        return Clause("held")

    def clause_on(self, parts: list[Any]) -> Clause:
        return Clause("on", (parts[-1],))

    def clause_in(self, parts: list[Any]) -> Clause:
        return Clause("in", (parts[-1],))

    def clause_beside(self, parts: list[Any]) -> Clause:
        return Clause(cast(Relation, parts[-2]), (parts[-1],))

    def clause_between(self, parts: list[Any]) -> Clause:
        return Clause("between", tuple(p for p in parts if isinstance(p, Thing)))

    def clause_with_on(self, parts: list[Any]) -> Clause:
        return Clause("carries", tuple(p for p in parts if isinstance(p, Thing) and not p.it))

    def clause_with_in(self, parts: list[Any]) -> Clause:
        return Clause("contains", tuple(p for p in parts if isinstance(p, Thing) and not p.it))

    def clause_nearest(self, parts: list[Any]) -> Clause:
        return Clause("nearest", (parts[-1],))

    def clause_farthest(self, parts: list[Any]) -> Clause:
        return Clause("farthest", (parts[-1],))

    def clause_near_robot(self, _: list[Any]) -> Clause:
        return Clause("near_robot")

    def clause_far_robot(self, _: list[Any]) -> Clause:
        return Clause("far_from_robot")

    def clause_spot(self, parts: list[Any]) -> Clause:
        return Clause(_edge(parts[-1]))

    def clause_color(self, parts: list[Any]) -> Clause:
        return Clause("colored", (Thing(color=_value(parts[-1])),))


def _noun(parts: list[Any], category: str | None) -> Thing:
    colors = [_value(p) for p in parts if _is(p, "COLOR")]
    sizes = [_value(p) for p in parts if _is(p, "SIZE")]
    extremes = [
        str(p).lower() for p in parts if str(p) in ("LEFTMOST", "RIGHTMOST", "NEAREST", "FARTHEST")
    ]
    extremes += [_edge(p) for p in parts if _is(p, "DIR")]
    if max(len(colors), len(sizes), len(extremes)) > 1:
        raise SenselessError
    return Thing(
        category,
        colors[0] if colors else None,
        sizes[0] if sizes else None,
        extremes[0] if extremes else None,
        other=any(str(p) == "OTHER" for p in parts),
        unknown=tuple(_value(p) for p in parts if _is(p, "UNK")),
    )


def _edge(token: Any) -> Relation:
    """Leftmost or rightmost, of a direction or a spot."""
    side = _value(token)
    if side == "left":
        return "leftmost"
    if side == "right":
        return "rightmost"
    raise SenselessError


def _where(token: Token) -> Thing:
    return Thing(extreme=_edge(token), one=True)


def _single(noun: Thing) -> Thing:
    if noun.category is None or not noun.category.startswith("*"):
        return noun
    return replace(noun, category=noun.category[1:] or None)


def _picks(thing: Thing) -> bool:
    """Whether a size or an extreme picks out one of several."""
    return bool(thing.size or thing.extreme or thing.other)


def _shared(things: list[Thing]) -> tuple[Thing, ...]:
    """ "The red and the green block": a noun that is left out is that of the next thing."""
    found: list[Thing] = []
    for thing in reversed(things):
        after = found[0] if found else None
        if after and thing.one and not thing.it and thing.category is None and after.category:
            thing = replace(thing, category=after.category, one=False)
        found.insert(0, thing)
    return tuple(found)


def _from(parts: list[Any]) -> tuple[Thing, ...]:
    """Things that are to be taken off or out of another."""
    groups = [_as_tuple(part) for part in parts if isinstance(part, Thing | tuple)]
    return tuple(_restricted(thing, Clause("at", groups[1])) for thing in groups[0])


def _restricted(thing: Thing, clause: Clause) -> Thing:
    return thing if thing.it else replace(thing, clauses=(*thing.clauses, clause))


def _things(parts: list[Any]) -> tuple[Thing, ...]:
    return _as_tuple(next((part for part in parts if isinstance(part, Thing | tuple)), ()))


def _as_tuple(group: Any) -> tuple[Thing, ...]:
    return group if isinstance(group, tuple) else (group,)


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, Token) and part.type == kind


def _value(token: Any) -> str:
    """The part of a term behind its first underscore: COLOR_red is red."""
    return str(token).split("_", 1)[1]
