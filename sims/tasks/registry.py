"""The tasks by name, in families; built in, and from installed packages."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from handeye.perception.errors import NotFoundError, UserError
from handeye.skills.plugging import offered

from .arranging import ARRANGING
from .asking import ASKING
from .charted import CHARTS
from .checks import check_name, check_task
from .from_file import load_task
from .grab import Grab
from .handling import HANDLING
from .opening import Opening, Stowing
from .push import Push
from .put import PutBeside, PutIn, PutOn, Stack
from .relations import RELATIONS
from .several import SEVERAL
from .steps import STEPS
from .task import Task

FAMILIES: dict[str, tuple[Task, ...]] = {
    "grabbing": (Grab(), Grab(color="red", category="cup", name="grab_red_cup")),
    "putting": (PutOn(), PutIn(), PutBeside(), Stack()),
    "handling": (Push(), *HANDLING),
    "opening": (
        Opening("drawer", True, name="open_drawer"),
        Opening("drawer", False, name="close_drawer"),
        Opening("fridge", True, name="open_fridge"),
        Opening("fridge", False, name="close_fridge"),
        Stowing("drawer", 1, name="stow_in_drawer"),
        Stowing("drawer", 2, name="stow_two_in_drawer"),
        Stowing("fridge", 1, name="stow_in_fridge"),
    ),
    "relations": RELATIONS,
    "several": SEVERAL,
    "arranging": ARRANGING,
    "steps": STEPS,
    "asking": ASKING,
    "charts": CHARTS,
}
"""The built-in tasks by family."""
TASKS: dict[str, Task] = {task.name: task for tasks in FAMILIES.values() for task in tasks}
"""The built-in tasks by name."""
ALL = "all"
"""Stands for every built-in task."""


@lru_cache(maxsize=1)
def installed() -> dict[str, Task]:
    """The tasks of installed packages by name, from entry points of "handeye.tasks".

    One that is broken, or named as a built-in one, is left out, which the logger "handeye" is told
    once.
    """
    return offered("handeye.tasks", "task", _must_be_new)


def _must_be_new(task: Task) -> None:
    check_task(task)
    check_name(task.name)
    if task.name in {*TASKS, *FAMILIES, ALL}:
        raise UserError(f'"{task.name}" is built in; give it another name')


def task_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names of tasks, where a family, or "all", stands for the tasks in it; each once.

    Raises NotFoundError for what is no task, no family and no file's name.
    """
    found: list[str] = []
    for name in names:
        if name == ALL:
            found += TASKS
        elif name in FAMILIES:
            found += [task.name for task in FAMILIES[name]]
        elif name in TASKS or is_file(name) or name in installed():
            found.append(name)
        else:
            known = [*sorted(TASKS | installed()), *sorted(FAMILIES), ALL]
            raise NotFoundError(name, known, where="tasks")
    return tuple(dict.fromkeys(found))


def is_file(name: str) -> bool:
    """Whether a name is that of a task file."""
    return name.endswith((".yaml", ".yml", ".json"))


def get_task(name: str) -> Task:
    """A built-in or installed task by its name, or the task in a YAML file by its path.

    Raises:
        NotFoundError: no task has this name.
        SceneFileError: the file is missing or broken.
    """
    if is_file(name):
        return load_task(Path(name))
    task = TASKS.get(name) or installed().get(name)
    if task is None:
        raise NotFoundError(name, sorted(TASKS | installed()), where="tasks")
    return task
