"""Grounding: what a noun phrase refers to in a scene."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from handeye.perception.describe import listing
from handeye.perception.relations import is_between, relation_holds
from handeye.perception.scene import Scene, SceneObject

from .meaning import Clause, Thing
from .words import canonical

_KINDS: dict[str, frozenset[str]] = {
    "container": frozenset({"cup", "bowl", "box_open", "drawer", "basket", "tray"}),
    "toy": frozenset({"ball", "block", "duck", "lego", "teddy"}),
    "dishes": frozenset({"cup", "bowl", "plate"}),
    "animal": frozenset({"duck", "teddy"}),
}
"""Categories that stand for several."""
_SAME = 0.04
"""Two sizes that differ by less than this share look the same."""


class UngroundedError(Exception):
    """A phrase refers to nothing, or to too much.

    Attributes:
        text: what to tell or ask the user.
        candidates: ids that fit; empty if nothing does.
    """

    def __init__(self, text: str, candidates: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.candidates = candidates


@dataclass
class Grounding:
    """Finds the objects that phrases mean.

    Attributes:
        scene: where to look.
        mentioned: what "it" is; follows along as phrases are grounded.
        category: what "one" is; follows along, too.
        answers: phrases of the user that decide between candidates (None for any).
    """

    scene: Scene
    mentioned: str | None = None
    category: str | None = None
    answers: Sequence[tuple[frozenset[str] | None, Thing]] = field(default=())

    def one(self, thing: Thing) -> str:
        """The one object that a phrase means; raises UngroundedError."""
        found = self.all(thing)
        if len(found) > 1 and not thing.any:
            found = self._decide(found)
        if len(found) > 1 and thing.any:
            found = [min(found, key=self._effort)]
        if len(found) > 1:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(f"which {_plain(thing)} do you mean: {names}?", tuple(found))
        self.mentioned = found[0]
        return found[0]

    def several(self, thing: Thing) -> list[str]:
        """The objects that a phrase means where it may mean more than one."""
        if thing.count is not None:
            return self._counted(thing, thing.count)
        return self.all(thing) if thing.every else [self.one(thing)]

    def all(self, thing: Thing) -> list[str]:
        """Every object that fits a phrase, in the scene's order; raises UngroundedError."""
        if thing.it:
            name = self.mentioned or self.scene.holding
            if name is None or name not in self.scene.objects:
                raise UngroundedError('what is "it"? Nothing was mentioned before')
            return [name]
        category = self.category if thing.one and thing.category is None else thing.category
        found = [n for n, seen in self.scene.objects.items() if _fits(thing, category, n, seen)]
        self.category = category
        for clause in thing.clauses:
            found = self._restrict(found, clause)
            self.category = category
        keep = self.mentioned
        for exception in thing.but:
            left_out = self.all(exception)
            found = [name for name in found if name not in left_out]
            self.mentioned = keep
        if thing.other and self.mentioned in found:
            found.remove(self.mentioned)
        if not found:
            seen = ", ".join(listing(self.scene)) or "nothing"
            raise UngroundedError(f'nothing here matches "{thing.words()}"; in view: {seen}')
        return self._most(found, thing)

    def _counted(self, thing: Thing, count: int) -> list[str]:
        found = self.all(thing)
        if len(found) < count:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(
                f'there are not {count} that match "{_plain(thing)}", only {len(found)}: {names}'
            )
        if len(found) > count and not thing.any:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(f"which {count} do you mean, of: {names}?", tuple(found))
        return sorted(found, key=self._effort)[:count]

    def _restrict(self, found: list[str], clause: Clause) -> list[str]:
        keep = self.mentioned
        try:
            return self._restricted(found, clause)
        finally:
            self.mentioned = keep

    def _restricted(self, found: list[str], clause: Clause) -> list[str]:
        scene, relation = self.scene, clause.relation
        objects = scene.objects
        if relation == "held":
            return [name for name in found if name == scene.holding]
        if relation == "on_table":
            return [
                name
                for name in found
                if objects[name].on is None and objects[name].in_ is None and name != scene.holding
            ]
        if relation == "colored":
            return [n for n in found if _color(objects[n]) == clause.things[0].color]
        if relation in ("leftmost", "rightmost"):
            return _extreme(found, objects, relation)
        if relation in ("near_robot", "far_from_robot"):
            return _extreme(found, objects, "nearest" if relation == "near_robot" else "farthest")
        if relation == "between":
            a, b = (objects[self.one(thing)] for thing in clause.things)
            return [name for name in found if is_between(objects[name], a, b)]
        if relation in ("nearest", "farthest"):
            reference = self.one(clause.things[0])
            others = [name for name in found if name != reference]
            sign = 1 if relation == "nearest" else -1
            return _least(others, lambda name: sign * _distance(scene, name, reference), 0.015)
        references = [name for thing in clause.things for name in self.all(thing)]
        return [
            name
            for name in found
            if any(name != other and _holds(scene, name, relation, other) for other in references)
        ]

    def _most(self, found: list[str], thing: Thing) -> list[str]:
        """Of several, those that a size or an extreme picks out; more than one if alike."""
        objects = self.scene.objects
        if len(found) > 1 and thing.extreme:
            found = _extreme(found, objects, thing.extreme)
        if len(found) > 1 and thing.size and not thing.every:
            word = thing.size
            best = max(_size(objects[name], word) for name in found)
            return [n for n in found if _size(objects[n], word) > best - _SAME * abs(best)]
        return found

    def _decide(self, found: list[str]) -> list[str]:
        for candidates, answer in self.answers:
            if candidates is not None and candidates != frozenset(found):
                continue
            within = {name: self.scene.objects[name] for name in found}
            fitting = [n for n in found if _fits(answer, answer.category, n, within[n])]
            for clause in answer.clauses:
                fitting = self._restrict(fitting, clause)
            if fitting:
                chosen = self._most(fitting, answer)
                return [min(chosen, key=self._effort)] if answer.any else chosen
        return found

    def _effort(self, name: str) -> tuple[bool, float]:
        """What is free and near is easier."""
        covered = any(name in (t.on, t.in_) for t in self.scene.objects.values())
        x, y, _ = self.scene.objects[name].position
        return covered, math.hypot(x, y)


def describe_candidate(scene: Scene, name: str) -> str:
    """Words that set an object apart from others of its name."""
    thing = scene.objects[name]
    same = [t for n, t in scene.objects.items() if t.name == thing.name and n != name]
    if not same:
        return f"the {thing.name}"
    y = thing.position[1]
    if all(y > t.position[1] + 0.02 for t in same):
        return f"the {thing.name} on the left"
    if all(y < t.position[1] - 0.02 for t in same):
        return f"the {thing.name} on the right"
    return f"the {thing.name} in between ({name})"


def _fits(thing: Thing, category: str | None, name: str, seen: SceneObject) -> bool:
    if thing.unknown or thing.color not in (None, _color(seen)):
        return False
    if category is None:
        return True
    if category.startswith("#"):
        return name == category[1:]
    if category.startswith("="):
        return "_".join(seen.name.lower().split()) == category[1:]
    kind = canonical(seen.category, "CAT")
    return category == kind or kind in _KINDS.get(category, ())


def _color(seen: SceneObject) -> str | None:
    return canonical(seen.color, "COLOR") if seen.color else None


def _holds(scene: Scene, a: str, relation: str, b: str) -> bool:
    if scene.holding in (a, b):
        return False
    if relation == "carries":
        return relation_holds(scene, b, "on", a)
    if relation == "contains":
        return relation_holds(scene, b, "in", a)
    if relation == "at":
        return relation_holds(scene, a, "on", b) or relation_holds(scene, a, "in", b)
    return relation_holds(scene, a, relation, b)


def _extreme(found: list[str], objects: dict[str, SceneObject], which: str) -> list[str]:
    """Those furthest to a side, or nearest to the robot; more than one within 1.5 cm."""

    def key(name: str) -> float:
        x, y, _ = objects[name].position
        if which in ("leftmost", "rightmost"):
            return -y if which == "leftmost" else y
        return math.hypot(x, y) * (1 if which == "nearest" else -1)

    return _least(found, key, 0.015)


def _least(found: list[str], key: Callable[[str], float], slack: float) -> list[str]:
    if not found:
        return []
    best = min(key(name) for name in found)
    return [name for name in found if key(name) <= best + slack]


def _size(seen: SceneObject, word: str) -> float:
    if word in ("tall", "short"):
        return seen.size[2] if word == "tall" else -seen.size[2]
    volume = seen.size[0] * seen.size[1] * seen.size[2]
    return volume if word == "big" else -volume


def _distance(scene: Scene, a: str, b: str) -> float:
    p, q = scene.objects[a].position, scene.objects[b].position
    return math.hypot(p[0] - q[0], p[1] - q[1])


def _plain(thing: Thing) -> str:
    words = (thing.size, thing.color, (thing.category or "thing").lstrip("=#").replace("_", " "))
    return " ".join(word for word in words if word)
