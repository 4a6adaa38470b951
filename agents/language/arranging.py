"""Arranging: points of the table for a line, a circle, a triangle or a grid of things."""

import math
from collections.abc import Sequence
from itertools import groupby

from handeye.perception.scene import Scene

from .ordering import extent

GAP_M = 0.03
_EDGE_M = 0.06
_STEPS = 8
"""Between the sides of the table, where something is put out of the way."""
Point = tuple[float, float]


def shape_points(
    shape: str,
    sizes_m: Sequence[float],
    scene: Scene,
    center: Point | None = None,
    inner_m: float = 0.0,
    turn_rad: float = 0.0,
    gap_m: float = GAP_M,
) -> list[Point] | None:
    """Where the middles of things go, in order; None where the table is too small for it.

    Args:
        shape: "line" or "row" (from the robot's left to its right), "circle", "triangle" or
            "square".
        sizes_m: widths of the things, in the order in which they are laid out.
        scene: for the table's bounds.
        center: of a circle around something; the table's middle by default.
        inner_m: radius of what the circle is around.
        turn_rad: how far the whole is turned about its center.
        gap_m: between two neighbours.
    """
    (x0, y0), (x1, y1) = scene.table_bounds
    x, y = center or ((x0 + x1) / 2, (y0 + y1) / 2)
    step = max(sizes_m) + gap_m
    count = len(sizes_m)
    if shape in ("line", "row"):
        points = [(x, y + step * ((count - 1) / 2 - i)) for i in range(count)]
    elif shape == "circle":
        around = inner_m + max(sizes_m) / 2 + gap_m if inner_m else 0.0
        radius = max(step / (2 * math.sin(math.pi / max(count, 2))), around)
        turns = [2 * math.pi * i / count for i in range(count)]
        points = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
    elif shape == "triangle":
        points = _along_triangle(count, step, (x, y))
    else:
        columns = math.ceil(math.sqrt(count))
        points = [
            (
                x + step * ((columns - 1) / 2 - i // columns),
                y + step * ((columns - 1) / 2 - i % columns),
            )
            for i in range(count)
        ]
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    points = [
        (x + c * (px - x) - s * (py - y), y + s * (px - x) + c * (py - y)) for px, py in points
    ]
    inside = all(
        x0 + _EDGE_M <= px <= x1 - _EDGE_M and y0 + _EDGE_M <= py <= y1 - _EDGE_M
        for px, py in points
    )
    return [(round(px, 3), round(py, 3)) for px, py in points] if inside else None


def in_order(names: Sequence[str], scene: Scene, order: str | None) -> list[str]:
    """Things sorted by "size" (small first), "largest", "height", "color" or "category"."""
    objects = scene.objects
    if order in ("size", "largest"):
        return sorted(
            names, key=lambda n: extent(objects[n], "big") * (1 if order == "size" else -1)
        )
    if order == "height":
        return sorted(names, key=lambda n: extent(objects[n], "tall"))
    if order is not None:
        return sorted(names, key=lambda n: kind_of(scene, n, order))
    return list(names)


def kinds(names: Sequence[str], scene: Scene, order: str) -> list[list[str]]:
    """Things in groups of the same "color" or "category"."""
    ordered = sorted(names, key=lambda n: kind_of(scene, n, order))
    return [list(group) for _, group in groupby(ordered, key=lambda n: kind_of(scene, n, order))]


def kind_of(scene: Scene, name: str, order: str) -> str:
    """What a thing is sorted by."""
    thing = scene.objects[name]
    return (thing.color or "") if order == "color" else thing.category


def farthest_points(scene: Scene, start: Point) -> list[Point]:
    """The usable points of the table, those that are farthest from another first."""
    (x0, y0), (x1, y1) = scene.table_bounds
    across, along = ((x0 + 0.1, x1 - 0.13), (y0 + 0.12, y1 - 0.12))
    steps = [k / _STEPS for k in range(_STEPS + 1)]
    points = [
        (round(across[0] + i * (across[1] - across[0]), 3),
         round(along[0] + j * (along[1] - along[0]), 3))
        for i in steps for j in steps
    ]  # fmt: skip
    return sorted(points, key=lambda point: -math.dist(point, start))


def _along_triangle(count: int, step: float, center: Point) -> list[Point]:
    """Evenly along the sides of a triangle whose tip points away from the robot."""
    side = step * max(1.0, count / 3)
    radius = side / math.sqrt(3)
    corners = [
        (center[0] + radius * math.cos(t), center[1] + radius * math.sin(t))
        for t in (0.0, 2 * math.pi / 3, 4 * math.pi / 3)
    ]
    points = []
    for i in range(count):
        along = 3 * i / count
        k, share = int(along), along - int(along)
        a, b = corners[k], corners[(k + 1) % 3]
        points.append((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
    return points
