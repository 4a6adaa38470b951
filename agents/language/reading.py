"""Reading: from terms to every meaning that the grammar allows, the likeliest first."""

from functools import lru_cache
from importlib import resources
from typing import Any, cast

from lark import Lark, Token, Transformer, Tree
from lark.exceptions import LarkError
from lark.visitors import CollapseAmbiguities

from .meaning import Clause, Command, Place, Reading, Relation, Thing
from .words import Terms

_MAX_TERMS = 60
_MAX_READINGS = 24
_SIDES: dict[str, str] = {
    "LEFT_OF": "left_of",
    "RIGHT_OF": "right_of",
    "FRONT_OF": "in_front_of",
    "BEHIND": "behind",
    "NEXT_TO": "next_to",
    "BY": "next_to",
}


@lru_cache(maxsize=4)
def _parser(language: str) -> Lark:
    grammar = (resources.files(__package__) / f"grammar_{language}.lark").read_text("utf-8")
    return Lark(grammar, parser="earley", lexer="basic", ambiguity="explicit")


def readings(terms: Terms, language: str = "en") -> list[Reading]:
    """Every reading of a sentence, those that attach a place to its verb first; may be empty."""
    if not terms.terms or len(terms.terms) > _MAX_TERMS:
        return []
    try:
        forest = _parser(language).parse(" ".join(terms.terms))
    except LarkError:
        return []
    found: dict[Reading, None] = {}
    for tree in _derivations(forest):
        found[cast(Reading, _Meaning().transform(tree))] = None
    return sorted(found, key=_nesting)


def _derivations(forest: Tree[Token]) -> list[Tree[Token]]:
    ambiguities = sum(1 for _ in forest.find_data("_ambig"))
    if ambiguities == 0:
        return [forest]
    if ambiguities > 8:
        return [_first(forest)]
    trees = CollapseAmbiguities().transform(forest)
    return cast("list[Tree[Token]]", list(trees))[:_MAX_READINGS]


def _first(tree: Tree[Token]) -> Tree[Token]:
    """One derivation of a forest that is too ambiguous to be spelled out."""
    while tree.data == "_ambig":
        tree = cast("Tree[Token]", tree.children[0])
    children = [_first(c) if isinstance(c, Tree) else c for c in tree.children]
    return Tree(tree.data, children)


def _nesting(reading: Reading) -> int:
    """How deep its phrases are nested; the flatter reading is the likelier one."""

    def depth(thing: Thing) -> int:
        return sum(1 + sum(depth(t) for t in clause.things) for clause in thing.clauses)

    things = [
        t for c in reading.commands for t in (*c.things, *(c.place.things if c.place else ()))
    ]
    return sum(depth(thing) for thing in things)


class _Meaning(Transformer[Token, Any]):
    """Turns a parse tree into a Reading, rule by rule."""

    def start(self, parts: list[Any]) -> Reading:
        return Reading(tuple(part for part in parts if isinstance(part, Command)))

    def pick(self, parts: list[Any]) -> Command:
        return Command("pick", _things(parts))

    def put(self, parts: list[Any]) -> Command:
        return Command("put", _things(parts), place=parts[-1])

    def drop(self, parts: list[Any]) -> Command:
        return Command("drop", _things(parts))

    def stack(self, parts: list[Any]) -> Command:
        groups = [part for part in parts if isinstance(part, Thing | tuple)]
        if len(groups) == 1:
            return Command("stack", _as_tuple(groups[0]))
        support = _as_tuple(groups[1])
        return Command("stack", _as_tuple(groups[0]), place=Place("on", support))

    def push(self, parts: list[Any]) -> Command:
        direction = next((_value(p) for p in parts if _is(p, "DIR")), None)
        distance = next((p for p in parts if isinstance(p, float)), None)
        return Command("push", _things(parts), direction=direction, distance_m=distance)

    def look(self, parts: list[Any]) -> Command:
        return Command("look_at", _things(parts))

    def home(self, _: list[Any]) -> Command:
        return Command("home")

    def distance(self, parts: list[Any]) -> float:
        return next(float(_value(p)) for p in parts if _is(p, "NUMBER")) / 100.0

    def several(self, parts: list[Any]) -> tuple[Thing, ...]:
        return tuple(part for part in parts if isinstance(part, Thing))

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

    def beside(self, parts: list[Any]) -> Place:
        return Place(parts[0], (parts[-1],))

    def between(self, parts: list[Any]) -> Place:
        return Place("between", tuple(p for p in parts if isinstance(p, Thing)))

    def side(self, parts: list[Any]) -> str:
        return _SIDES[str(parts[0])]

    def thing(self, parts: list[Any]) -> Thing:
        noun = next(part for part in parts if isinstance(part, Thing))
        clauses = tuple(part for part in parts if isinstance(part, Clause))
        return _replace(noun, clauses=clauses)

    def every(self, parts: list[Any]) -> Thing:
        return _replace(self.thing(parts), every=True)

    def it(self, _: list[Any]) -> Thing:
        return Thing(it=True)

    def noun(self, parts: list[Any]) -> Thing:
        category = _value(parts[-1])
        return _noun(parts[:-1], None if category == "any" else category)

    def colored_one(self, parts: list[Any]) -> Thing:
        return _noun(parts, None)

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


def _noun(parts: list[Any], category: str | None) -> Thing:
    color = next((_value(p) for p in parts if _is(p, "COLOR")), None)
    size = next((_value(p) for p in parts if _is(p, "SIZE")), None)
    extreme = next((str(p).lower() for p in parts if str(p) in ("LEFTMOST", "RIGHTMOST")), None)
    other = any(str(p) == "OTHER" for p in parts)
    return Thing(category, color, size, extreme, other=other)


def _things(parts: list[Any]) -> tuple[Thing, ...]:
    group = next((part for part in parts if isinstance(part, Thing | tuple)), ())
    return _as_tuple(group)


def _as_tuple(group: Any) -> tuple[Thing, ...]:
    return group if isinstance(group, tuple) else (group,)


def _replace(thing: Thing, **changes: Any) -> Thing:
    from dataclasses import replace

    return replace(thing, **changes)


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, Token) and part.type == kind


def _value(token: Any) -> str:
    """The part of a term behind its first underscore: COLOR_red is red."""
    return str(token).split("_", 1)[1]
