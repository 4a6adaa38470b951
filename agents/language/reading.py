"""Reading: from the terms of a step to every meaning that the grammar allows, likeliest first."""

import threading
from functools import lru_cache
from importlib import resources
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import LarkError, VisitError
from lark.visitors import CollapseAmbiguities

from .interpreting import Interpreter
from .meaning import Fact, Reading, Thing
from .phrases import SenselessError
from .structure import TangledError

_MAX_AMBIGUITIES = 6
_MAX_READINGS = 48


@lru_cache(maxsize=4096)
def readings(step: tuple[str, ...], language: str = "en") -> tuple[Reading, ...]:
    """Every reading of a step, those that attach a place to its verb first; may be empty.

    Raises TangledError where there are too many.
    """
    said = _parsed(step, language, "said")
    return tuple(sorted((r for r in said if isinstance(r, tuple)), key=nesting))


@lru_cache(maxsize=512)
def phrase(step: tuple[str, ...], language: str = "en") -> Thing | None:
    """What a noun phrase on its own says, or None if it is none."""
    found = [r for r in _parsed(step, language, "said") if isinstance(r, Thing)]
    return min(found, key=_depth) if found else None


@lru_cache(maxsize=512)
def facts(step: tuple[str, ...], language: str = "en") -> tuple[Fact, ...]:
    """Every way in which a step is a question, the flattest first; may be empty."""
    found = [r for r in _parsed(step, language, "said") if isinstance(r, Fact)]
    return tuple(sorted(found, key=lambda fact: _depth(fact.thing)))


@lru_cache(maxsize=512)
def conditions(step: tuple[str, ...], language: str = "en") -> tuple[Fact, ...]:
    """Every way to read what stands behind an "if"; may be empty."""
    found = [r for r in _parsed(step, language, "condition") if isinstance(r, Fact)]
    return tuple(sorted(found, key=lambda fact: _depth(fact.thing)))


@lru_cache(maxsize=4)
def _parser(language: str) -> Lark:
    grammar = (resources.files(__package__) / f"grammar_{language}.lark").read_text("utf-8")
    return Lark(
        grammar,
        parser="earley",
        lexer="basic",
        ambiguity="explicit",
        start=["said", "condition"],
    )


def _parsed(step: tuple[str, ...], language: str, start: str) -> list[Reading | Thing | Fact]:
    parser = _parser(language)
    text = " ".join(step)
    with _PARSING:
        try:
            kinds = frozenset(token.type for token in parser.lex(text))
            # Most rules speak of terms that a step does not have; an Earley parser would predict
            # them at every place all the same.
            earley: Any = parser.parser.parser
            earley.predictions = _possible(language, kinds)
            forest = parser.parse(text, start=start)
        except LarkError:
            return []
    found: dict[Reading | Thing | Fact, None] = {}
    for tree in _derivations(forest):
        try:
            found[Interpreter().transform(tree)] = None
        except VisitError as error:
            if not isinstance(error.orig_exc, SenselessError):
                raise
    return list(found)


_PARSING = threading.Lock()
"""A parser's predictions are narrowed for one step at a time."""


@lru_cache(maxsize=1024)
def _possible(language: str, kinds: frozenset[str]) -> dict[Any, list[Any]]:
    """Of a grammar's rules, by what predicts them, those that such terms can fulfil."""
    every = _predictions(language)
    rules = {rule for predicted in every.values() for rule in predicted}
    able: set[Any] = set()
    usable: set[Any] = set()
    grown = True
    while grown:
        fresh = [
            rule
            for rule in rules - usable
            if all(s.name in kinds if s.is_term else s in able for s in rule.expansion)
        ]
        grown = bool(fresh)
        usable.update(fresh)
        able.update(rule.origin for rule in fresh)
    return {
        symbol: [rule for rule in predicted if rule in usable]
        for symbol, predicted in every.items()
    }


@lru_cache(maxsize=4)
def _predictions(language: str) -> dict[Any, list[Any]]:
    earley: Any = _parser(language).parser.parser
    return dict(earley.predictions)


def _derivations(forest: Tree[Token]) -> list[Tree[Token]]:
    ambiguities = sum(1 for _ in forest.find_data("_ambig"))
    if ambiguities == 0:
        return [forest]
    if ambiguities > _MAX_AMBIGUITIES:
        raise TangledError
    trees = cast("list[Tree[Token]]", CollapseAmbiguities().transform(forest))
    if len(trees) > _MAX_READINGS:
        raise TangledError
    return trees


def nesting(reading: Reading) -> int:
    """How deep a reading's phrases are nested; the flatter one is the likelier."""
    things = [t for c in reading for t in (*c.things, *(c.place.things if c.place else ()))]
    return sum(_depth(thing) for thing in things)


def _depth(thing: Thing) -> int:
    clauses = sum(1 + sum(_depth(t) for t in clause.things) for clause in thing.clauses)
    # "Every block on the plate but the red one" is not about a plate that is not red.
    return clauses + sum(_depth(t) + (not thing.every) for t in thing.but)
