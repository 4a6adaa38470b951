"""Ordering: which of several things is the biggest, the leftmost, the second from the front."""

import math
from collections.abc import Callable, Mapping, Sequence

from handeye.perception.scene import SceneObject

_SAME = 0.04
"""Two sizes that differ by less than this share look the same."""
_BESIDE_M = 0.015
"""Two places that differ by less than this are as far to a side."""

Objects = Mapping[str, SceneObject]


def extreme(found: Sequence[str], objects: Objects, which: str) -> list[str]:
    """Those furthest to a side, or nearest to the robot; more than one within 1.5 cm."""
    return least(found, lambda name: place_key(objects[name], which), _BESIDE_M)


def most_so(found: Sequence[str], objects: Objects, size: str) -> list[str]:
    """Those of the most of a size ("big", "small", "tall", "short"); more than one if alike."""
    if not found:
        return []
    best = max(extent(objects[name], size) for name in found)
    return [n for n in found if extent(objects[n], size) > best - _SAME * abs(best)]


def ranked(found: Sequence[str], objects: Objects, rank: int, by: str) -> list[str]:
    """The rank-th by a size or a side, -1 for the last, 0 for the one in the middle.

    More than one if they are alike, or none is in the middle.
    """

    def key(name: str) -> float:
        if by in ("big", "small", "tall", "short"):
            return -extent(objects[name], by)
        return place_key(objects[name], by)

    order = sorted(found, key=key)
    if rank == 0:
        half = len(order) // 2
        return order[half : half + 1] if len(order) % 2 else order
    if not -len(order) <= (rank - 1 if rank > 0 else rank) < len(order):
        return []
    chosen = order[rank - 1 if rank > 0 else rank]
    size = by in ("big", "small", "tall", "short")
    slack = _SAME * abs(key(chosen)) if size else _BESIDE_M / 3
    return [name for name in order if abs(key(name) - key(chosen)) < slack or name == chosen]


def place_key(thing: SceneObject, which: str) -> float:
    """Smaller is further to a side; left and right are the robot's, front is near to it."""
    x, y, _ = thing.position
    if which in ("leftmost", "rightmost"):
        return -y if which == "leftmost" else y
    if which in ("front", "back"):
        return x if which == "front" else -x
    return math.hypot(x, y) * (1 if which == "nearest" else -1)


def extent(thing: SceneObject, size: str) -> float:
    """Volume or height, negative where less of it is wanted."""
    if size in ("tall", "short"):
        return thing.size[2] if size == "tall" else -thing.size[2]
    volume = thing.size[0] * thing.size[1] * thing.size[2]
    return volume if size == "big" else -volume


def clearly_more(a: SceneObject, b: SceneObject, size: str) -> bool:
    """Whether a is "bigger", "smaller", "taller", "shorter" than b, so that one can see it."""
    one, two = extent(a, size), extent(b, size)
    return one - two > _SAME * max(abs(one), abs(two))


def least(found: Sequence[str], key: Callable[[str], float], slack: float) -> list[str]:
    """Those whose key is the least, or within `slack` of it."""
    if not found:
        return []
    best = min(key(name) for name in found)
    return [name for name in found if key(name) <= best + slack]
