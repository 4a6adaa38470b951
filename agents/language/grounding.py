"""Grounding: what a noun phrase refers to in a scene."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from handeye.perception.describe import listing
from handeye.perception.relations import is_between
from handeye.perception.scene import Scene

from .fitting import STATES, color_of, fits, related, shaped
from .forbidding import Ban
from .meaning import Clause, Thing
from .ordering import clearly_more, extent, extreme, least, most_so, place_key, ranked
from .words import canonical


class UngroundedError(Exception):
    """A phrase refers to nothing, or to too much.

    Attributes:
        text: what to tell or ask the user.
        candidates: ids that fit; empty if nothing does.
        missing: the noun, with its colour, of which there is none; "" if it is not that.
    """

    def __init__(self, text: str, candidates: tuple[str, ...] = (), *, missing: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.candidates = candidates
        self.missing = missing


@dataclass
class Grounding:
    """Finds the objects that phrases mean.

    Attributes:
        scene: where to look.
        mentioned: what "it" is; follows along as phrases are grounded.
        group: what "them" is; follows along, too.
        category: what "one" is; follows along, too.
        earlier: what "one" was before that, for where it fits nothing now.
        touched: what was dealt with so far; "the others" are not among them.
        spared: what is to be left alone.
        bans: what is not to be done with it.
        answers: phrases of the user that decide between candidates (None for any).
        wholes: phrases that mean another thing if there is more than is seen; shared by copies.
    """

    scene: Scene
    mentioned: str | None = None
    group: tuple[str, ...] = ()
    category: str | None = None
    earlier: str | None = None
    touched: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    bans: tuple[Ban, ...] = ()
    answers: Sequence[tuple[frozenset[str] | None, Thing]] = field(default=())
    wholes: set[str] = field(default_factory=set)

    def one(self, thing: Thing, among: Callable[[list[str]], list[str]] = list) -> str:
        """The one object that a phrase means, of those that `among` leaves.

        Raises UngroundedError.
        """
        found = among(self.all(thing))
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
            found = self._counted(thing, thing.count)
        elif thing.every:
            found = self._unspared(thing)
        else:
            found = [self.one(thing, among=self._allowed)]
        if len(found) > 1:
            self.group = tuple(found)
        return found

    def _unspared(self, thing: Thing) -> list[str]:
        """All that fit and are not to be left alone."""
        found = self.all(thing)
        kept = [name for name in found if name not in self.spared or thing.it]
        if not kept:
            names = " and ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(f"you said to leave {names} alone, and nothing else is meant")
        return kept

    def _allowed(self, found: list[str]) -> list[str]:
        """Of things that fit, those that may be moved; all of them if none may be."""
        closed = {name for ban in self.bans if ban.whole for name in ban.names}
        return [name for name in found if name not in closed] or found

    def all(self, thing: Thing) -> list[str]:
        """Every object that fits a phrase, in the scene's order; raises UngroundedError."""
        found = self.find(thing)
        if not found:
            seen = ", ".join(listing(self.scene)) or "nothing"
            text = f'nothing here matches "{thing.words()}"; in view: {seen}'
            raise UngroundedError(text, missing=self._missing(thing))
        return found

    def _missing(self, thing: Thing) -> str:
        """The colour and category that a phrase asks for, if nothing here has both."""
        category = (thing.category or "").lstrip("=")
        alike = [o for o in self.scene.objects.values() if o.category == category]
        if not category.isalpha() or any(thing.color in (None, o.color) for o in alike):
            return ""
        return f"{thing.color or ''} {category}".strip()

    def find(self, thing: Thing) -> list[str]:
        """Like `all`, but empty where nothing fits; what a clause refers to must be there."""
        if thing.it:
            return self._pronoun(thing)
        scene = self.scene
        if thing.every or thing.size or thing.extreme or (thing.rank, thing.count) != (None, None):
            self.wholes.add(thing.words())
        category = self.category if thing.one and thing.category is None else thing.category
        found = [n for n, seen in scene.objects.items() if fits(thing, category, n, seen)]
        if not found and thing.one and thing.category is None and self.earlier is not None:
            # "The red block on the plate, the green one next to it": a block, for want of plates.
            category = self.earlier
            found = [n for n, seen in scene.objects.items() if fits(thing, category, n, seen)]
        found = shaped(thing.shape, found, scene)
        if category is not None and category[:1] in "#=" and found:
            # "The blue block on the green one": a block, whatever that one is called.
            category = canonical(scene.objects[found[0]].category, "CAT")
        if category != self.category:
            self.category, self.earlier = category, self.category or self.earlier
        order = _order_of(thing)
        for clause in thing.clauses:
            if thing.rank is None or clause.relation != order:
                found = self._restrict(found, clause)
                self.category = category
        keep = self.mentioned
        for exception in thing.but:
            left_out = self.find(replace(exception, category=exception.category or thing.category))
            found = [name for name in found if name not in left_out]
            self.mentioned = keep
        if thing.other:
            found = self._others(found, thing)
        return self._most(found, thing, order)

    def fits(self, name: str, clause: Clause) -> bool:
        """Whether a clause is true of an object."""
        return bool(self._restrict([name], clause))

    def _pronoun(self, thing: Thing) -> list[str]:
        objects = self.scene.objects
        if thing.every and len(self.group) > 1:
            return [name for name in self.group if name in objects]
        name = self.mentioned or self.scene.holding
        if name is None or name not in objects:
            word = "them" if thing.every else "it"
            raise UngroundedError(f'what is "{word}"? Nothing was mentioned before')
        return [name]

    def _others(self, found: list[str], thing: Thing) -> list[str]:
        """What is left of those that fit when what was dealt with is taken away."""
        if thing.every:
            dealt = {*self.touched, *self.spared}
            if not dealt:
                raise UngroundedError("the rest of what? Nothing was done before")
            return [name for name in found if name not in dealt]
        if self.mentioned in found:
            return [name for name in found if name != self.mentioned]
        fresh = [name for name in found if name not in self.touched]
        return fresh or found

    def _counted(self, thing: Thing, count: int) -> list[str]:
        found = self.all(thing)
        allowed = self._allowed(found)
        found = allowed if len(allowed) >= count else found
        if len(found) < count:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(
                f'there are not {count} that match "{_plain(thing)}", only {len(found)}: {names}'
            )
        if len(found) > count and thing.size:
            objects = self.scene.objects
            return sorted(found, key=lambda n: -extent(objects[n], str(thing.size)))[:count]
        if len(found) > count and thing.extreme:
            objects, which = self.scene.objects, thing.extreme
            return sorted(found, key=lambda n: place_key(objects[n], which))[:count]
        if len(found) > count and not thing.any:
            names = ", ".join(describe_candidate(self.scene, name) for name in found)
            raise UngroundedError(f"which {count} do you mean, of: {names}?", tuple(found))
        return sorted(found, key=self._effort)[:count]

    def _restrict(self, found: list[str], clause: Clause) -> list[str]:
        keep = self.mentioned
        try:
            if clause.negated:
                so = self._restricted(list(found), replace(clause, negated=False))
                return [name for name in found if name not in so]
            return self._restricted(found, clause)
        finally:
            self.mentioned = keep

    def _restricted(self, found: list[str], clause: Clause) -> list[str]:
        scene, relation = self.scene, clause.relation
        objects = scene.objects
        if relation in STATES:
            return [name for name in found if STATES[relation](scene, name)]
        if relation == "colored":
            return [n for n in found if color_of(objects[n]) == clause.things[0].color]
        if relation == "shaped":
            return shaped(clause.things[0].shape, found, scene)
        if relation == "sized":
            everything = list(objects) if len(found) == 1 else found
            most = most_so(everything, objects, clause.size or "big")
            return [name for name in found if name in most]
        if relation in ("leftmost", "rightmost", "front", "back"):
            return _at_edge(found, scene, relation)
        if relation in ("near_robot", "far_from_robot"):
            return extreme(found, objects, "nearest" if relation == "near_robot" else "farthest")
        if relation == "between":
            # What is to be left alone still stands there.
            pair = [
                name
                for thing in clause.things
                for name in (self.all(thing) if thing.every else self.several(thing))
            ]
            if len(pair) != 2:
                return []
            a, b = (objects[name] for name in pair)
            return [name for name in found if is_between(objects[name], a, b)]
        if relation == "compared":
            other = objects[self.one(clause.things[0])]
            return [n for n in found if clearly_more(objects[n], other, clause.size or "big")]
        if relation in ("nearest", "farthest"):
            reference = self.one(clause.things[0])
            others = [name for name in found if name != reference]
            sign = 1 if relation == "nearest" else -1
            return least(others, lambda name: sign * _distance(scene, name, reference), 0.015)
        references = [name for thing in clause.things for name in self.all(thing)]
        return [
            name
            for name in found
            if any(name != other and related(scene, name, relation, other) for other in references)
        ]

    def _most(self, found: list[str], thing: Thing, order: str | None) -> list[str]:
        """Of several, those that a size, a side or a rank picks out; more than one if alike."""
        objects = self.scene.objects
        if thing.rank is not None:
            # Things are counted from the left where nothing else is said.
            return ranked(found, objects, thing.rank, thing.size or order or "leftmost")
        if len(found) > 1 and thing.extreme and thing.count is None:
            found = extreme(found, objects, thing.extreme)
        if len(found) > 1 and thing.size and not thing.every and thing.count is None:
            found = most_so(found, objects, thing.size)
        return found

    def _decide(self, found: list[str]) -> list[str]:
        for candidates, answer in self.answers:
            if candidates is not None and candidates != frozenset(found):
                continue
            within = {name: self.scene.objects[name] for name in found}
            fitting = [n for n in found if fits(answer, answer.category, n, within[n])]
            for clause in answer.clauses:
                fitting = self._restrict(fitting, clause)
            if fitting:
                chosen = self._most(fitting, answer, _order_of(answer))
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


def _order_of(thing: Thing) -> str | None:
    """The side from which a rank counts."""
    sides = [c.relation for c in thing.clauses if c.relation in _SIDES]
    return thing.extreme or (sides[0] if sides else None)


def _at_edge(found: list[str], scene: Scene, side: str) -> list[str]:
    """Of several the one furthest to a side; one alone where it is on that side of the table."""
    if len(found) != 1:
        return extreme(found, scene.objects, side)
    (x0, y0), (x1, y1) = scene.table_bounds
    x, y, _ = scene.objects[found[0]].position
    so = {
        "leftmost": y > (y0 + y1) / 2,
        "rightmost": y < (y0 + y1) / 2,
        "front": x < (x0 + x1) / 2,
        "back": x > (x0 + x1) / 2,
    }
    return found if so[side] else []


_SIDES = frozenset({"leftmost", "rightmost", "front", "back", "nearest", "farthest"})


def _distance(scene: Scene, a: str, b: str) -> float:
    p, q = scene.objects[a].position, scene.objects[b].position
    return math.hypot(p[0] - q[0], p[1] - q[1])


def _plain(thing: Thing) -> str:
    words = (
        *thing.traits,
        thing.size,
        thing.shape,
        thing.color,
        (thing.category or "thing").lstrip("=#").replace("_", " "),
    )
    return " ".join(word for word in words if word)
