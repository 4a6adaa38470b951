"""The judge: whether conditions hold, read from the simulator's own state.

It shares the words of the conditions with the agent's verification, and none of its code. Objects
are named by their bodies' names.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pybullet as p
from handeye.perception.conditions import (
    Arranged,
    At,
    Beside,
    Between,
    Condition,
    Holding,
    In,
    Moved,
    On,
    Opened,
    Standing,
    Turned,
)
from handeye.perception.errors import UserError

from .articulated import is_inside, state_of
from .world import World

_LIFTED_M = 0.02
_FINGERS = (9, 10)
_UPRIGHT_COS = 0.96
_CROOKED_M = 0.03
_ALIKE_ENDS = frozenset({"box", "can"})


def satisfied(conditions: Sequence[Condition], world: World) -> bool:
    """Let the world come to rest, then say whether every condition holds."""
    world.settle(max_s=1.0)
    return all(holds(condition, world) for condition in conditions)


def holds(condition: Condition, world: World) -> bool:
    """Whether one condition holds at this instant; raises UserError for unknown bodies."""
    return _TESTS[type(condition)](condition, world)


def touches(world: World, first: str, second: str) -> bool:
    """Whether two bodies are in contact."""
    return bool(
        p.getContactPoints(world[first].uid, world[second].uid, physicsClientId=world.client)
    )


def touches_fingers(world: World, name: str) -> bool:
    """Whether both of the robot's fingers touch a body."""
    if "panda" not in world.bodies:
        return False
    contacts = p.getContactPoints(world["panda"].uid, world[name].uid, physicsClientId=world.client)
    links = {contact[3] for contact in contacts if contact[8] < 0.001}
    return all(finger in links for finger in _FINGERS)


def _holding(condition: Holding, world: World) -> bool:
    if condition.object is None:
        return not any(touches_fingers(world, name) for name in world.objects)
    low, _ = world.bounds(condition.object)
    lifted = low[2] > _table_height(world) + _LIFTED_M
    return (
        lifted
        and touches_fingers(world, condition.object)
        and not touches(world, condition.object, "table")
    )


def _released(name: str, world: World) -> bool:
    return not touches_fingers(world, name) and world.velocity(name) < 0.05


def _on(condition: On, world: World) -> bool:
    name = condition.object
    if not _released(name, world) or not touches(world, name, condition.support):
        return False
    if condition.support == "table":
        return True
    center, support = _center(world, name), condition.support
    low, high = world.bounds(support)
    within = bool(np.all(center[:2] > low[:2] - 0.005) and np.all(center[:2] < high[:2] + 0.005))
    return within and world.bounds(name)[0][2] > low[2] + 0.002


def _in(condition: In, world: World) -> bool:
    body = world[condition.container]
    if body.joint is not None:
        return _released(condition.object, world) and is_inside(
            world, condition.container, _center(world, condition.object)
        )
    if body.shape is None or body.shape.inner_radius == 0.0:
        raise UserError(f'"{condition.container}" is not hollow; nothing can be in it')
    if not _released(condition.object, world):
        return False
    T = world.pose(condition.container)
    inside = np.linalg.inv(T) @ np.append(_center(world, condition.object), 1.0)
    bottom = world.bounds(condition.object)[0][2]
    floor, rim = (bound[2] for bound in world.bounds(condition.container))
    within = float(np.hypot(*inside[:2])) < body.shape.inner_radius
    return bool(within and floor - 0.001 < bottom < rim - 0.003)


def _beside(condition: Beside, world: World) -> bool:
    if not _released(condition.object, world):
        return False
    offset = _center(world, condition.object)[:2] - _center(world, condition.reference)[:2]
    distance = float(np.hypot(*offset))
    sizes = [
        np.subtract(*world.bounds(n)[::-1])[:2] for n in (condition.object, condition.reference)
    ]
    gap = distance - sum(float(size.max()) / 2 for size in sizes)
    if condition.relation == "next_to":
        return gap < 0.10
    direction = {"left_of": (0, 1), "right_of": (0, -1), "behind": (1, 0), "in_front_of": (-1, 0)}
    along = float(offset @ np.array(direction[condition.relation]))
    return along > 0.02 and along > 0.7 * distance and distance < 0.35


def _between(condition: Between, world: World) -> bool:
    if not _released(condition.object, world):
        return False
    a, b = (_center(world, name)[:2] for name in (condition.first, condition.second))
    x = _center(world, condition.object)[:2]
    share = float((x - a) @ (b - a) / ((b - a) @ (b - a)))
    aside = float(np.linalg.norm(x - (a + share * (b - a))))
    return 0.1 < share < 0.9 and aside < 0.06


def _at(condition: At, world: World) -> bool:
    offset = _center(world, condition.object)[:2] - np.array(condition.point)
    return _released(condition.object, world) and bool(np.hypot(*offset) <= condition.tolerance_m)


def _moved(condition: Moved, world: World) -> bool:
    offset = _center(world, condition.object)[:2] - np.array(condition.start)
    if condition.direction is None:
        return bool(np.hypot(*offset) >= condition.distance_m)
    direction = np.array(condition.direction) / np.hypot(*condition.direction)
    along = float(offset @ direction)
    return along >= condition.distance_m and along >= 0.7 * float(np.hypot(*offset))


def _opened(condition: Opened, world: World) -> bool:
    if world[condition.object].joint is None:
        raise UserError(f'"{condition.object}" has no joint that opens')
    return state_of(world, condition.object) == ("open" if condition.open else "closed")


def _standing(condition: Standing, world: World) -> bool:
    up = float(world.pose(condition.object)[2, 2])
    spec = world[condition.object].spec
    if spec is not None and spec.category in _ALIKE_ENDS:
        up = abs(up)
    return _released(condition.object, world) and up > _UPRIGHT_COS


def _turned(condition: Turned, world: World) -> bool:
    R = world.pose(condition.object)[:3, :3]
    yaw = float(np.arctan2(R[1, 0], R[0, 0]))
    half = condition.period_rad / 2
    off = (yaw - condition.start_rad - condition.angle_rad + half) % condition.period_rad - half
    return _released(condition.object, world) and abs(off) < condition.tolerance_rad


def _arranged(condition: Arranged, world: World) -> bool:
    if not all(_released(name, world) for name in condition.objects):
        return False
    points = np.array([_center(world, name)[:2] for name in condition.objects])
    offset = points - points.mean(axis=0)
    if condition.shape == "line":
        # The smallest singular value is what is left across the best line.
        return bool(np.linalg.svd(offset, compute_uv=False)[1] < _CROOKED_M)
    radii, turns = np.hypot(*offset.T), np.sort(np.arctan2(offset[:, 1], offset[:, 0]))
    gaps = np.diff(np.append(turns, turns[0] + 2 * np.pi))
    return bool(radii.std() < _CROOKED_M and gaps.max() < np.pi)


def _center(world: World, name: str) -> np.ndarray:
    low, high = world.bounds(name)
    return np.asarray((low + high) / 2)


def _table_height(world: World) -> float:
    return float(world.bounds("table")[1][2])


_TESTS: dict[type, Callable[[Any, World], bool]] = {
    Holding: _holding,
    On: _on,
    In: _in,
    Beside: _beside,
    Between: _between,
    At: _at,
    Moved: _moved,
    Opened: _opened,
    Standing: _standing,
    Turned: _turned,
    Arranged: _arranged,
}
