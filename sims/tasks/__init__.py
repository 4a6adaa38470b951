"""Tasks: a scene to build, an instruction, and a success test on the simulator's own state."""

from .registry import FAMILIES, TASKS, get_task, installed, task_names
from .task import Setup, Table, Task

__all__ = ["FAMILIES", "TASKS", "Setup", "Table", "Task", "get_task", "installed", "task_names"]
