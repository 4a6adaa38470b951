"""Verification: conditions against what is seen, with three answers and the evidence."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .conditions import (
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
    Truth,
    Turned,
)
from .heading import turned_by
from .relations import bottom, is_beside, is_between, is_in, is_on, is_tall, off_circle, off_line
from .scene import Scene, SceneObject

_CROOKED_M = 0.03


@dataclass(frozen=True)
class Verdict:
    """An answer and the observation behind it."""

    truth: Truth
    evidence: str


def check(condition: Condition, scene: Scene) -> Verdict:
    """Check a condition by the scene's geometry.

    What is not in the scene, or out of sight and not known to be inside something, can't be told.
    """
    for key in ("object", "support", "container", "reference", "first", "second"):
        name = getattr(condition, key, None)
        if name is not None and name != "table" and name not in scene.objects:
            return Verdict(Truth.CANT_TELL, f"{name} is not in view")
    for name in getattr(condition, "objects", ()):
        if name not in scene.objects:
            return Verdict(Truth.CANT_TELL, f"{name} is not in view")
    return _CHECKS[type(condition)](condition, scene)


def question_for(condition: Condition, scene: Scene) -> str | None:
    """The yes/no question that puts a condition to a VLM; None for what pixels cannot tell."""
    if isinstance(condition, Holding):
        if condition.object is None or condition.object not in scene.objects:
            return None
        return f"is the {scene.objects[condition.object].name} held by the gripper?"
    if isinstance(condition, On) and condition.support in scene.objects:
        a, b = scene.objects.get(condition.object), scene.objects[condition.support]
        return f"is the {a.name} on the {b.name}?" if a else None
    if isinstance(condition, In) and condition.container in scene.objects:
        a, b = scene.objects.get(condition.object), scene.objects[condition.container]
        return f"is the {a.name} in the {b.name}?" if a else None
    if isinstance(condition, Opened) and condition.object in scene.objects:
        state = "open" if condition.open else "closed"
        return f"is the {scene.objects[condition.object].name} {state}?"
    return None


def _verdict(holds: bool, evidence: str) -> Verdict:
    return Verdict(Truth.YES if holds else Truth.NO, evidence)


def _where(thing: SceneObject) -> str:
    x, y, z = thing.position
    return f"{thing.name} at ({x:.2f}, {y:.2f}, {z:.2f})"


def _holding(condition: Holding, scene: Scene) -> Verdict:
    held = scene.objects.get(scene.holding) if scene.holding else None
    return _verdict(
        scene.holding == condition.object,
        f"the gripper holds {'the ' + held.name if held else 'nothing'}",
    )


def _aloof(identity: str, scene: Scene) -> Verdict | None:
    """What there is to say of an object's place when it is held or out of sight; else None."""
    thing = scene.objects[identity]
    if identity == scene.holding:
        return Verdict(Truth.NO, f"the {thing.name} is still in the gripper")
    if not thing.visible:
        return Verdict(Truth.CANT_TELL, f"the {thing.name} is out of sight")
    return None


def _on(condition: On, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    aloof = _aloof(condition.object, scene)
    if aloof is not None:
        return aloof
    if condition.support == "table":
        on_table = thing.on is None and thing.in_ is None
        low = bottom(thing) < scene.table_height_m + 0.03
        return _verdict(on_table and low, _where(thing))
    support = scene.objects[condition.support]
    return _verdict(is_on(thing, support), f"{_where(thing)}, {_where(support)}")


def _in(condition: In, scene: Scene) -> Verdict:
    thing, container = scene.objects[condition.object], scene.objects[condition.container]
    aloof = _aloof(condition.object, scene)
    if condition.object != scene.holding and is_in(thing, container):
        return Verdict(Truth.YES, f"{_where(thing)}, inside the {container.name}")
    return aloof or Verdict(Truth.NO, f"{_where(thing)}, {_where(container)}")


def _beside(condition: Beside, scene: Scene) -> Verdict:
    thing, reference = scene.objects[condition.object], scene.objects[condition.reference]
    aloof = _aloof(condition.object, scene)
    return aloof or _verdict(
        is_beside(thing, condition.relation, reference), f"{_where(thing)}, {_where(reference)}"
    )


def _between(condition: Between, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    first, second = scene.objects[condition.first], scene.objects[condition.second]
    return _aloof(condition.object, scene) or _verdict(
        is_between(thing, first, second), _where(thing)
    )


def _at(condition: At, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    dx, dy = (thing.position[i] - condition.point[i] for i in (0, 1))
    near = (dx * dx + dy * dy) ** 0.5 <= condition.tolerance_m
    return _aloof(condition.object, scene) or _verdict(near, _where(thing))


def _moved(condition: Moved, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    if not thing.visible and condition.object != scene.holding:
        return Verdict(Truth.CANT_TELL, f"the {thing.name} is out of sight")
    dx, dy = (thing.position[i] - condition.start[i] for i in (0, 1))
    distance = (dx * dx + dy * dy) ** 0.5
    along = distance
    if condition.direction is not None:
        ux, uy = condition.direction
        along = (dx * ux + dy * uy) / ((ux * ux + uy * uy) ** 0.5)
    holds = along >= condition.distance_m and along >= 0.6 * distance
    return _verdict(holds, f"the {thing.name} moved by {100 * distance:.0f} cm")


def _opened(condition: Opened, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    if thing.state not in ("open", "closed"):
        return Verdict(Truth.CANT_TELL, f"whether the {thing.name} is open cannot be seen")
    return _verdict((thing.state == "open") == condition.open, f"the {thing.name} is {thing.state}")


def _standing(condition: Standing, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    tall = is_tall(thing)
    state = "stands" if tall else "lies"
    return _aloof(condition.object, scene) or _verdict(tall, f"the {thing.name} {state}")


def _turned(condition: Turned, scene: Scene) -> Verdict:
    thing = scene.objects[condition.object]
    aloof = _aloof(condition.object, scene)
    if aloof is not None:
        return aloof
    if thing.yaw is None:
        return Verdict(Truth.CANT_TELL, f"which way the {thing.name} is turned cannot be seen")
    wanted = condition.start_rad + condition.angle_rad
    off = turned_by(wanted, thing.yaw, condition.period_rad)
    evidence = f"the {thing.name} is {math.degrees(abs(off)):.0f} degrees off"
    return _verdict(abs(off) < condition.tolerance_rad, evidence)


def _arranged(condition: Arranged, scene: Scene) -> Verdict:
    for name in condition.objects:
        aloof = _aloof(name, scene)
        if aloof is not None:
            return aloof
    points = [scene.objects[name].position[:2] for name in condition.objects]
    off = off_line(points) if condition.shape == "line" else off_circle(points)
    return _verdict(off < _CROOKED_M, f"{100 * off:.0f} cm off a {condition.shape}")


_CHECKS: dict[type, Callable[[Any, Scene], Verdict]] = {
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
