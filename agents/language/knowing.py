"""Knowing: whether a fact holds in a scene, and what to answer to a question about it."""

import math
from collections.abc import Callable

from handeye.perception.relations import relation_holds
from handeye.perception.scene import Scene

from .grounding import Grounding, describe_candidate
from .meaning import Fact

_SIDES = ("left_of", "right_of", "in_front_of", "behind", "next_to")
_MOST_NAMED = 12


def holds(fact: Fact, grounding: Grounding) -> bool:
    """Whether a fact holds; raises UngroundedError where what it speaks of is not there."""
    if fact.kind == "state":
        clause = fact.clause
        name = grounding.one(fact.thing)
        so = clause is None or grounding.fits(name, clause)
        return so != fact.negated
    found = grounding.find(fact.thing)
    if len(found) == 1:
        grounding.mentioned = found[0]
    elif found:
        grounding.group = tuple(found)
    enough = len(found) >= fact.least and (fact.most is None or len(found) <= fact.most)
    return enough != fact.negated


def answer(fact: Fact, grounding: Grounding) -> tuple[str, tuple[str, ...]]:
    """The answer to a question in words, and the ids of the objects that it names.

    Raises UngroundedError like `holds`.
    """
    text, named = _ANSWERS[fact.kind](fact, grounding)
    if len(named) == 1:
        grounding.mentioned = named[0]
    elif named:
        grounding.group = tuple(named)
    return text, tuple(named)


def _exists(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    found = grounding.find(fact.thing)
    said = "yes" if holds(fact, grounding) else "no"
    return (f"{said}: {_names(found, grounding.scene)}" if found else said), found


def _state(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    said = "yes" if holds(fact, grounding) else "no"
    return said, [grounding.one(fact.thing)]


def _what(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    found = grounding.find(fact.thing)
    return (_names(found, grounding.scene) if found else "nothing"), found


def _count(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    found = grounding.find(fact.thing)
    return (f"{len(found)}: {_names(found, grounding.scene)}" if found else "0"), found


def _color(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    name = grounding.one(fact.thing)
    return grounding.scene.objects[name].color or "I cannot tell", [name]


def _holding(_: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    held = grounding.scene.holding
    return (f"the {grounding.scene.objects[held].name}", [held]) if held else ("nothing", [])


def _where(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    found = grounding.several(fact.thing) if fact.thing.count else grounding.all(fact.thing)
    return "; ".join(place_of(grounding.scene, name) for name in found), found


def _size(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    name = grounding.one(fact.thing)
    x, y, z = (100 * value for value in grounding.scene.objects[name].size)
    if fact.size == "tall":
        return f"{z:.0f} cm", [name]
    if fact.size == "wide":
        return f"{max(x, y):.0f} cm", [name]
    return f"{x:.0f} by {y:.0f} cm, and {z:.0f} cm high", [name]


def _distance(fact: Fact, grounding: Grounding) -> tuple[str, list[str]]:
    first = grounding.one(fact.thing)
    a = grounding.scene.objects[first].position
    if fact.other is None:
        return f"{100 * math.hypot(*a[:2]):.0f} cm from the robot", [first]
    second = grounding.one(fact.other)
    b = grounding.scene.objects[second].position
    return f"{100 * math.dist(a[:2], b[:2]):.0f} cm", [first, second]


_ANSWERS: dict[str, Callable[[Fact, Grounding], tuple[str, list[str]]]] = {
    "exists": _exists,
    "state": _state,
    "where": _where,
    "what": _what,
    "color": _color,
    "count": _count,
    "size": _size,
    "distance": _distance,
    "holding": _holding,
}


def place_of(scene: Scene, name: str) -> str:
    """Where an object is, in words, with its nearest neighbour."""
    thing = scene.objects[name]
    who = describe_candidate(scene, name)
    if name == scene.holding:
        return f"{who} is in the gripper"
    if thing.in_ in scene.objects:
        return f"{who} is in the {scene.objects[str(thing.in_)].name}"
    if thing.on in scene.objects:
        return f"{who} is on the {scene.objects[str(thing.on)].name}"
    x, y, _ = thing.position
    where = f"{who} is on the table at x {x:.2f} m, y {y:.2f} m"
    others = [n for n in scene.objects if n not in (name, scene.holding)]
    for other in sorted(others, key=lambda n: _apart(scene, name, n))[:1]:
        side = next((s for s in _SIDES if relation_holds(scene, name, s, other)), None)
        if side is not None:
            where += f", {side.replace('_', ' ')} {describe_candidate(scene, other)}"
    return where


def _apart(scene: Scene, a: str, b: str) -> float:
    return math.dist(scene.objects[a].position[:2], scene.objects[b].position[:2])


def _names(found: list[str], scene: Scene) -> str:
    shown = [describe_candidate(scene, name) for name in found[:_MOST_NAMED]]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
