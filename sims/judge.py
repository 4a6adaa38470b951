"""The judge: whether conditions hold, read from the simulator's own state.

It shares the words of the conditions with the agent's verification, and none of its code. Objects
are named by their bodies' names.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, permutations
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
_TOUCHING_M = 0.001
_BEARING_COS = 0.5
"""How much a contact must point upwards to bear what lies on it; a wall does not."""
_FALLEN_M = 0.01
_APART_M = 0.005
_ALIKE_ENDS = frozenset({"box", "can"})


def satisfied(conditions: Sequence[Condition], world: World) -> bool:
    """Whether every condition holds at this instant; raises UserError for unknown bodies."""
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
    links = {contact[3] for contact in contacts if contact[8] < _TOUCHING_M}
    return all(finger in links for finger in _FINGERS)


def bearers(world: World, name: str) -> frozenset[str]:
    """What a body lies or stands on, other than the robot: the bodies that press it upwards."""
    uids = {body.uid: other for other, body in world.bodies.items()}
    contacts = p.getContactPoints(bodyA=world[name].uid, physicsClientId=world.client)
    # The normal of a contact points from the other body to this one.
    found = {uids.get(c[2], "") for c in contacts if c[8] < _TOUCHING_M and c[7][2] > _BEARING_COS}
    return frozenset(found - {"panda"})


def _holding(condition: Holding, world: World) -> bool:
    if condition.object is None:
        return not any(touches_fingers(world, name) for name in world.objects)
    low, _ = world.bounds(condition.object)
    lifted = low[2] > _table_height(world) + _LIFTED_M
    # What the fingers close on where it stands, on a box say, is not held yet.
    return (
        lifted
        and touches_fingers(world, condition.object)
        and not bearers(world, condition.object)
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
    if body.joint is None and (body.shape is None or body.shape.inner_radius == 0.0):
        raise UserError(f'"{condition.container}" is not hollow; nothing can be in it')
    return _released(condition.object, world) and _inside(
        world, condition.object, condition.container
    )


def _inside(world: World, name: str, container: str) -> bool:
    """Whether a body is in furniture or in a hollow body; in nothing else can it be."""
    body = world[container]
    if body.joint is not None:
        return is_inside(world, container, _center(world, name))
    hollow = body.shape is not None and body.shape.inner_radius > 0.0
    return hollow and _within(world, name, container)


def _within(world: World, name: str, container: str) -> bool:
    """Whether a body lies in a hollow one: near its floor, below its rim, or on what does."""
    hollow = world[container]
    assert hollow.shape is not None
    inside = np.linalg.inv(world.pose(container)) @ np.append(_center(world, name), 1.0)
    low, high = (bound[2] for bound in world.bounds(name))
    floor, rim = (bound[2] for bound in world.bounds(container))
    around = float(np.hypot(*inside[:2])) < hollow.shape.inner_radius
    if not (around and floor - 0.001 < low < rim - 0.003):
        return False
    # What is too wide dips into a rim, and lies on it.
    if low < (floor + rim) / 2 or (low + high) / 2 < rim:
        return True
    return any(
        _within(world, other, container)
        for other in bearers(world, name) - {container}
        if other in world.objects
    )


def _beside(condition: Beside, world: World) -> bool:
    if not _released(condition.object, world):
        return False
    if not _side_by_side(world, condition.object, condition.reference):
        return False
    offset = _center(world, condition.object)[:2] - _center(world, condition.reference)[:2]
    distance = float(np.hypot(*offset))
    if condition.relation == "next_to":
        return _gap(world, condition.object, condition.reference) < 0.10
    direction = {"left_of": (0, 1), "right_of": (0, -1), "behind": (1, 0), "in_front_of": (-1, 0)}
    along = float(offset @ np.array(direction[condition.relation]))
    return along > 0.02 and along > 0.7 * distance and distance < 0.35


def _side_by_side(world: World, *names: str) -> bool:
    """Whether some bodies are on the table, or on things on it, and none lies on another."""
    height = _table_height(world) - _FALLEN_M
    if any(world.bounds(name)[0][2] < height for name in names):
        return False
    return not any(
        other in _beneath(world, name) or _inside(world, name, other)
        for name, other in permutations(names, 2)
    )


def _beneath(world: World, name: str) -> set[str]:
    """All that a body rests on, and that rests on; nothing for what the table bears too."""
    found: set[str] = set()
    left = [name]
    while left:
        below = bearers(world, left.pop())
        if "table" not in below:
            left += below - found
            found |= below
    return found


def _between(condition: Between, world: World) -> bool:
    if not _released(condition.object, world):
        return False
    if not _side_by_side(world, condition.object, condition.first, condition.second):
        return False
    a, b = (_center(world, name)[:2] for name in (condition.first, condition.second))
    x = _center(world, condition.object)[:2]
    share = float((x - a) @ (b - a) / ((b - a) @ (b - a)))
    aside = float(np.linalg.norm(x - (a + share * (b - a))))
    return 0.1 < share < 0.9 and aside < 0.06


def _at(condition: At, world: World) -> bool:
    offset = _center(world, condition.object)[:2] - np.array(condition.point)
    near = bool(np.hypot(*offset) <= condition.tolerance_m)
    return (
        near and _released(condition.object, world) and _stands_as_before(world, condition.object)
    )


def _stands_as_before(world: World, name: str) -> bool:
    """Whether a body is on the table, or on what it was on when the episode began."""
    return bool(bearers(world, name) & {"table", *world.stood_on.get(name, ())})


def _moved(condition: Moved, world: World) -> bool:
    if not _stands_as_before(world, condition.object):
        return False
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
    names = condition.objects
    if not all(_released(name, world) for name in names) or not _side_by_side(world, *names):
        return False
    if min(_gap(world, a, b) for a, b in combinations(names, 2)) < _APART_M:
        return False
    points = np.array([_center(world, name)[:2] for name in names])
    offset = points - points.mean(axis=0)
    if condition.shape == "line":
        # The smallest singular value is what is left across the best line.
        return bool(np.linalg.svd(offset, compute_uv=False)[1] < _CROOKED_M)
    radii, turns = np.hypot(*offset.T), np.sort(np.arctan2(offset[:, 1], offset[:, 0]))
    gaps = np.diff(np.append(turns, turns[0] + 2 * np.pi))
    return bool(radii.std() < _CROOKED_M and gaps.max() < np.pi)


def _gap(world: World, first: str, second: str) -> float:
    """How far apart two bodies are, m, each taken as a circle around its box's middle."""
    sizes = [np.subtract(*world.bounds(name)[::-1])[:2] for name in (first, second)]
    distance = float(np.hypot(*(_center(world, first) - _center(world, second))[:2]))
    return distance - sum(float(size.max()) / 2 for size in sizes)


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
