"""Handling: commands that need a skill of their own: open, close, pour, sweep, insert, turn, …"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from handeye.perception.scene import DOUBTFUL, SceneObject
from handeye.skills.place import Place as PlaceSkill

from . import projecting
from .fitting import lies
from .grounding import UngroundedError
from .grouping import Grouping
from .meaning import Clause, Command, Fact
from .moving import ImpossibleError, UnsaidError
from .phrases import restricted
from .words import canonical

_SOLID = frozenset({"ball", "block", "lego", "duck", "teddy", "plate", "bowl", "cup", "spoon"})
"""What neither opens nor closes."""
_SLACK_RAD = 1e-3
"""What is lost to rounding."""
_OPEN = frozenset({"cup", "bowl", "glass", "jar"})


class Handling(Grouping):
    """Verbs of what is done with one thing, besides taking and putting."""

    def _likely(self, command: Command, possible: Callable[[SceneObject], bool]) -> Sequence[str]:
        """What is meant; or else the only thing of which the eyes doubt the name that it can be.

        Only what opens can be closed, and only what lies can be stood up: so a fridge that is
        taken for a drawer, or a fallen can for a brick, is still understood.
        """
        try:
            return self._targets(command)
        except UngroundedError as error:
            [thing, *others] = command.things
            if error.candidates or others or thing.it or thing.every:
                raise
            likely = [
                name
                for name, seen in self.scene.objects.items()
                if seen.score < DOUBTFUL and possible(seen) and thing.color in (None, seen.color)
            ]
            if len(likely) != 1:
                raise
            return likely

    def speak_of(self, fact: Fact) -> None:
        """ "The can fell over, stand it up": what is told of a thing says which one "it" is."""
        told = [restricted(fact.thing, fact.clause)] if fact.clause else []
        for thing in (*told, fact.thing):
            one = replace(thing, every=False, any=thing.any or fact.kind == "exists")
            try:
                [self.grounding.mentioned] = self._likely(
                    Command("look_at", (one,)),
                    lambda seen: fact.clause == Clause("fallen") and lies(seen),
                )
            except UngroundedError:
                if thing is fact.thing:
                    raise
                continue
            return

    def _open(self, command: Command) -> None:
        self._make(command, "open", "open")

    def _close(self, command: Command) -> None:
        self._make(command, "close", "closed")

    def _make(self, command: Command, skill: str, state: str) -> None:
        if command.things[0].it:
            self._mention_what_opens()
        targets = self._likely(command, lambda seen: seen.state is not None)
        if any(thing.every and thing.category is None for thing in command.things):
            # "Close everything": what can be closed.
            targets = [t for t in targets if self.scene.objects[t].state is not None] or targets
        for target in targets:
            seen = self.scene.objects[target]
            if seen.state is None and canonical(seen.category, "CAT") in _SOLID:
                raise ImpossibleError(f"{self.name(target)} has nothing to {skill}")
            if seen.state != state:
                self.empty_hand()
                self.extra(skill, f"{skill} {self.name(target)}", target=target)
                self.scene = projecting.with_state(self.scene, target, state)
                self.grounding.scene = self.scene

    def _mention_what_opens(self) -> None:
        """ "Put it in the fridge and close it": "it" is what can be closed."""
        objects = self.scene.objects
        spoken = [getattr(skill, "reference", None) for skill in reversed(self.skills)]
        for name in (self.grounding.mentioned, *spoken):
            if name in objects and objects[str(name)].state is not None:
                self.grounding.mentioned = name
                return

    def _pour(self, command: Command) -> None:
        target = self.grounding.one(command.things[0])
        kind = canonical(self.scene.objects[target].category, "CAT")
        if command.place is not None and kind not in _OPEN and self.above(target):
            # "Empty the plate into the bowl": what lies on it is moved, for nothing flows.
            into = self.reference(command.place.things[0], target)
            for lying in self.above(target):
                self.carry(lying, self.onto("in", lying, into))
            return
        if command.place is None:
            raise UnsaidError(f"what should I pour {self.name(target)} into?")
        into = self.reference(command.place.things[0], target)
        for vessel in (target, into):
            if canonical(self.scene.objects[vessel].category, "CAT") not in _OPEN:
                raise ImpossibleError(f"{self.name(vessel)} is no open vessel; I cannot pour there")
        if into == target:
            raise ImpossibleError(f"{self.name(target)} cannot be poured into itself")
        self.take(target)
        self.extra("pour", f"pour {self.name(target)} out", target=target, into=into)
        self.let_go(PlaceSkill(relation="on", reference="table"))
        self.grounding.mentioned = target

    def _upright(self, command: Command) -> None:
        for target in self._likely(command, lies):
            self.empty_hand()
            self.extra("upright", f"stand {self.name(target)} up", target=target)
            self._touch(target)
            self.grounding.mentioned = target

    def _rotate(self, command: Command) -> None:
        angle = command.angle_rad or 0.0
        if abs(angle) > 2 * math.pi + _SLACK_RAD:
            raise ImpossibleError("I turn things by one whole turn at the most")
        if abs(angle) < _SLACK_RAD:
            raise ImpossibleError("a turn by 0 degrees is none; by how much should I turn it?")
        angle = max(-2 * math.pi, min(2 * math.pi, angle))
        for target in self._targets(command):
            self.empty_hand()
            for above in self.above(target):
                self.take(above)
                self.let_go(PlaceSkill(relation="on", reference="table"))
            self.extra("rotate", f"turn {self.name(target)}", target=target, angle_rad=angle)
            self._touch(target)
            self.grounding.mentioned = target

    def _sweep(self, command: Command) -> None:
        targets = self._targets(command)
        place = command.place
        for target in targets:
            if place is None or place.spot is None:
                raise UnsaidError(f"where should I sweep {self.name(target)} to?")
            spot = self._nearest_corner(target) if place.spot == "corner" else place.spot
            self.empty_hand()
            self.extra("sweep", f"sweep {self.name(target)}", target=target, spot=spot)
            where = PlaceSkill.model_validate({"relation": "at", "spot": spot})
            self.scene = projecting.placed(self.scene, target, where)
            self.grounding.scene = self.scene
            self._touch(target)
        if len(targets) == 1:
            self.grounding.mentioned = targets[0]

    def _insert(self, command: Command) -> None:
        if command.place is None:
            return None
        target = self.grounding.one(command.things[0])
        base = self.reference(command.place.things[0], target)
        where = self.onto("in", target, base)
        if canonical(self.scene.objects[base].category, "CAT") != "cup":
            return self.carry(target, where)
        self.take(target)
        self.extra("insert", f"insert {self.name(target)}", target=target, reference=base)
        self.scene = projecting.placed(self.scene, target, where)
        self.grounding.scene = self.scene
        self.grounding.mentioned = target
        return None

    def _hand_over(self, command: Command) -> None:
        for target in self._targets(command):
            self.take(target)
            self.extra("handover", f"hand over {self.name(target)}", target=target)
            self.scene = projecting.placed(
                self.scene, target, PlaceSkill(relation="at", spot="far")
            )
            self.grounding.scene = self.scene
