"""Spatial relations between the objects of a Scene; left is the robot's left (+y)."""

import math
from collections.abc import Sequence
from itertools import combinations

from .scene import Scene, SceneObject

_DIRECTIONS = {
    "left_of": (0.0, 1.0),
    "right_of": (0.0, -1.0),
    "behind": (1.0, 0.0),
    "in_front_of": (-1.0, 0.0),
}
_PLATE_SHARE, _SMALLER, _FLAT_M = 0.4, 0.7, 0.03
CONTAINERS = frozenset({"bowl", "cup", "box_open", "drawer", "basket", "tray"})


def bottom(thing: SceneObject) -> float:
    """Height of its underside, m."""
    return thing.position[2] - thing.size[2] / 2


def top(thing: SceneObject) -> float:
    """Height of its upper side, m."""
    return thing.position[2] + thing.size[2] / 2


def is_tall(thing: SceneObject) -> bool:
    """Whether it is higher than wide: of bottles, cans and boxes, whether they stand."""
    return thing.size[2] > 1.15 * max(thing.size[:2])


def over(a: SceneObject, b: SceneObject, slack: float = 0.0) -> bool:
    """Whether the middle of a is above the footprint of b, widened by `slack` m."""
    return all(abs(a.position[i] - b.position[i]) < b.size[i] / 2 + slack for i in (0, 1))


def is_in(a: SceneObject, b: SceneObject) -> bool:
    """Whether a is inside b: over its middle, with its underside below b's rim.

    A drawer holds what lies anywhere over it, no higher than its rim; a fridge, what is between
    its walls.
    """
    if max(a.size[:2]) > max(b.size[:2]) or not (b.state is not None or b.category in CONTAINERS):
        return False
    if b.state is not None:
        return over(a, b) and bottom(b) < bottom(a) + 0.015 and top(a) < top(b) + 0.01
    reach = 0.42 * min(b.size[0], b.size[1])
    dx, dy = a.position[0] - b.position[0], a.position[1] - b.position[1]
    return (
        (dx * dx + dy * dy) ** 0.5 < reach
        and (bottom(b) - 0.015 < bottom(a) < top(b) - 0.002)
        and top(a) > bottom(b) + 0.01
    )


def is_on(a: SceneObject, b: SceneObject) -> bool:
    """Whether a rests on b: over it, with its underside at b's top, or within a dish's."""
    if is_in(a, b) or not over(a, b, 0.005):
        return False
    if b.category == "plate" and _fills(a, b):
        return True
    if top(b) < bottom(b) + 0.035 and max(b.size[:2]) > 0.12:
        return bottom(b) - 0.005 < bottom(a) < top(b) + 0.02 and top(a) > top(b) + 0.004
    return abs(bottom(a) - top(b)) < 0.022 and a.position[2] > b.position[2] + 0.01


def _fills(a: SceneObject, b: SceneObject) -> bool:
    """Whether a stands in the middle of a plate b, of which the box took in what is on it."""
    across = math.dist(a.position[:2], b.position[:2]) < _PLATE_SHARE * max(b.size[:2])
    smaller = max(a.size[:2]) < _SMALLER * max(b.size[:2])
    level = bottom(b) - 0.005 < bottom(a) < top(b) + 0.02 and abs(top(a) - top(b)) < 0.008
    return across and smaller and level and a.size[2] > _FLAT_M


def is_beside(a: SceneObject, relation: str, b: SceneObject) -> bool:
    """Whether a lies in a direction of b, or next to it; "next_to" is within 10 cm."""
    dx, dy = a.position[0] - b.position[0], a.position[1] - b.position[1]
    distance = math.hypot(dx, dy)
    if relation in ("next_to", "near"):
        gap = distance - (max(a.size[:2]) + max(b.size[:2])) / 2
        return gap < (0.10 if relation == "next_to" else 0.2)
    ux, uy = _DIRECTIONS[relation]
    along = dx * ux + dy * uy
    return along > 0.015 and along > 0.6 * distance


def is_between(a: SceneObject, b: SceneObject, c: SceneObject) -> bool:
    """Whether a lies between b and c, at most 6 cm off the line."""
    bx, by = b.position[:2]
    ux, uy = c.position[0] - bx, c.position[1] - by
    length = ux * ux + uy * uy
    if length < 1e-9:
        return False
    px, py = a.position[0] - bx, a.position[1] - by
    share = (px * ux + py * uy) / length
    off = ((px - share * ux) ** 2 + (py - share * uy) ** 2) ** 0.5
    return 0.1 < share < 0.9 and off < 0.06


def off_line(points: Sequence[tuple[float, float]]) -> float:
    """How far points (x, y) stray from the line through the two that are farthest apart, m."""
    (ax, ay), (bx, by) = max(combinations(points, 2), key=lambda pair: math.dist(*pair))
    length = math.dist((ax, ay), (bx, by)) + 1e-9
    return max(abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / length for x, y in points)


def off_circle(points: Sequence[tuple[float, float]]) -> float:
    """How far points (x, y) stray from a circle about their middle, m."""
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    radii = [math.dist(point, middle) for point in points]
    return (max(radii) - min(radii)) / 2


def with_supports(scene: Scene) -> Scene:
    """The scene with `on` and `in_` of every object filled in; None for the table."""
    filled = {}
    for name, thing in scene.objects.items():
        on = inside = None
        if name != scene.holding:
            others = [(o, t) for o, t in scene.objects.items() if o not in (name, scene.holding)]
            inside = next((o for o, t in others if is_in(thing, t)), None)
            candidates = [(top(t), o) for o, t in others if is_on(thing, t)]
            on = max(candidates)[1] if candidates and inside is None else None
        filled[name] = thing.model_copy(update={"on": on, "in_": inside})
    return scene.model_copy(update={"objects": filled})


def relation_holds(scene: Scene, a: str, relation: str, b: str) -> bool:
    """Whether "a relation b" holds, by ids; `on`, `in`, directions, next_to, near."""
    first, second = scene.objects[a], scene.objects[b]
    if relation == "on":
        return first.on == b or is_on(first, second)
    if relation == "in":
        return first.in_ == b or is_in(first, second)
    return is_beside(first, relation, second)
