# ruff: noqa: D102 – each method is the rule of the grammar that it is named after
"""Interpreting: from a parse tree to commands, rule by rule; see `questioning` for the rest."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

from handeye.perception.relations import CONTAINERS
from handeye.perception.vlm.lexicon import FURNITURE
from lark import Token

from .meaning import Clause, Command, Place, Reading, Thing
from .phrases import SenselessError, groups_of, is_a, restricted, things_of, value, where
from .questioning import Questions


class Interpreter(Questions):
    """Turns a parse tree into a Reading, a Fact or a Thing."""

    def step(self, parts: list[Any]) -> Reading:
        return parts[0] if isinstance(parts[0], tuple) else (parts[0],)

    def answer(self, parts: list[Any]) -> Thing:
        if isinstance(parts[0], Thing):
            return parts[0]
        if isinstance(parts[0], Token):
            return where(parts[0])
        raise SenselessError

    def pick(self, parts: list[Any]) -> Command:
        found = things_of(parts)
        if any(is_a(p, "TABLE") for p in parts):
            found = tuple(restricted(t, Clause("on_table")) for t in found)
        return Command("pick", found)

    def pick_from(self, parts: list[Any]) -> Command:
        return Command("pick", _from(parts))

    def put(self, parts: list[Any]) -> Reading:
        moves = [part for part in parts if isinstance(part, Command)]
        return (moves[0], *(_parallel(a, b) for a, b in pairwise(moves)))

    def move(self, parts: list[Any]) -> Command:
        place = next(part for part in parts if isinstance(part, Place))
        return Command("put", _all_but(parts), place=place)

    def move_from(self, parts: list[Any]) -> Command:
        return self.put_from(parts)

    def put_one(self, parts: list[Any]) -> Command:
        return Command("put", things_of(parts), place=parts[-1])

    def move_it(self, parts: list[Any]) -> Command:
        return Command("put", (Thing(it=True),), place=parts[-1])

    def where_to(self, parts: list[Any]) -> Place:
        return next(part for part in parts if isinstance(part, Place))

    def put_from(self, parts: list[Any]) -> Command:
        return Command("put", _from(parts), place=parts[-1])

    def get_place(self, parts: list[Any]) -> Command:
        return Command("get", things_of(parts), place=parts[-1])

    def fill(self, parts: list[Any]) -> Command:
        base, what = groups_of(parts)
        relation = "on" if base[0].category in ("plate", "tray") else "in"
        return Command("put", what, place=Place(relation, base))

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
        pulled = any(is_a(p, "PULL") for p in parts)
        usual = "closer" if pulled else None
        direction = next((value(p) for p in parts if is_a(p, "DIR")), usual)
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
        return self.goal(parts)

    def want_state(self, parts: list[Any]) -> Command:
        return _made(things_of(parts), parts[-1])

    def goal(self, parts: list[Any]) -> Command:
        place = next(part for part in parts if isinstance(part, Place))
        return Command("want", _all_but(parts), place=place)

    def goal_have(self, parts: list[Any]) -> Command:
        """ "The bowl should have the ball in it"."""
        base, what = groups_of(parts)[:2]
        relation = "on" if any(is_a(p, "ON") for p in parts) else "in"
        return Command("want", what, place=Place(relation, base))

    def goal_for(self, parts: list[Any]) -> Command:
        """ "The plate is for the blocks": on it, or in it, as suits what it is."""
        base, what = groups_of(parts)[:2]
        relation = "in" if base[0].category in {*CONTAINERS, *FURNITURE} else "on"
        return Command("want", what, place=Place(relation, base))

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
        if any(is_a(p, "STATE") and value(p) != "closed" for p in parts):
            raise SenselessError  # "Push the bottle that fell over" shuts nothing.
        return Command("close", things_of(parts))

    def place_in(self, _: list[Any]) -> None:
        return None

    def pour(self, parts: list[Any]) -> Command:
        groups = groups_of(parts)
        place = Place("in", groups[1]) if len(groups) > 1 else None
        return Command("pour", groups[0], place=place)

    def upright(self, parts: list[Any]) -> Command:
        return Command("upright", things_of(parts))

    def rotate(self, parts: list[Any]) -> Command:
        angle = next((p for p in parts if isinstance(p, float)), math.pi / 2)
        return Command("rotate", things_of(parts), angle_rad=round(angle * _sense(parts), 4))

    def turned(self, parts: list[Any]) -> float:
        """Radians; a quarter turn where the angle is not said, and to the left, too."""
        number = next((float(value(p)) for p in parts if is_a(p, "NUMBER")), None)
        share = next((float(value(p)) for p in parts if is_a(p, "TURN")), None)
        if share is None and any(is_a(p, "AROUND") for p in parts):
            share = 0.5
        angle = 2 * math.pi * share if share is not None else math.pi / 2
        if number is not None:
            angle = number if any(is_a(p, "RAD") for p in parts) else math.radians(number)
        return angle * _sense(parts)

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

    def match(self, parts: list[Any]) -> Command:
        what, to = groups_of(parts)
        if _order(parts) not in (None, "color") or len(to) != 1 or to[0].it:
            raise SenselessError
        every = tuple(replace(thing, every=True) for thing in what)
        return Command("put", every, place=Place("to", (replace(to[0], matching=True),)))

    def sort_into(self, parts: list[Any]) -> Command:
        what, into = groups_of(parts)
        order = _order(parts)
        if order not in (None, "color"):
            raise SenselessError
        if order == "color":
            what = tuple(replace(thing, every=True) for thing in what)
            into = tuple(replace(thing, matching=True) for thing in into)
        return Command("put", what, place=Place("in" if order is None else "to", into))

    def gather(self, parts: list[Any]) -> Command:
        place = next((part for part in parts if isinstance(part, Place)), None)
        if place is not None:
            return Command("put", things_of(parts), place=place)
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


def _sense(parts: list[Any]) -> float:
    """1 for a turn to the left, counter-clockwise from above; -1 for one to the right."""
    said = {value(part) for part in parts if is_a(part, "SENSE", "DIR")}
    if said & {"away", "closer"}:
        raise SenselessError
    return -1.0 if said & {"clockwise", "right"} else 1.0


def _made(things: tuple[Thing, ...], clause: Clause) -> Command:
    """A state that is wished for: empty, open, closed."""
    if clause.relation == "empty":
        return Command("clear", things)
    if clause.relation in ("open", "closed"):
        return Command("open" if clause.relation == "open" else "close", things)
    raise SenselessError


def _parallel(before: Command, after: Command) -> Command:
    """ "The balls in the red bowl and the blocks in the green one": a bowl, as before."""
    things = tuple(_alike(thing, before.things[-1]) for thing in after.things)
    one, two = before.place, after.place
    if one is not None and two is not None and one.things and one.relation == two.relation:
        two = replace(two, things=tuple(_alike(thing, one.things[-1]) for thing in two.things))
    return replace(after, things=things, place=two)


def _alike(thing: Thing, model: Thing) -> Thing:
    category = model.category
    if not thing.one or thing.category is not None or category is None or category[:1] in "#=":
        return thing
    return replace(thing, category=category, one=False)


def _all_but(parts: list[Any]) -> tuple[Thing, ...]:
    """What goes somewhere; an exception that is said behind the place is one of it."""
    things, *but = groups_of(parts)
    if not but:
        return things
    if len(things) != 1 or not things[0].every or things[0].but:
        raise SenselessError
    return (replace(things[0], but=but[0]),)


def _from(parts: list[Any]) -> tuple[Thing, ...]:
    """Things that are to be taken off or out of another."""
    groups = groups_of(parts)
    return tuple(restricted(thing, Clause("at", groups[1])) for thing in groups[0])


def _order(parts: list[Any]) -> str | None:
    return next((value(p) for p in parts if is_a(p, "BY_ORDER")), None)


__all__ = ["Interpreter", "SenselessError"]
