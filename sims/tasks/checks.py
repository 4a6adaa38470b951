"""Checks: what is wrong with a task, told before anything moves."""

import math
import re
from dataclasses import dataclass
from typing import TypeGuard, get_args

from handeye.perception.conditions import At, Condition, In, Moved, Opened, Turned
from handeye.perception.errors import UserError

from ..world import World
from .task import Setup, Table, Task

KINDS: tuple[type, ...] = get_args(get_args(Condition)[0])
"""The types of conditions."""
_NAMING = ("object", "support", "container", "reference", "first", "second")


def check_name(name: str) -> None:
    """Raise UserError unless a name may name a task: folders of recordings are called after it."""
    if not re.fullmatch(r"[\w-]+", name):
        raise UserError(
            f'no task can be named "{name}"; a name is made of letters, digits, "_" and "-"'
        )


def bodies_of(condition: Condition) -> tuple[str, ...]:
    """The bodies that a condition names, in order."""
    found = [getattr(condition, key, None) for key in _NAMING]
    return tuple(name for name in (*found, *getattr(condition, "objects", ())) if name is not None)


def fault_of(condition: Condition) -> str:
    """What is wrong with a condition in itself, such as a tolerance below 0; "" for nothing."""
    names = bodies_of(condition)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        return f'names "{twice}" twice'
    numbers = {
        field: value if isinstance(value, tuple) else (value,)
        for field in type(condition).model_fields
        if isinstance(value := getattr(condition, field), tuple | float)
    }
    for field, values in numbers.items():
        if not all(math.isfinite(v) for v in values if isinstance(v, float)):
            return f"has a {field} that is no finite number"
    positive = {
        At: ("tolerance_m",),
        Moved: ("distance_m",),
        Turned: ("period_rad", "tolerance_rad"),
    }
    for field in positive.get(type(condition), ()):
        if (value := getattr(condition, field)) <= 0:
            return f"has the {field} {value:g}; right is one above 0"
    if isinstance(condition, Moved) and condition.direction is not None:
        return "" if any(condition.direction) else "has the direction (0, 0), which is none"
    return ""


def check_setup(task: str, setup: object, world: World) -> None:
    """Raise UserError, naming the task, unless the judge can judge what it has set out.

    Args:
        task: its name.
        setup: what its `build` returned.
        world: that it set out.
    """
    if not isinstance(setup, Setup):
        raise UserError(
            f'the task "{task}" built {type(setup).__name__}; right is a Setup, see '
            "handeye.sims.tasks.task"
        )
    if not isinstance(setup.instruction, str) or not setup.instruction.strip():
        raise UserError(f'the task "{task}" has no instruction, but {setup.instruction!r}')
    groups = setup.count.groups if setup.count is not None else ()
    counted = tuple(condition for group in groups for condition in group)
    places = {"goal": setup.goal, "never": setup.never, "once": setup.once, "count": counted}
    for place, conditions in places.items():
        if not isinstance(conditions, tuple | list):
            raise UserError(
                f'the task "{task}": its {place} is {_words(conditions)}; right is a tuple of '
                "conditions"
            )
        for condition in conditions:
            fault = _fault_in(condition, world)
            if fault:
                raise UserError(f'the task "{task}", {place}: {_words(condition)} {fault}')


def _is_condition(value: object) -> TypeGuard[Condition]:
    return isinstance(value, KINDS)


def _fault_in(condition: object, world: World) -> str:
    """What is wrong with a condition in a world."""
    if not _is_condition(condition):
        return "is no condition; there are: " + ", ".join(kind.__name__ for kind in KINDS)
    of_its_own = fault_of(condition)
    if of_its_own:
        return of_its_own
    for name in bodies_of(condition):
        if name not in world.bodies:
            return f'names "{name}", which is not there; there are: {", ".join(world.bodies)}'
    if isinstance(condition, In):
        body = world[condition.container]
        hollow = body.shape is not None and body.shape.inner_radius > 0.0
        if body.joint is None and not hollow:
            return f'names "{body.name}", in which nothing can be: it is not hollow'
    if isinstance(condition, Opened) and world[condition.object].joint is None:
        return f'names "{condition.object}", which has no joint that opens'
    return ""


def _words(condition: object) -> str:
    return type(condition).__name__ if _is_condition(condition) else repr(condition)


@dataclass(frozen=True)
class Checked:
    """A task whose setup is checked as soon as it is built.

    Attributes:
        task: the task.
    """

    task: Task

    @property
    def name(self) -> str:
        """The task's."""
        return self.task.name

    def build(self, table: Table) -> Setup:
        """Let the task build, and check it; raises UserError as `check_setup` does."""
        setup = self.task.build(table)
        check_setup(self.name, setup, table.world)
        return setup


def check_task(task: object) -> None:
    """Raise UserError unless something is a task: an object with a name, and `build`."""
    if isinstance(task, type):
        raise UserError(f"{task.__name__} is a class; right is a task, such as {task.__name__}()")
    named = isinstance(getattr(task, "name", None), str)
    if not (named and callable(getattr(task, "build", None))):
        raise UserError(
            f"{type(task).__name__} is no task; right is the name of one, or an object with a "
            "`name` and `build(table)`"
        )
