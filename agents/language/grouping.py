"""Grouping: commands about several things at once: sort, gather, separate, arrange."""

import math
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from itertools import product

from handeye.skills.place import Place as PlaceSkill

from .arranging import GAP_M, Point, in_order, kinds, shape_points
from .meaning import Command, Place, Thing
from .moving import ImpossibleError, Moves, UnsaidError

_STEPS = tuple(0.05 * k for k in range(-3, 4))
"""Offsets from the table's middle, m."""
_TURNS_RAD = (0.0, 0.3, -0.3, 0.6, -0.6, 1.0, -1.0, 1.57)
_GAPS_M = (GAP_M, 0.06, 0.09)
_ROOM_M = (0.028, 0.015)
"""Between two things, so that a hand can set them down."""
_MOST_ASIDE, _CELL_M = 3, 0.04
"""Things that are put aside for a shape, at the most, and how far apart places for them are."""


class Grouping(Moves):
    """Verbs that put things with regard to each other."""

    def _sort(self, command: Command) -> None:
        if command.order in ("size", "largest", "height"):
            return self._arrange(replace(command, shape="line"))
        targets = self._targets(command)
        order = command.order or self._telling(targets)
        groups = kinds(targets, self.scene, order)
        if len(groups) < 2:
            raise ImpossibleError(f"these are all of the same {order}; there is nothing to sort")
        for group in groups:
            self._together(group)
        return None

    def _telling(self, targets: list[str]) -> str:
        """Whether things differ by what they are, or only by colour."""
        names = {self.scene.objects[name].category for name in targets}
        return "category" if len(names) > 1 else "color"

    def _gather(self, command: Command) -> None:
        targets = self._targets(command)
        if len(targets) < 2:
            raise ImpossibleError("one thing alone cannot be gathered")
        self._together(targets)

    def _together(self, group: list[str]) -> None:
        for target in group[1:]:
            self.carry(target, PlaceSkill(relation="next_to", reference=group[0]))

    def _separate(self, command: Command) -> None:
        if len(command.things) != 2:
            raise UnsaidError("separate them from what?")
        for thing, spot in zip(command.things, ("left", "right"), strict=True):
            where = Place("at", spot=spot)
            every = Command("put", (replace(thing, every=True),), place=where)
            for target in self._targets(every):
                self.carry(target, self.destination(target, where))

    def _arrange(self, command: Command) -> None:
        targets = in_order(self._targets(command), self.scene, command.order)
        place = command.place
        center, inner = None, 0.0
        if place is not None:
            reference = self.reference(place.things[0], targets[0])
            targets = [target for target in targets if target != reference]
            x, y, _ = self.scene.objects[reference].position
            center, inner = (x, y), max(self.scene.objects[reference].size[:2]) / 2
        if len(targets) < 2:
            raise ImpossibleError("one thing alone cannot be arranged")
        sizes = [max(self.scene.objects[target].size[:2]) for target in targets]
        shape = command.shape or "line"
        points = shape_points(shape, sizes, self.scene, center, inner)
        if center is None and points is not None:
            free = next(self._free_points(shape, targets), None)
            points = free or self._cleared(shape, targets) or points
        if points is None:
            raise ImpossibleError(f"the table has no room for these in a {command.shape or 'line'}")
        for target, point in zip(targets, points, strict=True):
            self.carry(target, PlaceSkill(relation="at", point=point))

    def _free_points(self, shape: str, targets: Sequence[str]) -> Iterator[list[Point]]:
        """The shape at places of the table where nothing stands on its points.

        The middle first, and as it is usually turned; where room is scarce, turned, wider, and
        closer to what stands there.
        """
        sizes = [max(self.scene.objects[target].size[:2]) for target in targets]
        centers = self._centers()
        for center in centers:
            points = shape_points(shape, sizes, self.scene, center)
            if points is not None and all(self._is_free(point, set()) for point in points):
                yield points
        for room, gap, turn, center in product(_ROOM_M, _GAPS_M, _TURNS_RAD, centers):
            points = shape_points(shape, sizes, self.scene, center, turn_rad=turn, gap_m=gap)
            if points is not None and all(
                self._is_free(point, {target}, size / 2 + room)
                for point, target, size in zip(points, targets, sizes, strict=True)
            ):
                yield points

    def _cleared(self, shape: str, targets: Sequence[str]) -> list[Point] | None:
        """The shape where the fewest and smallest things are in its way, which are put aside."""
        sizes = [max(self.scene.objects[target].size[:2]) for target in targets]
        found = []
        for turn, center in product(_TURNS_RAD, self._centers()):
            points = shape_points(shape, sizes, self.scene, center, turn_rad=turn)
            if points is None:
                continue
            names = self._in_the_way(points, sizes, targets)
            if len(names) <= _MOST_ASIDE and not set(names) & set(self.grounding.spared):
                area = sum(math.prod(self.scene.objects[name].size[:2]) for name in names)
                found.append((len(names), area, names, points))
        for _, _, names, points in sorted(found):
            taken = [(point, max(sizes) / 2) for point in points]
            spots: list[Point] = []
            for name in names:
                spot = self._aside(name, taken)
                if spot is None:
                    break
                spots.append(spot)
                taken.append((spot, max(self.scene.objects[name].size[:2]) / 2))
            else:
                for name, spot in zip(names, spots, strict=True):
                    self.carry(name, PlaceSkill(relation="at", point=spot))
                return points
        return None

    def _in_the_way(
        self, points: Sequence[Point], sizes: Sequence[float], targets: Sequence[str]
    ) -> list[str]:
        """What stands where something else is to stand."""
        return [
            name
            for name, thing in self.scene.objects.items()
            if any(
                name != target
                and math.dist(thing.position[:2], point)
                <= (max(thing.size[:2]) + size) / 2 + _ROOM_M[0]
                for point, size, target in zip(points, sizes, targets, strict=True)
            )
        ]

    def _aside(self, name: str, taken: Sequence[tuple[Point, float]]) -> Point | None:
        """The nearest place that is free and clear of circles; None where there is none."""
        x, y, _ = self.scene.objects[name].position
        own = max(self.scene.objects[name].size[:2]) / 2
        (x0, y0), (x1, y1) = self.scene.table_bounds
        across = range(int((x1 - x0 - 2 * own) / _CELL_M) + 1)
        along = range(int((y1 - y0 - 2 * own) / _CELL_M) + 1)
        spots = [(x0 + own + _CELL_M * i, y0 + own + _CELL_M * j) for i in across for j in along]
        spots = sorted(spots, key=lambda spot: math.dist(spot, (x, y)))
        for room, spot in product(_ROOM_M, spots):
            clear = all(math.dist(spot, p) > own + radius + _ROOM_M[0] for p, radius in taken)
            if clear and self._is_free(spot, {name}, own + room):
                return round(spot[0], 3), round(spot[1], 3)
        return None

    def _centers(self) -> list[Point]:
        """Around the table's middle, from there outwards."""
        (x0, y0), (x1, y1) = self.scene.table_bounds
        around = sorted(product(_STEPS, repeat=2), key=lambda step: math.hypot(*step))
        return [((x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy) for dx, dy in around]

    def _targets(self, command: Command) -> list[str]:
        found: list[str] = []
        for thing in command.things:
            found += [name for name in self.grounding.several(thing) if name not in found]
        many = any(thing.every for thing in command.things)
        if many and command.place is not None and command.place.things:
            found = self._without_references(found, command.place.things)
        if len(found) == 1:
            self.grounding.mentioned = found[0]
        elif found:
            self.grounding.group = tuple(found)
        return found

    def _without_references(self, found: list[str], references: tuple[Thing, ...]) -> list[str]:
        """All blocks onto the red block: not the red block itself."""
        aside = copy(self.grounding)
        own = {name for thing in references for name in aside.all(thing)}
        return [name for name in found if name not in own] or found
