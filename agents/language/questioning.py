# ruff: noqa: D102 – each method is the rule of the grammar that it is named after
"""Questioning: from a parse tree to questions and conditions, rule by rule."""

from dataclasses import replace
from typing import Any

from .meaning import Clause, Fact, Thing
from .phrases import Phrases, SenselessError, groups_of, is_a, things_of, value

_ABSTRACT = frozenset(("color", "colour", "colors", "colours", "kinds", "types", "sorts"))


class Questions(Phrases):
    """Turns what is asked, and what something is made to depend on, into a Fact."""

    def question(self, _: list[Any]) -> Fact:
        raise SenselessError

    def q_count(self, parts: list[Any]) -> Fact:
        thing = _with_clauses(parts)
        if _ABSTRACT & set(thing.unknown):
            raise SenselessError  # Colours are not counted as if they were things.
        return Fact("count", _every(thing))

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
        thing = things_of(parts)[0]
        if thing.unknown:
            raise SenselessError  # "What is the weather?"
        return Fact("what", thing)

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
        least = thing.count or (2 if thing.every and not thing.any else 1)
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

    def c_fell(self, parts: list[Any]) -> Fact:
        return _state(things_of(parts)[0], Clause("fallen"), negated=False)

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
    if thing.count is not None and not thing.it:
        fitting = replace(_every(thing), clauses=(*thing.clauses, clause))
        return Fact("exists", fitting, negated=negated, least=thing.count)
    return Fact("state", thing, clause, negated=negated)


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
