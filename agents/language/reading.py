"""Reading: from terms to every meaning that the grammar allows, step by step, likeliest first."""

from functools import lru_cache
from importlib import resources
from typing import cast

from lark import Lark, Token, Tree
from lark.exceptions import LarkError, VisitError
from lark.visitors import CollapseAmbiguities

from .interpreting import Interpreter, SenselessError
from .meaning import Reading, Thing

_MAX_TERMS = 40
_MAX_STEPS = 30
_MAX_AMBIGUITIES = 6
_MAX_READINGS = 48
VERBS = frozenset(
    (
        "PICK",
        "PUT",
        "PUTDOWN",
        "DROP",
        "STACK",
        "TOWER",
        "PUSH",
        "LOOK",
        "HOME",
        "WANT",
        "REMOVE",
        "CLEAR",
        "SWAP",
    )
)
_GLUE = frozenset(("THEN", "AND", ","))


class TangledError(Exception):
    """A step is too long, or can be read in too many ways to choose among them."""


def steps(terms: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """A sentence cut before each verb; what precedes the first verb is a step of its own.

    Raises TangledError for a sentence that is too long.
    """
    found: list[list[str]] = [[]]
    for term in terms:
        begins = term in VERBS and found[-1] not in ([], ["NOT"])
        if begins or (term == "THEN" and found[-1]):
            found.append([])
        found[-1].append(term)
    cut = [_bare(step) for step in found]
    kept = tuple(tuple(step) for step in cut if step)
    if len(kept) > _MAX_STEPS or any(len(step) > _MAX_TERMS for step in kept):
        raise TangledError
    return kept


@lru_cache(maxsize=4096)
def readings(step: tuple[str, ...], language: str = "en") -> tuple[Reading, ...]:
    """Every reading of a step, those that attach a place to its verb first; may be empty.

    Raises TangledError where there are too many.
    """
    return tuple(sorted((r for r in _parsed(step, language) if isinstance(r, tuple)), key=nesting))


@lru_cache(maxsize=512)
def phrase(step: tuple[str, ...], language: str = "en") -> Thing | None:
    """What a noun phrase on its own says, or None if it is none."""
    found = [r for r in _parsed(step, language) if isinstance(r, Thing)]
    return found[0] if found else None


def _bare(step: list[str]) -> list[str]:
    while step and step[0] in _GLUE:
        step = step[1:]
    while step and step[-1] in _GLUE:
        step = step[:-1]
    return step


@lru_cache(maxsize=4)
def _parser(language: str) -> Lark:
    grammar = (resources.files(__package__) / f"grammar_{language}.lark").read_text("utf-8")
    return Lark(grammar, parser="earley", lexer="basic", ambiguity="explicit")


def _parsed(step: tuple[str, ...], language: str) -> list[Reading | Thing]:
    try:
        forest = _parser(language).parse(" ".join(step))
    except LarkError:
        return []
    found: dict[Reading | Thing, None] = {}
    for tree in _derivations(forest):
        try:
            found[Interpreter().transform(tree)] = None
        except VisitError as error:
            if not isinstance(error.orig_exc, SenselessError):
                raise
    return list(found)


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

    def depth(thing: Thing) -> int:
        clauses = sum(1 + sum(depth(t) for t in clause.things) for clause in thing.clauses)
        return clauses + sum(depth(t) for t in thing.but)

    things = [t for c in reading for t in (*c.things, *(c.place.things if c.place else ()))]
    return sum(depth(thing) for thing in things)
