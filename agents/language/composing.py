"""Composing: commands, held against a scene, become skill calls in an order that makes sense."""

from itertools import pairwise

from handeye.perception.relations import CONTAINERS
from handeye.perception.scene import Scene
from handeye.skills.look import Home, LookAt
from handeye.skills.pick import Pick
from handeye.skills.place import Place as PlaceSkill
from handeye.skills.push import VECTORS, Push
from handeye.skills.skill import Skill
from handeye.skills.spots import NAMED_SPOTS

from .grounding import Grounding, UngroundedError
from .meaning import Command, Place, Reading, Thing

_ROUND = frozenset({"ball"})
_STEP_M = 0.10


class ImpossibleError(Exception):
    """What is asked for cannot be; the message says why."""


class Composer:
    """Makes one plan; follows what is held and what is covered as the plan goes on.

    Args:
        scene: as it is now.
        grounding: shared, so that "it" carries over from step to step.
    """

    def __init__(self, scene: Scene, grounding: Grounding) -> None:
        self._scene = scene
        self._grounding = grounding
        self._holding = scene.holding
        self._carries: dict[str, list[str]] = {}
        for name, thing in scene.objects.items():
            below = thing.on or thing.in_
            if below is not None:
                self._carries.setdefault(below, []).append(name)
        self.skills: list[Skill] = []

    def compose(self, reading: Reading) -> list[Skill]:
        """The skill calls of a reading; raises UngroundedError or ImpossibleError."""
        for command in reading.commands:
            getattr(self, f"_{command.verb}")(command)
        return self.skills

    def _pick(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) > 1:
            names = " and ".join(self._name(target) for target in targets)
            raise ImpossibleError(f"one gripper cannot hold {names} at once")
        self._take(targets[0])

    def _put(self, command: Command) -> None:
        place = command.place
        if place is None:
            raise ImpossibleError("where to put it was not said")
        for target in self._targets(command):
            if place.relation == "shifted":
                self._shift(target, place)
                continue
            call, below = self._destination(target, place)
            self._take(target)
            self._let_go(call, below)
            self._grounding.mentioned = target

    def _drop(self, command: Command) -> None:
        for target in self._targets(command):
            self._take(target)
            self._let_go(PlaceSkill(relation="on", reference="table"), None)

    def _stack(self, command: Command) -> None:
        targets = self._targets(command)
        if command.place is None:
            # A tower: the widest below, each next one on the one before.
            ordered = sorted(targets, key=lambda n: -self._scene.objects[n].size[0])
            if len(ordered) < 2:
                raise ImpossibleError("a stack needs at least two things")
            for below, above in pairwise(ordered):
                self._put_on(above, below)
            return
        base = self._grounding.one(command.place.things[0])
        for target in [t for t in targets if t != base]:
            self._put_on(target, base)
            base = target
        self._grounding.mentioned = base

    def _push(self, command: Command) -> None:
        for target in self._targets(command):
            direction = command.direction if command.direction in VECTORS else "away"
            self._empty_hand(besides=None)
            self.skills.append(
                Push.model_validate(
                    {
                        "target": target,
                        "direction": direction,
                        "distance_m": min(command.distance_m or _STEP_M, 0.4),
                    }
                )
            )

    def _look_at(self, command: Command) -> None:
        self.skills += [LookAt(target=target) for target in self._targets(command)]

    def _home(self, _: Command) -> None:
        self.skills.append(Home())

    def _targets(self, command: Command) -> list[str]:
        found: list[str] = []
        for thing in command.things:
            names = self._grounding.all(thing) if thing.every else [self._grounding.one(thing)]
            found += [name for name in names if name not in found]
        if command.place is not None and command.place.things:
            found = self._without_references(found, command.place.things)
        if len(found) == 1:
            self._grounding.mentioned = found[0]
        return found

    def _without_references(self, found: list[str], references: tuple[Thing, ...]) -> list[str]:
        """All blocks onto the red block: not the red block itself."""
        if len(found) < 2:
            return found
        own = {name for thing in references for name in self._grounding.all(thing)}
        return [name for name in found if name not in own]

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

    def _put_on(self, target: str, base: str) -> None:
        call, below = self._onto("on", target, base)
        self._take(target)
        self._let_go(call, below)

    def _shift(self, target: str, place: Place) -> None:
        x, y, _ = self._scene.objects[target].position
        dx, dy = VECTORS[place.direction or "away"]  # type: ignore[index]
        distance = place.distance_m or _STEP_M
        self._take(target)
        point = (round(x + dx * distance, 3), round(y + dy * distance, 3))
        self._let_go(PlaceSkill(relation="at", point=point), None)

    def _destination(self, target: str, place: Place) -> tuple[PlaceSkill, str | None]:
        if place.relation == "at":
            spot = place.spot or "middle"
            if spot == "corner":
                spot = self._nearest_corner(target)
            return PlaceSkill.model_validate({"relation": "at", "spot": spot}), None
        if not place.things:
            return PlaceSkill(relation="on", reference="table"), None
        references = [self._grounding.one(thing) for thing in place.things]
        if target in references:
            raise ImpossibleError(f"{self._name(target)} cannot be put with regard to itself")
        if place.relation in ("on", "in"):
            return self._onto(place.relation, target, references[0])
        second = references[1] if len(references) > 1 else None
        call = PlaceSkill.model_validate(
            {"relation": place.relation, "reference": references[0], "second": second}
        )
        return call, None

    def _onto(self, relation: str, target: str, base: str) -> tuple[PlaceSkill, str | None]:
        thing, support = self._scene.objects[target], self._scene.objects[base]
        if target == base:
            raise ImpossibleError(f"{self._name(target)} cannot be put on itself")
        if support.category in _ROUND:
            raise ImpossibleError(f"nothing stays on {self._name(base)}: it is round")
        if relation == "in" and support.category not in CONTAINERS:
            raise ImpossibleError(f"{self._name(base)} is no container; nothing can be put in it")
        if relation == "in" and min(thing.size[:2]) > min(support.size[:2]):
            raise ImpossibleError(
                f"{self._name(target)} ({100 * min(thing.size[:2]):.0f} cm) does not fit into "
                f"{self._name(base)} ({100 * min(support.size[:2]):.0f} cm)"
            )
        if self._holding == base:
            self._empty_hand(besides=target)
        if relation == "on" and support.category not in ("plate", "bowl", "box_open", "tray"):
            for above in [a for a in self._carries.get(base, ()) if a != target]:
                self._take(above)
                self._let_go(PlaceSkill(relation="on", reference="table"), None)
        return PlaceSkill.model_validate({"relation": relation, "reference": base}), base

    def _nearest_corner(self, target: str) -> str:
        x, y, _ = self._scene.objects[target].position
        corner = f"{'near' if x < 0.5 else 'far'}_{'left' if y > 0 else 'right'}_corner"
        return corner if corner in NAMED_SPOTS else "middle"

    def _name(self, identity: str) -> str:
        return f"the {self._scene.objects[identity].name}"


__all__ = ["Composer", "ImpossibleError", "UngroundedError"]
