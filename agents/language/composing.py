"""Composing: commands, held against a scene, become skill calls, verb by verb."""

import math
from copy import copy
from dataclasses import replace
from itertools import pairwise
from typing import cast, get_args

from handeye.perception.scene import Scene
from handeye.skills.look import Home, LookAt
from handeye.skills.place import Place as PlaceSkill
from handeye.skills.push import VECTORS, Direction, Push

from . import projecting
from .grounding import Grounding, UngroundedError
from .handling import Handling
from .meaning import Clause, Command, Place, Reading, Relation, Thing, centimetres
from .moving import STEP_M, ImpossibleError, UnsaidError
from .phrases import restricted
from .words import canonical

_STRAIGHT = 0.9
"""Cosine from which a direction counts as one of the four that a push can take."""
_WIDEST_PUSH_M = 0.4
_MOVED_M = 0.03
_STORES = frozenset({"box_open", "basket", "drawer", "tray"})


class Composer(Handling):
    """Makes one plan.

    Args:
        scene: as it is now.
        grounding: shared, so that "it" carries over from step to step.
        past: the scene before the previous instruction, for "undo" and "put it back".
        chain: the commands that "the same" refers to.
    """

    def __init__(
        self,
        scene: Scene,
        grounding: Grounding,
        past: Scene | None = None,
        chain: Reading = (),
    ) -> None:
        super().__init__(scene, grounding)
        self._past = past
        self.chain = chain
        self.names: dict[str, str] = {}

    def fork(self) -> "Composer":
        """A copy that goes its own way."""
        other = cast("Composer", super().fork())
        other.names = dict(self.names)
        return other

    def compose(self, reading: Reading) -> None:
        """Add the skill calls of a step.

        Raises UngroundedError, UnsaidError or ImpossibleError; what was added is then of no use.
        """
        for command in reading:
            self._before = self.grounding.mentioned
            getattr(self, f"_{command.verb}")(command)
            if command.verb != "same":
                goes_on = any(thing.it for thing in command.things)
                self.chain = (*self.chain, command) if goes_on else (command,)

    # --- taking and putting ---

    def _pick(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) > 1:
            names = " and ".join(self.name(target) for target in targets)
            raise ImpossibleError(f"one gripper cannot hold {names} at once")
        self.take(targets[0])
        self.grounding.mentioned = targets[0]

    def _put(self, command: Command) -> None:
        place = command.place
        bases = place.things[:1] if place is not None and place.relation != "between" else ()
        if place is not None and any(b.every and not b.matching and not b.it for b in bases):
            return self._deal_out(command, place)
        targets = self._targets(command)
        if any(thing.every and thing.category is None for thing in command.things):
            # What opens is furniture, and stays where it is.
            targets = [t for t in targets if self.scene.objects[t].state is None] or targets
        if place is None:
            names = " and ".join(self.name(target) for target in targets)
            raise UnsaidError(f"where should I put {names}?")
        if len(targets) > 1 and place.relation in ("at", "offset") and place.spot is None:
            raise ImpossibleError(f"only one thing can stand {place.words()}")
        self._check_side_by_side(targets, place)
        missing: list[UngroundedError] = []
        for target in targets:
            try:
                self._put_one(target, place)
            except UngroundedError as error:
                if not (place.things and place.things[0].matching) or error.candidates:
                    raise
                missing.append(error)
        if missing and len(missing) == len(targets):
            raise missing[0]
        if len(targets) == 1:
            self.grounding.mentioned = targets[0]
        return None

    def _check_side_by_side(self, targets: list[str], place: Place) -> None:
        """Two blocks do not lie on a third one; a tower is something else."""
        if len(targets) < 2 or place.relation != "on" or not place.things:
            return
        thing = place.things[0]
        if thing.matching or thing.every:
            return
        base = self.reference(thing, targets[0])
        objects = self.scene.objects
        widest = max(min(objects[name].size[:2]) for name in targets)
        if 2 * widest > max(objects[base].size[:2]) and not self.holds_several(base):
            raise ImpossibleError(
                f"only one thing can lie on {self.name(base)}; shall I stack them?"
            )

    def _put_one(self, target: str, place: Place) -> None:
        if self.is_there(target, place):
            return
        call = self.destination(target, place)
        self.carry(target, call)

    def _deal_out(self, command: Command, place: Place) -> None:
        """ "A block into each bowl": one thing for each place."""
        bases = copy(self.grounding).all(place.things[0])
        thing = command.things[0]
        if len(command.things) == 1 and thing.any:
            for base in bases:
                dealt = (*bases, *self._dealt, *self.grounding.spared)
                fresh = [name for name in self.grounding.all(thing) if name not in dealt]
                if not fresh:
                    raise ImpossibleError(f"there are not enough for {len(bases)} places")
                target = fresh[0]
                self.carry(target, self.onto_or_by(place.relation, target, base))
                self._dealt = (*self._dealt, target)
            return
        targets = [name for name in self._targets(command) if name not in bases]
        if len(bases) == 1:
            for target in targets:
                self.carry(target, self.onto_or_by(place.relation, target, bases[0]))
        elif len(targets) == len(bases):
            for target, base in zip(targets, bases, strict=True):
                self.carry(target, self.onto_or_by(place.relation, target, base))
        else:
            names = ", ".join(self.name(base) for base in bases)
            raise UngroundedError(f"which one do you mean: {names}?", tuple(bases))

    _dealt: tuple[str, ...] = ()

    def onto_or_by(self, relation: str, target: str, base: str) -> PlaceSkill:
        """On, in, to or beside something."""
        if relation in ("on", "in"):
            return self.onto(relation, target, base)
        where = Place(relation, (Thing(f"#{base}"),))
        return self.destination(target, where)

    def _get(self, command: Command) -> None:
        """ "Get the ball in the bowl": the one that is in it; if there is none, into it."""
        place = command.place
        if place is not None and len(command.things) == 1 and place.things:
            clause = Clause(cast(Relation, place.relation), place.things)
            there = restricted(command.things[0], clause)
            try:
                found = copy(self.grounding).find(there)
            except UngroundedError:
                found = []
            if found and not there.it:
                return self._pick(replace(command, things=(there,), place=None))
        return self._put(command)

    def _want(self, command: Command) -> None:
        """A state that is wished for: what is so already needs no motion."""
        self._put(command)

    def _put_back(self, command: Command) -> None:
        targets = self._targets(command)
        for target in reversed(targets):
            self._restore(target)
        if len(targets) == 1:
            self.grounding.mentioned = targets[0]

    def _restore(self, target: str) -> None:
        """To where it was before this instruction, or before the previous one."""
        now = self.scene.objects[target]
        untouched = self.scene.holding != target and not self._apart(self._first, target)
        origin = self._past if untouched and self._past is not None else self._first
        if target not in origin.objects or (untouched and self._past is None):
            raise ImpossibleError(f"{self.name(target)} was not moved")
        then = origin.objects[target]
        if then.on in self.scene.objects:
            call = self.onto("on", target, str(then.on))
        elif then.in_ in self.scene.objects:
            call = self.onto("in", target, str(then.in_))
        else:
            x, y, _ = then.position
            call = PlaceSkill(relation="at", point=(round(x, 3), round(y, 3)))
        if now != then or self.scene.holding == target:
            self.carry(target, call)

    def _apart(self, other: Scene, target: str) -> bool:
        """Whether something is elsewhere than in another scene."""
        now, then = self.scene.objects[target], other.objects.get(target)
        if then is None:
            return False
        moved = math.dist(now.position[:2], then.position[:2]) > _MOVED_M
        return moved or now.on != then.on or now.in_ != then.in_

    def _undo(self, _: Command) -> None:
        """Put back what this instruction moved so far, or else the previous one."""
        changed = [n for n in reversed(self.grounding.touched) if n in self.scene.objects]
        changed = [n for n in changed if self._apart(self._first, n) or n == self.scene.holding]
        if not changed and self._past is not None:
            changed = [n for n in self.scene.objects if self._apart(self._past, n)]
            held = self.scene.holding
            if held is not None and held != self._past.holding and held not in changed:
                changed.append(held)
        if not changed:
            raise ImpossibleError("there is nothing to undo")
        for target in changed:
            self._restore(target)

    def _drop(self, command: Command) -> None:
        targets = self._targets(command)
        for target in targets:
            self.carry(target, PlaceSkill(relation="on", reference="table"))
        if len(targets) == 1:
            self.grounding.mentioned = targets[0]

    def _remove(self, command: Command) -> None:
        names = " and ".join(f"the {thing.words()}" for thing in command.things)
        raise UnsaidError(f"where should I put {names}?")

    def _clear(self, command: Command) -> None:
        base = self.grounding.one(command.things[0])
        below = self.scene.objects[base].on
        if command.things[0].it and below is not None and not self.above(base):
            base = below  # "If something is on the plate, clear it": the plate.
        for above in self.above(base):
            self.carry(above, PlaceSkill(relation="on", reference="table"))

    def _tidy(self, command: Command) -> None:
        """Everything into what is there to keep things in; asked for where that is not plain."""
        objects = self.scene.objects
        if command.place is not None:
            stores = [self.grounding.one(command.place.things[0])]
        else:
            stores = [n for n, t in objects.items() if canonical(t.category, "CAT") in _STORES]
        if len(stores) != 1:
            raise UnsaidError("where should I put everything?")
        for name in list(objects):
            kept = name in (*stores, *self.grounding.spared) or objects[name].state is not None
            if not kept and objects[name].in_ != stores[0]:
                self.carry(name, self.onto_or_by("in", name, stores[0]))

    def _swap(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) != 2:
            raise ImpossibleError(f"two things can be swapped, not {len(targets)}")
        for target in targets:
            thing = self.scene.objects[target]
            if thing.on or thing.in_ or target == self.scene.holding:
                raise ImpossibleError(f"{self.name(target)} does not stand on the table")
        first, second = targets
        places = {name: self.scene.objects[name].position for name in targets}
        self.carry(first, PlaceSkill(relation="on", reference="table"))
        for target, other in ((second, first), (first, second)):
            x, y, _ = places[other]
            point = (round(x, 3), round(y, 3))
            self.carry(target, PlaceSkill(relation="at", point=point))

    def _stack(self, command: Command) -> None:
        place = command.place
        targets = self._targets(command)
        if place is None:
            # A tower: the widest below, each next one on the one before.
            ordered = sorted(targets, key=lambda n: -min(self.scene.objects[n].size[:2]))
            if len(ordered) < 2:
                raise ImpossibleError("a stack needs at least two things")
            base, above = ordered[0], ordered[1:]
        else:
            base = self.reference(place.things[0], targets[0])
            above = [target for target in targets if target != base]
            above.sort(key=lambda n: -min(self.scene.objects[n].size[:2]))
        if not above:
            raise ImpossibleError(f"{self.name(base)} cannot be put on itself")
        for lower, target in pairwise([base, *above]):
            if self.scene.objects[target].on != lower:
                self.carry(target, self.onto("on", target, lower))
        self.grounding.mentioned = above[-1]

    # --- the others ---

    def _push(self, command: Command) -> None:
        targets = self._targets(command)
        towards = self.reference(command.towards, targets[0]) if command.towards else None
        for target in targets:
            direction = command.direction or "away"
            distance = STEP_M if command.distance_m is None else command.distance_m
            if towards is not None:
                direction, distance = self._way(target, towards, command.distance_m)
            if distance > _WIDEST_PUSH_M or distance < 0.01:
                most, said = centimetres(_WIDEST_PUSH_M), centimetres(distance)
                raise ImpossibleError(f"I can push by 1 to {most}, not {said}")
            if target == self.scene.holding:
                raise ImpossibleError(f"{self.name(target)} is in the gripper; put it down first")
            self.empty_hand()
            arguments = {
                "target": target,
                "direction": direction,
                "distance_m": round(distance, 3),
            }
            call = Push.model_validate(arguments)
            self._add(call, projecting.pushed(self.scene, call))
            self._touch(target)
        if len(targets) == 1:
            self.grounding.mentioned = targets[0]

    def _way(self, target: str, towards: str, wanted_m: float | None) -> tuple[str, float]:
        """Direction and distance of a push that leads to another thing."""
        a, b = self.scene.objects[target], self.scene.objects[towards]
        dx, dy = b.position[0] - a.position[0], b.position[1] - a.position[1]
        length = math.hypot(dx, dy)
        way = max(VECTORS, key=lambda d: VECTORS[d][0] * dx + VECTORS[d][1] * dy)
        along = VECTORS[way][0] * dx + VECTORS[way][1] * dy
        if target == towards or along < _STRAIGHT * length:
            raise ImpossibleError(
                f"{self.name(towards)} is not straight left, right, ahead or back of "
                f"{self.name(target)}; I can push {', '.join(get_args(Direction))}"
            )
        gap = length - (max(a.size[:2]) + max(b.size[:2])) / 2 - 0.02
        if wanted_m is None and gap < 0.02:
            raise ImpossibleError(f"{self.name(target)} is next to {self.name(towards)} already")
        return way, min(gap, 0.2) if wanted_m is None else wanted_m

    def _look_at(self, command: Command) -> None:
        for target in self._targets(command):
            self.call(LookAt(target=target))

    def _home(self, _: Command) -> None:
        self.call(Home())

    def _name(self, command: Command) -> None:
        target = self.grounding.one(command.things[0])
        self.names[command.label or ""] = target

    def _same(self, command: Command) -> None:
        """What was done last, again, or with something else."""
        if not self.chain:
            raise UnsaidError("the same as what? Nothing was done before")
        first, *rest = self.chain
        if command.things and not command.things[0].it:
            kinds_before = first.things[0].category if first.things else None
            things = tuple(
                replace(t, category=kinds_before, one=False) if t.one and not t.category else t
                for t in command.things
            )
            first = replace(first, things=things)
        chain = self.chain
        self.compose((first, *rest))
        self.chain = chain


__all__ = ["Composer", "ImpossibleError", "UngroundedError", "UnsaidError"]
