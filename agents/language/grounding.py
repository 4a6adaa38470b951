"""Grounding: what a noun phrase refers to in a scene."""

from dataclasses import dataclass

from handeye.perception.describe import listing
from handeye.perception.relations import is_between, relation_holds
from handeye.perception.scene import Scene, SceneObject

from .meaning import Clause, Thing


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
        answer: a phrase that decides between candidates, from the user.
    """

    scene: Scene
    mentioned: str | None = None
    answer: Thing | None = None

    def one(self, thing: Thing) -> str:
        """The one object that a phrase means; raises UngroundedError."""
        found = self.all(thing)
        if len(found) > 1:
            found = self._decide(found)
        if len(found) > 1:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(f"which {_plain(thing)} do you mean: {names}?", tuple(found))
        self.mentioned = found[0]
        return found[0]

    def all(self, thing: Thing) -> list[str]:
        """Every object that fits a phrase, in the scene's order; raises UngroundedError."""
        if thing.it:
            name = self.mentioned or self.scene.holding
            if name is None or name not in self.scene.objects:
                raise UngroundedError('what is "it"? Nothing was mentioned before')
            return [name]
        found = [name for name, seen in self.scene.objects.items() if _fits(thing, seen)]
        for clause in thing.clauses:
            found = self._restrict(found, clause)
        if thing.other and self.mentioned in found:
            found.remove(self.mentioned)
        if not found:
            seen = ", ".join(listing(self.scene)) or "nothing"
            raise UngroundedError(f'nothing here matches "{thing.words()}"; in view: {seen}')
        if not thing.every:
            found = self._most(found, thing)
        return found

    def _restrict(self, found: list[str], clause: Clause) -> list[str]:
        scene = self.scene
        if clause.relation == "held":
            return [name for name in found if name == scene.holding]
        if clause.relation == "on_table":
            return [
                n for n in found if scene.objects[n].on is None and scene.objects[n].in_ is None
            ]
        keep = self.mentioned
        if clause.relation == "between":
            a, b = (scene.objects[self.one(thing)] for thing in clause.things)
            self.mentioned = keep
            return [n for n in found if is_between(scene.objects[n], a, b)]
        if clause.relation in ("nearest", "farthest"):
            reference = self.one(clause.things[0])
            self.mentioned = keep
            others = [name for name in found if name != reference]
            pick = min if clause.relation == "nearest" else max
            return [pick(others, key=lambda n: _distance(scene, n, reference))] if others else []
        references = self.all(clause.things[0])
        if clause.relation in ("carries", "contains"):
            relation = "on" if clause.relation == "carries" else "in"
            return [
                name
                for name in found
                if any(relation_holds(scene, r, relation, name) for r in references if r != name)
            ]
        return [
            name
            for name in found
            if any(
                name != reference and relation_holds(scene, name, clause.relation, reference)
                for reference in references
            )
        ]

    def _most(self, found: list[str], thing: Thing) -> list[str]:
        """Of several, the one that a size or an extreme picks out."""
        objects = self.scene.objects
        if len(found) > 1 and thing.extreme:
            sign = 1 if thing.extreme == "leftmost" else -1
            return [max(found, key=lambda n: sign * objects[n].position[1])]
        if len(found) > 1 and thing.size:
            return [max(found, key=lambda n: _size(objects[n], thing.size or ""))]
        return found

    def _decide(self, found: list[str]) -> list[str]:
        if self.answer is None:
            return found
        fitting = [name for name in found if _fits(self.answer, self.scene.objects[name])]
        for clause in self.answer.clauses:
            fitting = self._restrict(fitting, clause)
        return self._most(fitting, self.answer) or found


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


def _fits(thing: Thing, seen: SceneObject) -> bool:
    return thing.category in (None, seen.category) and thing.color in (None, seen.color)


def _size(seen: SceneObject, word: str) -> float:
    if word in ("tall", "short"):
        return seen.size[2] if word == "tall" else -seen.size[2]
    volume = seen.size[0] * seen.size[1] * seen.size[2]
    return volume if word == "big" else -volume


def _distance(scene: Scene, a: str, b: str) -> float:
    p, q = scene.objects[a].position, scene.objects[b].position
    return float(((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2) ** 0.5)


def _plain(thing: Thing) -> str:
    return " ".join(w for w in (thing.color, thing.category or "thing") if w)
