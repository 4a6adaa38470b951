# ruff: noqa: D102 – each method is the rule of the grammar that it is named after
"""Interpreting: from a parse tree to commands, questions and conditions, rule by rule."""

from dataclasses import replace
from typing import Any

from lark import Token

from .meaning import Clause, Command, Fact, Place, Reading, Thing
from .phrases import (
    Phrases,
    SenselessError,
    groups_of,
    is_a,
    restricted,
    things_of,
    value,
    where,
)


class Interpreter(Phrases):
    """Turns a parse tree into a Reading, a Fact or a Thing."""

    def step(self, parts: list[Any]) -> Reading:
        return parts[0] if isinstance(parts[0], tuple) else (parts[0],)

    def answer(self, parts: list[Any]) -> Thing:
        if isinstance(parts[0], Thing):
            return parts[0]
        if isinstance(parts[0], Token):
            return where(parts[0])
        raise SenselessError

    # --- commands ---

    def pick(self, parts: list[Any]) -> Command:
        found = things_of(parts)
        if any(is_a(p, "TABLE") for p in parts):
            found = tuple(restricted(t, Clause("on_table")) for t in found)
        return Command("pick", found)

    def pick_from(self, parts: list[Any]) -> Command:
        return Command("pick", _from(parts))

    def put(self, parts: list[Any]) -> Reading:
        return tuple(part for part in parts if isinstance(part, Command))

    def move(self, parts: list[Any]) -> Command:
        return _put(things_of(parts), parts[-1])

    def put_one(self, parts: list[Any]) -> Command:
        return _put(things_of(parts), parts[-1])

    def move_it(self, parts: list[Any]) -> Command:
        return _put((Thing(it=True),), parts[-1])

    def where_to(self, parts: list[Any]) -> Place:
        return next(part for part in parts if isinstance(part, Place))

    def put_from(self, parts: list[Any]) -> Command:
        return _put(_from(parts), parts[-1])

    def put_back(self, parts: list[Any]) -> Command:
        return Command("put_back", things_of(parts) or (Thing(it=True),))

    def drop(self, parts: list[Any]) -> Command:
        return Command("drop", things_of(parts) or (Thing(it=True),))

    def unplaced(self, parts: list[Any]) -> Command:
        return Command("put", things_of(parts))

    def stack(self, parts: list[Any]) -> Command:
        groups = groups_of(parts)
        place = Place("on", groups[1]) if len(groups) > 1 else None
        return Command("stack", groups[0], place=place)

    def stack_on(self, parts: list[Any]) -> Command:
        what, on = groups_of(parts)
        return Command("stack", what, place=Place("on", on))

    def stack_it(self, parts: list[Any]) -> Command:
        return Command("stack", (Thing(it=True),), place=Place("on", things_of(parts)))

    def tower(self, parts: list[Any]) -> Command:
        on = next((i for i, part in enumerate(parts) if is_a(part, "ON")), None)
        place = None if on is None else Place("on", things_of(parts[on:]))
        what = things_of(parts[:on])
        return Command("stack", what or (Thing("block", every=True),), place=place)

    def push(self, parts: list[Any]) -> Command:
        direction = next((value(p) for p in parts if is_a(p, "DIR")), None)
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Command("push", things_of(parts), direction=direction, distance_m=distance)

    def push_to(self, parts: list[Any]) -> Command:
        what, to = groups_of(parts)
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Command("push", what, towards=to[0], distance_m=distance)

    def push_beside(self, parts: list[Any]) -> Command:
        what, to = groups_of(parts)
        return Command("push", what, towards=to[0])

    def look(self, parts: list[Any]) -> Command:
        return Command("look_at", things_of(parts))

    def home(self, _: list[Any]) -> Command:
        return Command("home")

    def want(self, parts: list[Any]) -> Command:
        return Command("pick", things_of(parts))

    def want_place(self, parts: list[Any]) -> Command:
        return Command("want", things_of(parts), place=parts[-1])

    def want_state(self, parts: list[Any]) -> Command:
        return _made(things_of(parts), parts[-1])

    def goal(self, parts: list[Any]) -> Command:
        return Command("want", things_of(parts), place=parts[-1])

    def goal_state(self, parts: list[Any]) -> Command:
        return _made(things_of(parts), parts[-1])

    def goal_nothing(self, parts: list[Any]) -> Command:
        clause = parts[-1]
        if clause.relation not in ("on", "in") or clause.negated:
            raise SenselessError
        return Command("clear", clause.things)

    def remove(self, parts: list[Any]) -> Command:
        return Command("remove", things_of(parts))

    def remove_from(self, parts: list[Any]) -> Command:
        return Command("drop", _from(parts))

    def clear(self, parts: list[Any]) -> Command:
        return Command("clear", things_of(parts))

    def clear_table(self, _: list[Any]) -> Command:
        return Command("tidy")

    def tidy(self, parts: list[Any]) -> Command:
        into = things_of(parts)
        return Command("tidy", place=Place("in", into) if into else None)

    def swap(self, parts: list[Any]) -> Command:
        return Command("swap", tuple(thing for group in groups_of(parts) for thing in group))

    def opened(self, parts: list[Any]) -> Command:
        return Command("open", things_of(parts))

    def closed(self, parts: list[Any]) -> Command:
        return Command("close", things_of(parts))

    def place_in(self, _: list[Any]) -> None:
        return None

    def pour(self, parts: list[Any]) -> Command:
        groups = groups_of(parts)
        place = Place("in", groups[1]) if len(groups) > 1 else None
        return Command("pour", groups[0], place=place)

    def upright(self, parts: list[Any]) -> Command:
        return Command("upright", things_of(parts))

    def sweep(self, parts: list[Any]) -> Command:
        spot = next(value(part) for part in parts if is_a(part, "SPOT"))
        return Command("sweep", things_of(parts), place=Place("at", spot=spot))

    def insert(self, parts: list[Any]) -> Command:
        what, into = groups_of(parts)
        return Command("insert", what, place=Place("in", into))

    def give(self, parts: list[Any]) -> Command:
        return Command("hand_over", things_of(parts))

    def sort(self, parts: list[Any]) -> Command:
        return Command("sort", things_of(parts), order=_order(parts))

    def sort_into(self, parts: list[Any]) -> Command:
        what, into = groups_of(parts)
        return _put(what, Place("in", into))

    def gather(self, parts: list[Any]) -> Command:
        place = next((part for part in parts if isinstance(part, Place)), None)
        if place is not None:
            return _put(things_of(parts), place)
        order = _order(parts)
        return Command("sort" if order else "gather", things_of(parts), order=order)

    def separate(self, parts: list[Any]) -> Command:
        return Command("separate", tuple(t for group in groups_of(parts) for t in group))

    def arrange(self, parts: list[Any]) -> Command:
        groups = groups_of(parts)
        shape = next((value(p) for p in parts if is_a(p, "IN_SHAPE")), None)
        around = Place("around", groups[1]) if len(groups) > 1 else None
        if around is not None:
            shape = "circle"
        return Command("arrange", groups[0], place=around, shape=shape, order=_order(parts))

    def undo(self, _: list[Any]) -> Command:
        return Command("undo")

    def same(self, parts: list[Any]) -> Command:
        return Command("same", things_of(parts))

    def same_too(self, parts: list[Any]) -> Command:
        return Command("same", things_of(parts))

    def name(self, parts: list[Any]) -> Command:
        label = " ".join(value(p) for p in parts if is_a(p, "UNK"))
        return Command("name", things_of(parts), label=label)

    def name_mine(self, parts: list[Any]) -> Command:
        mine, what = (part for part in parts if isinstance(part, Thing))
        if mine.category is None or mine.color or mine.clauses:
            raise SenselessError
        return Command("name", (what,), label=mine.category.lstrip("*"))

    # --- questions ---

    def question(self, _: list[Any]) -> Fact:
        raise SenselessError

    def q_count(self, parts: list[Any]) -> Fact:
        return Fact("count", _every(_with_clauses(parts)))

    def q_where(self, parts: list[Any]) -> Fact:
        return Fact("where", things_of(parts)[0])

    def q_state(self, parts: list[Any]) -> Fact:
        return _state(things_of(parts)[0], _clause(parts), _negated(parts))

    def q_nothing(self, parts: list[Any]) -> Fact:
        return Fact("exists", Thing(every=True, clauses=(_clause(parts),)), negated=True)

    def q_table_empty(self, _: list[Any]) -> Fact:
        return Fact("exists", Thing(every=True, clauses=(Clause("on_table"),)), negated=True)

    def q_exists(self, parts: list[Any]) -> Fact:
        return self.c_exists(parts)

    def q_what(self, parts: list[Any]) -> Fact:
        return Fact("what", Thing(every=True, clauses=(_clause(parts),)))

    def q_which(self, parts: list[Any]) -> Fact:
        return Fact("what", _every(_with_clauses(parts)))

    def q_which_is(self, parts: list[Any]) -> Fact:
        nouns = [part for part in parts if isinstance(part, Thing)]
        first, second = self.thing([nouns[0]]), self.thing([nouns[1]])
        category = second.category or first.category
        return Fact("what", replace(second, category=category, color=second.color or first.color))

    def q_which_size(self, parts: list[Any]) -> Fact:
        size = next(value(p) for p in parts if is_a(p, "SIZE"))
        return Fact("what", replace(_with_clauses(parts), size=size))

    def q_than(self, parts: list[Any]) -> Fact:
        size = next(value(p) for p in parts if is_a(p, "SIZE"))
        one, two = groups_of(parts)
        return Fact("state", one[0], Clause("compared", two, size=size))

    def q_exists_there(self, parts: list[Any]) -> Fact:
        return Fact("exists", _every(_with_clauses(parts)))

    def q_not_there(self, parts: list[Any]) -> Fact:
        return replace(self.q_exists_there(parts), negated=True)

    def q_what_thing(self, parts: list[Any]) -> Fact:
        return Fact("what", things_of(parts)[0])

    def q_color(self, parts: list[Any]) -> Fact:
        found = things_of(parts)
        return Fact("color", found[0] if found else Thing(it=True))

    def q_size(self, parts: list[Any]) -> Fact:
        size = next(value(p) for p in parts if is_a(p, "HOW_SIZE"))
        return Fact("size", things_of(parts)[0], size=size)

    def q_distance(self, parts: list[Any]) -> Fact:
        groups = groups_of(parts)
        other = groups[1][0] if len(groups) > 1 else None
        return Fact("distance", groups[0][0], other=other)

    def q_see(self, parts: list[Any]) -> Fact:
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        return Fact("what", Thing(every=True, clauses=clauses))

    def q_holding(self, _: list[Any]) -> Fact:
        return Fact("holding", Thing(every=True))

    # --- conditions ---

    def condition(self, _: list[Any]) -> Fact:
        raise SenselessError

    def c_exists(self, parts: list[Any]) -> Fact:
        thing = things_of(parts)[0]
        least = thing.count or (2 if thing.every else 1)
        exactly = thing.count is not None and not thing.any
        return Fact("exists", _every(thing), least=least, most=thing.count if exactly else None)

    def c_no(self, parts: list[Any]) -> Fact:
        return Fact("exists", _every(things_of(parts)[0]), negated=True)

    def c_compared(self, parts: list[Any]) -> Fact:
        how = next(value(p) for p in parts if is_a(p, "COMPARE"))
        number = int(float(next(value(p) for p in parts if is_a(p, "NUMBER"))))
        least, most = {
            "more": (number + 1, None),
            "fewer": (0, number - 1),
            "least": (number, None),
            "most": (0, number),
            "exactly": (number, number),
        }[how]
        return Fact("exists", _every(_with_clauses(parts)), least=least, most=most)

    def c_state(self, parts: list[Any]) -> Fact:
        thing = next((p for p in parts if isinstance(p, Thing)), Thing(it=True))
        return _state(thing, _clause(parts), _negated(parts))

    def c_not_state(self, parts: list[Any]) -> Fact:
        return self.c_state(parts)

    def c_nothing(self, parts: list[Any]) -> Fact:
        return self.q_nothing(parts)

    def c_none(self, parts: list[Any]) -> Fact:
        return Fact("exists", _every(_with_clauses(parts)), negated=True)

    def c_table_empty(self, parts: list[Any]) -> Fact:
        return self.q_table_empty(parts)

    def c_held(self, parts: list[Any]) -> Fact:
        return Fact("state", things_of(parts)[0], Clause("held"))

    def c_hold_nothing(self, _: list[Any]) -> Fact:
        return Fact("exists", Thing(every=True, clauses=(Clause("held"),)), negated=True)


def _state(thing: Thing, clause: Clause, negated: bool) -> Fact:
    """Something is so: one thing, any that fits, or all of them."""
    if thing.any:
        fitting = replace(_every(thing), clauses=(*thing.clauses, clause))
        return Fact("exists", fitting, negated=negated)
    if thing.every:
        # All are so if none is not.
        opposite = replace(clause, negated=not clause.negated)
        fitting = replace(thing, clauses=(*thing.clauses, opposite))
        return Fact("exists", fitting, negated=not negated)
    return Fact("state", thing, clause, negated=negated)


def _put(things: tuple[Thing, ...], place: Place) -> Command:
    """Moving something; where the place is matched by colour, so is its thing."""
    return Command("put", things, place=place)


def _made(things: tuple[Thing, ...], clause: Clause) -> Command:
    """A state that is wished for: empty, open, closed."""
    if clause.relation == "empty":
        return Command("clear", things)
    if clause.relation in ("open", "closed"):
        return Command("open" if clause.relation == "open" else "close", things)
    raise SenselessError


def _from(parts: list[Any]) -> tuple[Thing, ...]:
    """Things that are to be taken off or out of another."""
    groups = groups_of(parts)
    return tuple(restricted(thing, Clause("at", groups[1])) for thing in groups[0])


def _order(parts: list[Any]) -> str | None:
    return next((value(p) for p in parts if is_a(p, "BY_ORDER")), None)


def _clause(parts: list[Any]) -> Clause:
    return next(part for part in reversed(parts) if isinstance(part, Clause))


def _with_clauses(parts: list[Any]) -> Thing:
    """The first thing with the clauses that follow it."""
    thing = next(part for part in parts if isinstance(part, Thing))
    if thing.category is not None and thing.category.startswith("*"):
        thing = replace(thing, category=thing.category[1:] or None)
    clauses = tuple(part for part in parts if isinstance(part, Clause))
    return replace(thing, clauses=(*thing.clauses, *clauses))


def _every(thing: Thing) -> Thing:
    return thing if thing.it else replace(thing, every=True, any=False, count=None)


def _negated(parts: list[Any]) -> bool:
    return any(is_a(p, "IS_NOT") for p in parts)


__all__ = ["Interpreter", "SenselessError"]
