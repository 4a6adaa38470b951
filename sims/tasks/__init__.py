"""Tasks: a scene to build, an instruction, and a success test on the simulator's own state."""

from .registry import TASKS, get_task
from .task import Setup, Table, Task

__all__ = ["TASKS", "Setup", "Table", "Task", "get_task"]
