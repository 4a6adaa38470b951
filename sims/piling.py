"""Piling: things put on and into other things, for training data."""

import numpy as np

from .objects import Category, ObjectSpec
from .world import World

_SUPPORTS: tuple[Category, ...] = ("plate", "bowl", "block", "box", "lego", "can")
_CARRIED: tuple[Category, ...] = ("block", "ball", "lego", "duck", "can", "cup", "box", "teddy")
_MOST = 3
"""So many things lie in a bowl, or on a plate, of a heap."""
_LEFT = 0.25
"""Share of the things of a heap that are left where they are."""


def pile(world: World, rng: np.random.Generator) -> None:
    """Put some objects on or into others, one on one."""
    names = list(world.objects)
    free = set(names)
    for support in rng.permutation(names):
        body = world[str(support)]
        if body.spec is None or support not in free or rng.random() < 0.45:
            continue
        if body.spec.category not in _SUPPORTS:
            continue
        candidates = [n for n in names if n in free and n != support and _fits(world, n, body.spec)]
        if not candidates:
            continue
        item = str(rng.choice(candidates))
        free -= {item, str(support)}
        x, y, _ = world.pose(str(support))[:3, 3]
        slack = 0.2 * body.spec.width_m if body.spec.category == "plate" else 0.004
        dx, dy = rng.uniform(-slack, slack, 2)
        rest = _rest(world, str(support), body.spec)
        world.place(item, (x + dx, y + dy, rest), float(rng.uniform(-np.pi, np.pi)))


def heap(world: World, rng: np.random.Generator) -> None:
    """Put most objects on or into others, be they on others already, several into one bowl."""
    carries: dict[str, list[str]] = {name: [] for name in world.objects}
    base = {name: name for name in world.objects}
    for name in map(str, rng.permutation(list(world.objects))):
        supports = [
            other
            for other, body in world.objects.items()
            if base[other] != name
            and body.spec is not None
            and body.spec.category in _SUPPORTS
            and len(carries[other]) < (_MOST if _is_wide(body.spec) else 1)
            and _fits(world, name, body.spec)
        ]
        if carries[name] or not supports or rng.random() < _LEFT:
            continue
        support = str(rng.choice(supports))
        _set_on(world, name, support, len(carries[support]), rng)
        carries[support].append(name)
        base[name] = base[support]


def _set_on(world: World, name: str, support: str, there: int, rng: np.random.Generator) -> None:
    """Put an object on or into one that carries so many already."""
    spec = world[support].spec
    if spec is None:
        raise AssertionError(f"{support} carries nothing")
    x, y, _ = world.pose(support)[:3, 3]
    rest = _rest(world, support, spec)
    if _is_wide(spec):
        # Around the middle, and each let fall on what is there.
        angle = rng.uniform(-0.4, 0.4) + there * 2 * np.pi / _MOST
        radius = spec.width_m * (0.17 if spec.category == "bowl" else 0.26) if there else 0.0
        dx, dy = radius * np.cos(angle), radius * np.sin(angle)
        rest += 0.03 * there
    else:
        dx, dy = rng.uniform(-0.004, 0.004, 2)
    world.place(name, (x + dx, y + dy, rest), float(rng.uniform(-np.pi, np.pi)))


def _rest(world: World, support: str, spec: ObjectSpec) -> float:
    """The height from which a thing is let fall on or into another, m."""
    if _is_wide(spec):
        return float(world.pose(support)[2, 3]) + 0.012
    return float(world.bounds(support)[1][2]) + 0.002


def _is_wide(spec: ObjectSpec) -> bool:
    return spec.category in ("plate", "bowl")


def _fits(world: World, name: str, support: ObjectSpec) -> bool:
    spec = world[name].spec
    if spec is None:
        return False
    if support.category == "bowl":
        return spec.category in ("block", "ball", "lego", "duck") and spec.width_m < 0.09
    if support.category == "plate":
        return spec.category in _CARRIED
    return spec.category in ("block", "lego", "cup", "can", "box") and spec.width_m < 0.085
