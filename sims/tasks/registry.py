"""The tasks by name."""

from pathlib import Path

from handeye.perception.errors import NotFoundError

from .from_file import load_task
from .grab import Grab
from .opening import Opening
from .push import Push
from .put import PutBeside, PutIn, PutOn, Stack
from .task import Task
from .told import TOLD

_BUILT_IN: tuple[Task, ...] = (
    Grab(),
    Grab(color="red", category="cup", name="grab_red_cup"),
    PutOn(),
    PutIn(),
    PutBeside(),
    Stack(),
    Push(),
    Opening("drawer", True, name="open_drawer"),
    Opening("drawer", False, name="close_drawer"),
    Opening("fridge", True, name="open_fridge"),
    Opening("fridge", False, name="close_fridge"),
    *TOLD,
)
TASKS: dict[str, Task] = {task.name: task for task in _BUILT_IN}
"""The built-in tasks by name."""


def get_task(name: str) -> Task:
    """A built-in task by its name, or the task in a YAML file by its path.

    Raises:
        NotFoundError: no task has this name.
        SceneFileError: the file is missing or broken.
    """
    if name.endswith((".yaml", ".yml", ".json")):
        return load_task(Path(name))
    if name not in TASKS:
        raise NotFoundError(name, sorted(TASKS), where="tasks")
    return TASKS[name]
