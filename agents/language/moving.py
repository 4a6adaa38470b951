"""Moving: skill calls in an order that makes sense, and the scene as it will be after them."""

import math
from collections.abc import Sequence
from copy import copy

from handeye.perception.relations import CONTAINERS
from handeye.perception.scene import Scene
from handeye.skills.pick import Pick
from handeye.skills.place import Place as PlaceSkill
from handeye.skills.push import VECTORS
from handeye.skills.registry import skill_from_call, skills
from handeye.skills.skill import Skill
from handeye.skills.spots import NAMED_SPOTS, named_spot

from . import projecting
from .arranging import Point, farthest_points
from .forbidding import forbidden
from .grounding import Grounding, UngroundedError
from .meaning import Place, Thing, centimetres
from .words import canonical

_ROUND = frozenset({"ball"})
_DISHES = frozenset({"plate", "bowl", "box_open", "tray"})
_ON_TABLE = PlaceSkill(relation="on", reference="table")
STEP_M = 0.10
_LEAST_M = 0.001
_BESIDE_M = 0.02
"""Between what is put away and what stands there."""


class ImpossibleError(Exception):
    """What is asked for cannot be; the message says why."""


class ForbiddenError(ImpossibleError):
    """It would need what was said not to be done."""


class UnsaidError(Exception):
    """Something that is needed was not said; the message asks for it."""


class Moves:
    """Collects skill calls; follows what is held, what carries what, and where things get to.

    Args:
        scene: as it is now.
        grounding: shared, so that "it" carries over from step to step.
    """

    def __init__(self, scene: Scene, grounding: Grounding) -> None:
        self.scene = scene
        self.grounding = grounding
        self.skills: list[Skill] = []
        self._first = scene
        self._before = grounding.mentioned

    def fork(self) -> "Moves":
        """A copy that goes its own way."""
        other = copy(self)
        other.grounding = copy(self.grounding)
        other.skills = list(self.skills)
        return other

    def take(self, target: str) -> None:
        """Pick something up, after what lies on it, or in it, and what is held."""
        if self.scene.holding == target:
            return
        self.empty_hand(besides=target)
        for above in self.above(target):
            self.take(above)
            self.let_go(_ON_TABLE)
        self._add(Pick(target=target), projecting.picked(self.scene, target))
        self._touch(target)

    def empty_hand(self, besides: str | None = None) -> None:
        """Put down what is held, unless it is `besides`."""
        if self.scene.holding not in (None, besides):
            self.let_go(_ON_TABLE)

    def let_go(self, call: PlaceSkill) -> None:
        """Put down what is held."""
        held = self.scene.holding
        if held is None:
            return
        # Naming what is put down lets a later planning see that it slipped.
        named = call.model_copy(update={"target": held})
        self._add(named, projecting.placed(self.scene, held, named))

    def carry(self, target: str, call: PlaceSkill) -> None:
        """Pick something up and put it down."""
        self.take(target)
        self.let_go(call)

    def extra(self, name: str, doing: str, **arguments: object) -> None:
        """Call a skill that not every installation has."""
        if name not in skills():
            raise ImpossibleError(f"I understand that I should {doing}, but I have no skill for it")
        self.call(skill_from_call(name, arguments))

    def call(self, skill: Skill) -> None:
        """Add a skill call, unless it does what was forbidden."""
        against = forbidden(skill, self.scene, self.grounding.bans)
        if against is not None:
            raise ForbiddenError(against)
        self.skills.append(skill)

    def above(self, base: str) -> list[str]:
        """What lies on or in something, in the scene's order."""
        objects = self.scene.objects
        return [n for n, t in objects.items() if base in (t.on, t.in_) and n != self.scene.holding]

    def name(self, identity: str) -> str:
        """ "the red cup"."""
        return f"the {self.scene.objects[identity].name}"

    def reference(self, thing: Thing, target: str) -> str:
        """What a place is told by; "it" is then what was mentioned before the target."""
        aside = copy(self.grounding)
        if thing.it and self._before not in (None, target):
            aside.mentioned = self._before
        if thing.matching:
            return self._matching(thing, target, aside)
        found = aside.all(thing)
        if len(found) > 1 and not thing.every and target in found:
            # Nothing is put with regard to itself.
            others = [name for name in found if name != target]
            if len(others) == 1:
                return others[0]
        one = aside.one(thing)
        self.grounding.category, self.grounding.earlier = aside.category, aside.earlier
        return one

    def destination(self, target: str, place: Place) -> PlaceSkill:
        """The call that puts something where it should go."""
        if place.relation == "shifted":
            x, y, _ = self.scene.objects[target].position
            return _at(self.moved((x, y), place.direction, _way_m(place)))
        if place.relation == "at":
            spot = self._nearest_corner(target) if place.spot == "corner" else place.spot
            return PlaceSkill.model_validate({"relation": "at", "spot": spot})
        if not place.things:
            return _ON_TABLE
        references = self._references(target, place)
        if target in references:
            raise ImpossibleError(f"{self.name(target)} cannot be put with regard to itself")
        first = references[0]
        if place.relation == "under":
            raise ImpossibleError(
                f"with one hand I cannot put anything under {self.name(first)}; "
                f"put {self.name(first)} on it instead"
            )
        if place.relation == "to":
            return self._brought(target, first)
        if place.relation == "offset":
            return _at(self._offset(target, first, place))
        if place.relation == "far_from":
            return self.away(target, first)
        if place.relation in ("on", "in"):
            return self.onto(place.relation, target, first)
        second = references[1] if len(references) > 1 else None
        call = {"relation": place.relation, "reference": first, "second": second}
        return PlaceSkill.model_validate(call)

    def onto(self, relation: str, target: str, base: str) -> PlaceSkill:
        """Onto or into something, after what is in the way was put aside."""
        kind = canonical(self.scene.objects[base].category, "CAT")
        if target == base:
            raise ImpossibleError(f"{self.name(target)} cannot be put on itself")
        if kind in _ROUND:
            raise ImpossibleError(f"nothing stays on {self.name(base)}: it is round")
        if relation == "in":
            self._check_room(target, base, kind)
        if self.scene.holding == base:
            self.empty_hand(besides=target)
        if target in self._under(base):
            # What carries the base cannot be put on it: the base comes off first.
            self.carry(base, _ON_TABLE)
        if relation == "on" and kind not in _DISHES:
            for lying in [name for name in self.above(base) if name != target]:
                self.carry(lying, _ON_TABLE)
        return PlaceSkill.model_validate({"relation": relation, "reference": base})

    def away(self, target: str, base: str) -> PlaceSkill:
        """To where the table is free, as far from something as can be."""
        x, y, _ = self.scene.objects[base].position
        return _at(self._first_free(target, farthest_points(self.scene, (x, y))))

    def aside(self, target: str, base: str) -> PlaceSkill:
        """To some part of the table that is free, out of the way of something."""
        start = self.scene.objects[base].position[:2]
        spots = {named_spot(spot, self.scene): spot for spot in NAMED_SPOTS}
        order = sorted(spots, key=lambda point: -math.dist(point, start))
        return PlaceSkill(relation="at", spot=spots[self._first_free(target, order)])

    def _first_free(self, target: str, points: Sequence[Point]) -> Point:
        """The first of some points where something has room; the first of all if there is none."""
        room = max(self.scene.objects[target].size[:2]) / 2 + _BESIDE_M
        free = (point for point in points if self._is_free(point, {target}, room))
        return next(free, points[0])

    def holds_several(self, base: str) -> bool:
        """Whether things are put beside each other on something, whatever its size."""
        return canonical(self.scene.objects[base].category, "CAT") in _DISHES

    def is_there(self, target: str, place: Place) -> bool:
        """Whether something is on or in what it should be put on or in already."""
        thing = self.scene.objects[target]
        if place.relation not in ("on", "in") or not place.things or self.scene.holding == target:
            return False
        below = thing.on if place.relation == "on" else thing.in_
        return below is not None and below == self.reference(place.things[0], target)

    def moved(self, start: Point, direction: str | None, distance_m: float) -> Point:
        """A point of the table, from another by direction and distance."""
        if direction not in VECTORS:
            raise ImpossibleError(f"I do not know the direction {direction}")
        dx, dy = VECTORS[direction]
        x, y = round(start[0] + dx * distance_m, 3), round(start[1] + dy * distance_m, 3)
        if not self._on_table(x, y):
            (x0, y0), (x1, y1) = self.scene.table_bounds
            raise ImpossibleError(
                f"{centimetres(distance_m)} {direction} of there is off the table, "
                f"which spans x {x0:.2f} to {x1:.2f} m and y {y0:.2f} to {y1:.2f} m"
            )
        return x, y

    def _check_room(self, target: str, base: str, kind: str) -> None:
        thing, support = self.scene.objects[target], self.scene.objects[base]
        if kind not in CONTAINERS and support.state is None:
            raise ImpossibleError(f"{self.name(base)} is no container; nothing can be put in it")
        if min(thing.size[:2]) > min(support.size[:2]):
            raise ImpossibleError(
                f"{self.name(target)} ({100 * min(thing.size[:2]):.0f} cm) does not fit into "
                f"{self.name(base)} ({100 * min(support.size[:2]):.0f} cm)"
            )
        if support.state == "closed":
            if "open" not in skills():
                raise ImpossibleError(f"{self.name(base)} is closed, and I cannot open things")
            self.empty_hand(besides=None)
            self.call(skill_from_call("open", {"target": base}))
            self.scene = projecting.with_state(self.scene, base, "open")
            self.grounding.scene = self.scene

    def _matching(self, thing: Thing, target: str, aside: Grounding) -> str:
        """The one of the target's colour."""
        color = self.scene.objects[target].color
        found = [n for n in aside.all(thing) if n != target]
        same = [n for n in found if self.scene.objects[n].color == color]
        if len(same) != 1:
            what = (thing.category or "thing").lstrip("=#")
            problem = f"there is no {color} {what}" if not same else f"several are {color}"
            raise UngroundedError(f"{problem} for {self.name(target)}", tuple(same))
        return same[0]

    def _offset(self, target: str, base: str, place: Place) -> Point:
        x, y, _ = self.scene.objects[base].position
        sizes = [max(self.scene.objects[name].size[:2]) for name in (target, base)]
        distance = max(_way_m(place), sum(sizes) / 2 + 0.01)
        if place.direction is not None:
            return self.moved((x, y), place.direction, distance)
        for dx, dy in VECTORS.values():
            point = round(x + dx * distance, 3), round(y + dy * distance, 3)
            if self._on_table(*point) and self._is_free(point, {target, base}):
                return point
        raise ImpossibleError(
            f"there is no free place {centimetres(distance)} from {self.name(base)}"
        )

    def _on_table(self, x: float, y: float) -> bool:
        (x0, y0), (x1, y1) = self.scene.table_bounds
        return x0 <= x <= x1 and y0 <= y <= y1

    def _is_free(self, point: Point, besides: set[str], room_m: float = 0.04) -> bool:
        others = (t for n, t in self.scene.objects.items() if n not in besides)
        return all(math.dist(t.position[:2], point) > max(t.size[:2]) / 2 + room_m for t in others)

    def _references(self, target: str, place: Place) -> list[str]:
        if place.relation != "between" or len(place.things) > 1:
            return [self.reference(thing, target) for thing in place.things]
        found = [name for name in self.grounding.all(place.things[0]) if name != target]
        if len(found) != 2:
            names = " and ".join(self.name(name) for name in found)
            raise ImpossibleError(f"between takes two things; these fit: {names}")
        return found

    def _brought(self, target: str, base: str) -> PlaceSkill:
        """To a thing: on it, in it or next to it, as suits it."""
        kind = canonical(self.scene.objects[base].category, "CAT")
        if kind in ("plate", "tray"):
            return self.onto("on", target, base)
        if kind in ("bowl", "box_open", "basket", "drawer"):
            return self.onto("in", target, base)
        return PlaceSkill(relation="next_to", reference=base)

    def _under(self, name: str) -> Sequence[str]:
        """What a thing stands on or in, down to the table."""
        found: list[str] = []
        while True:
            thing = self.scene.objects[name]
            below = thing.on or thing.in_
            if below is None or below in found or below not in self.scene.objects:
                return found
            found.append(below)
            name = below

    def _nearest_corner(self, target: str) -> str:
        x, y, _ = self.scene.objects[target].position
        return f"{'near' if x < 0.5 else 'far'}_{'left' if y > 0 else 'right'}_corner"

    def _add(self, skill: Skill, after: Scene) -> None:
        self.call(skill)
        self.scene = after
        self.grounding.scene = after

    def _touch(self, *names: str) -> None:
        fresh = [name for name in names if name not in self.grounding.touched]
        self.grounding.touched = (*self.grounding.touched, *fresh)


def _way_m(place: Place) -> float:
    """How far: as was said, or the usual step; no way at all is nowhere to go."""
    if place.distance_m is None:
        return STEP_M
    if place.distance_m < _LEAST_M:
        least, said = centimetres(_LEAST_M), centimetres(place.distance_m)
        raise ImpossibleError(f"I can put things by {least} or more from there, not by {said}")
    return place.distance_m


def _at(point: Point) -> PlaceSkill:
    return PlaceSkill(relation="at", point=point)
