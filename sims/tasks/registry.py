"""The tasks by name, in families."""

from collections.abc import Iterable
from pathlib import Path

from handeye.perception.errors import NotFoundError

from .arranging import ARRANGING
from .asking import ASKING
from .charted import CHARTS
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
        elif name in TASKS or is_file(name):
            found.append(name)
        else:
            raise NotFoundError(name, [*sorted(TASKS), *sorted(FAMILIES), ALL], where="tasks")
    return tuple(dict.fromkeys(found))


def is_file(name: str) -> bool:
    """Whether a name is that of a task file."""
    return name.endswith((".yaml", ".yml", ".json"))


def get_task(name: str) -> Task:
    """A built-in task by its name, or the task in a YAML file by its path.

    Raises:
        NotFoundError: no task has this name.
        SceneFileError: the file is missing or broken.
    """
    if is_file(name):
        return load_task(Path(name))
    if name not in TASKS:
        raise NotFoundError(name, sorted(TASKS), where="tasks")
    return TASKS[name]
