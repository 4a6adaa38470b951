"""Composing: commands, held against a scene, become skill calls in an order that makes sense."""

import math
from copy import copy
from itertools import pairwise
from typing import get_args

from handeye.perception.relations import CONTAINERS
from handeye.perception.scene import Scene
from handeye.skills.look import Home, LookAt
from handeye.skills.pick import Pick
from handeye.skills.place import Place as PlaceSkill
from handeye.skills.push import VECTORS, Direction, Push
from handeye.skills.skill import Skill

from .grounding import Grounding, UngroundedError
from .meaning import Command, Place, Reading, Thing
from .words import canonical

_ROUND = frozenset({"ball"})
_DISHES = frozenset({"plate", "bowl", "box_open", "tray"})
_STEP_M = 0.10
_STRAIGHT = 0.9
"""Cosine from which a direction counts as one of the four that a push can take."""
_WIDEST_PUSH_M = 0.4


class ImpossibleError(Exception):
    """What is asked for cannot be; the message says why."""


class UnsaidError(Exception):
    """Something that is needed was not said; the message asks for it."""


class Composer:
    """Makes one plan; follows what is held and what is covered as the plan goes on.

    Args:
        scene: as it is now.
        grounding: shared, so that "it" carries over from step to step.
    """

    def __init__(self, scene: Scene, grounding: Grounding) -> None:
        self._scene = scene
        self._grounding = grounding
        self._before = grounding.mentioned
        self._holding = scene.holding
        self._carries: dict[str, list[str]] = {}
        for name, thing in scene.objects.items():
            below = thing.on or thing.in_
            if below is not None and name != scene.holding:
                self._carries.setdefault(below, []).append(name)
        self.skills: list[Skill] = []

    def fork(self) -> "Composer":
        """A copy that goes its own way."""
        other = copy(self)
        other._grounding = copy(self._grounding)
        other._carries = {below: list(above) for below, above in self._carries.items()}
        other.skills = list(self.skills)
        return other

    def compose(self, reading: Reading) -> None:
        """Add the skill calls of a step.

        Raises UngroundedError, UnsaidError or ImpossibleError; what was added is then of no use.
        """
        for command in reading:
            self._before = self._grounding.mentioned
            getattr(self, f"_{command.verb}")(command)

    def _pick(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) > 1:
            names = " and ".join(self._name(target) for target in targets)
            raise ImpossibleError(f"one gripper cannot hold {names} at once")
        self._take(targets[0])
        self._grounding.mentioned = targets[0]

    def _put(self, command: Command) -> None:
        place = command.place
        targets = self._targets(command)
        if place is None:
            names = " and ".join(self._name(target) for target in targets)
            raise UnsaidError(f"where should I put {names}?")
        if len(targets) > 1 and place.relation in ("at", "offset") and place.spot is None:
            raise ImpossibleError(f"only one thing can stand {place.words()}")
        for target in targets:
            self._put_one(target, place)
        if len(targets) == 1:
            self._grounding.mentioned = targets[0]

    def _put_one(self, target: str, place: Place) -> None:
        if place.relation == "shifted":
            x, y, _ = self._scene.objects[target].position
            point = self._moved((x, y), place.direction, place.distance_m or _STEP_M)
            call, below = PlaceSkill(relation="at", point=point), None
        else:
            call, below = self._destination(target, place)
        self._take(target)
        self._let_go(call, below)

    def _want(self, command: Command) -> None:
        """A state that is wished for: what is so already needs no motion."""
        place = command.place
        targets = self._targets(command)
        if place is not None and place.relation in ("on", "in") and place.things:
            base = self._reference(place.things[0], targets[0])
            above = self._carries.get(base, ())
            targets = [target for target in targets if target not in above]
        for target in targets:
            if place is not None:
                self._put_one(target, place)

    def _drop(self, command: Command) -> None:
        targets = self._targets(command)
        for target in targets:
            self._take(target)
            self._let_go(PlaceSkill(relation="on", reference="table"), None)
        if len(targets) == 1:
            self._grounding.mentioned = targets[0]

    def _remove(self, command: Command) -> None:
        names = " and ".join(f"the {thing.words()}" for thing in command.things)
        everything = command.things == (Thing(every=True),)
        raise UnsaidError(f"where should I put {'everything' if everything else names}?")

    def _clear(self, command: Command) -> None:
        base = self._grounding.one(command.things[0])
        for above in list(self._carries.get(base, ())):
            self._take(above)
            self._let_go(PlaceSkill(relation="on", reference="table"), None)

    def _swap(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) != 2:
            raise ImpossibleError(f"two things can be swapped, not {len(targets)}")
        first, second = targets
        for target in targets:
            thing = self._scene.objects[target]
            if thing.on or thing.in_ or target == self._scene.holding:
                raise ImpossibleError(f"{self._name(target)} does not stand on the table")
        self._take(first)
        self._let_go(PlaceSkill(relation="on", reference="table"), None)
        for target, other in ((second, first), (first, second)):
            x, y, _ = self._scene.objects[other].position
            self._take(target)
            self._let_go(PlaceSkill(relation="at", point=(round(x, 3), round(y, 3))), None)

    def _stack(self, command: Command) -> None:
        targets = self._targets(command)
        if command.place is None:
            # A tower: the widest below, each next one on the one before.
            ordered = sorted(targets, key=lambda n: -min(self._scene.objects[n].size[:2]))
            if len(ordered) < 2:
                raise ImpossibleError("a stack needs at least two things")
            base, above = ordered[0], ordered[1:]
        else:
            base = self._reference(command.place.things[0], targets[0])
            above = [target for target in targets if target != base]
        if not above:
            raise ImpossibleError(f"{self._name(base)} cannot be put on itself")
        for lower, target in pairwise([base, *above]):
            call, below = self._onto("on", target, lower)
            self._take(target)
            self._let_go(call, below)
        self._grounding.mentioned = above[-1]

    def _push(self, command: Command) -> None:
        targets = self._targets(command)
        towards = self._reference(command.towards, targets[0]) if command.towards else None
        for target in targets:
            direction, distance = command.direction or "away", command.distance_m or _STEP_M
            if towards is not None:
                direction, distance = self._way(target, towards, command.distance_m)
            if distance > _WIDEST_PUSH_M or distance < 0.01:
                raise ImpossibleError(
                    f"I can push by 1 to {100 * _WIDEST_PUSH_M:.0f} cm, not {100 * distance:.0f}"
                )
            if target == self._scene.holding:
                raise ImpossibleError(f"{self._name(target)} is in the gripper; put it down first")
            self._empty_hand(besides=None)
            call = {"target": target, "direction": direction, "distance_m": round(distance, 3)}
            self.skills.append(Push.model_validate(call))
        if len(targets) == 1:
            self._grounding.mentioned = targets[0]

    def _way(self, target: str, towards: str, wanted_m: float | None) -> tuple[str, float]:
        """Direction and distance of a push that leads to another thing."""
        a, b = self._scene.objects[target], self._scene.objects[towards]
        dx, dy = b.position[0] - a.position[0], b.position[1] - a.position[1]
        length = math.hypot(dx, dy)
        way = max(VECTORS, key=lambda d: VECTORS[d][0] * dx + VECTORS[d][1] * dy)
        along = VECTORS[way][0] * dx + VECTORS[way][1] * dy
        if target == towards or along < _STRAIGHT * length:
            raise ImpossibleError(
                f"{self._name(towards)} is not straight left, right, ahead or back of "
                f"{self._name(target)}; I can push {', '.join(get_args(Direction))}"
            )
        gap = length - (max(a.size[:2]) + max(b.size[:2])) / 2 - 0.02
        if wanted_m is None and gap < 0.02:
            raise ImpossibleError(f"{self._name(target)} is next to {self._name(towards)} already")
        return way, wanted_m or min(gap, 0.2)

    def _look_at(self, command: Command) -> None:
        self.skills += [LookAt(target=target) for target in self._targets(command)]

    def _home(self, _: Command) -> None:
        self.skills.append(Home())

    def _targets(self, command: Command) -> list[str]:
        found: list[str] = []
        for thing in command.things:
            found += [name for name in self._grounding.several(thing) if name not in found]
        many = any(thing.every for thing in command.things)
        if many and command.place is not None and command.place.things:
            found = self._without_references(found, command.place.things)
        if len(found) == 1:
            self._grounding.mentioned = found[0]
        return found

    def _without_references(self, found: list[str], references: tuple[Thing, ...]) -> list[str]:
        """All blocks onto the red block: not the red block itself."""
        aside = copy(self._grounding)
        own = {name for thing in references for name in aside.all(thing)}
        return [name for name in found if name not in own] or found

    def _reference(self, thing: Thing, target: str) -> str:
        """What a place is told by; "it" is then what was mentioned before the target."""
        aside = copy(self._grounding)
        if thing.it and self._before not in (None, target):
            aside.mentioned = self._before
        found = aside.one(thing)
        self._grounding.category = aside.category
        return found

    def _take(self, target: str) -> None:
        if self._holding == target:
            return
        self._empty_hand(besides=target)
        for above in list(self._carries.get(target, ())):
            self._take(above)
            self._let_go(PlaceSkill(relation="on", reference="table"), None)
        self.skills.append(Pick(target=target))
        self._holding = target
        for carried in self._carries.values():
            if target in carried:
                carried.remove(target)

    def _empty_hand(self, besides: str | None) -> None:
        if self._holding is not None and self._holding != besides:
            self._let_go(PlaceSkill(relation="on", reference="table"), None)

    def _let_go(self, call: PlaceSkill, below: str | None) -> None:
        # Naming what is put down lets a later planning see that it slipped.
        self.skills.append(call.model_copy(update={"target": self._holding}))
        if below is not None and self._holding is not None:
            self._carries.setdefault(below, []).append(self._holding)
        self._holding = None

    def _moved(
        self, start: tuple[float, float], direction: str | None, distance_m: float
    ) -> tuple[float, float]:
        """A point of the table, from another by direction and distance."""
        if direction not in VECTORS:
            raise ImpossibleError(f"I do not know the direction {direction}")
        dx, dy = VECTORS[direction]
        x, y = round(start[0] + dx * distance_m, 3), round(start[1] + dy * distance_m, 3)
        (x0, y0), (x1, y1) = self._scene.table_bounds
        if not (x0 <= x <= x1 and y0 <= y <= y1):
            raise ImpossibleError(
                f"{100 * distance_m:.0f} cm {direction} of there is off the table, "
                f"which spans x {x0:.2f} to {x1:.2f} m and y {y0:.2f} to {y1:.2f} m"
            )
        return x, y

    def _destination(self, target: str, place: Place) -> tuple[PlaceSkill, str | None]:
        if place.relation == "at":
            spot = self._nearest_corner(target) if place.spot == "corner" else place.spot
            return PlaceSkill.model_validate({"relation": "at", "spot": spot}), None
        if not place.things:
            return PlaceSkill(relation="on", reference="table"), None
        references = self._references(target, place)
        if target in references:
            raise ImpossibleError(f"{self._name(target)} cannot be put with regard to itself")
        first = references[0]
        if place.relation == "to":
            return self._brought(target, first)
        if place.relation == "offset":
            x, y, _ = self._scene.objects[first].position
            sizes = [max(self._scene.objects[name].size[:2]) for name in (target, first)]
            distance = max(place.distance_m or _STEP_M, sum(sizes) / 2 + 0.01)
            point = self._moved((x, y), place.direction, distance)
            return PlaceSkill(relation="at", point=point), None
        if place.relation in ("on", "in"):
            return self._onto(place.relation, target, first)
        second = references[1] if len(references) > 1 else None
        call = {"relation": place.relation, "reference": first, "second": second}
        return PlaceSkill.model_validate(call), None

    def _references(self, target: str, place: Place) -> list[str]:
        if place.relation != "between" or len(place.things) > 1:
            return [self._reference(thing, target) for thing in place.things]
        found = [name for name in self._grounding.all(place.things[0]) if name != target]
        if len(found) != 2:
            names = " and ".join(self._name(name) for name in found)
            raise ImpossibleError(f"between takes two things; these fit: {names}")
        return found

    def _brought(self, target: str, base: str) -> tuple[PlaceSkill, str | None]:
        """To a thing: on it, in it or next to it, as suits it."""
        kind = canonical(self._scene.objects[base].category, "CAT")
        if kind in ("plate", "tray"):
            return self._onto("on", target, base)
        if kind in ("bowl", "box_open", "basket", "drawer"):
            return self._onto("in", target, base)
        return PlaceSkill(relation="next_to", reference=base), None

    def _onto(self, relation: str, target: str, base: str) -> tuple[PlaceSkill, str | None]:
        thing, support = self._scene.objects[target], self._scene.objects[base]
        kind = canonical(support.category, "CAT")
        if target == base:
            raise ImpossibleError(f"{self._name(target)} cannot be put on itself")
        if kind in _ROUND:
            raise ImpossibleError(f"nothing stays on {self._name(base)}: it is round")
        if relation == "in" and kind not in CONTAINERS:
            raise ImpossibleError(f"{self._name(base)} is no container; nothing can be put in it")
        if relation == "in" and support.state == "closed":
            raise ImpossibleError(f"{self._name(base)} is closed, and I cannot open things")
        if relation == "in" and min(thing.size[:2]) > min(support.size[:2]):
            raise ImpossibleError(
                f"{self._name(target)} ({100 * min(thing.size[:2]):.0f} cm) does not fit into "
                f"{self._name(base)} ({100 * min(support.size[:2]):.0f} cm)"
            )
        if self._holding == base:
            self._empty_hand(besides=target)
        if target in self._under(base):
            # What carries the base cannot be put on it: the base comes off first.
            self._take(base)
            self._let_go(PlaceSkill(relation="on", reference="table"), None)
        if relation == "on" and kind not in _DISHES:
            for above in [name for name in self._carries.get(base, ()) if name != target]:
                self._take(above)
                self._let_go(PlaceSkill(relation="on", reference="table"), None)
        return PlaceSkill.model_validate({"relation": relation, "reference": base}), base

    def _under(self, name: str) -> list[str]:
        """What a thing stands on or in, down to the table."""
        found: list[str] = []
        while True:
            below = next((b for b, above in self._carries.items() if name in above), None)
            if below is None or below in found:
                return found
            found.append(below)
            name = below

    def _nearest_corner(self, target: str) -> str:
        x, y, _ = self._scene.objects[target].position
        return f"{'near' if x < 0.5 else 'far'}_{'left' if y > 0 else 'right'}_corner"

    def _name(self, identity: str) -> str:
        return f"the {self._scene.objects[identity].name}"


__all__ = ["Composer", "ImpossibleError", "UngroundedError", "UnsaidError"]
