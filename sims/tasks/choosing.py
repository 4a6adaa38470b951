"""Which task to build, from what a user gave."""

from pathlib import Path

from handeye.perception.errors import UserError
from handeye.perception.scene_file import load_scene

from .from_scene import SceneTask
from .instructed import Instructed
from .registry import get_task
from .task import Task

TABLETOP = "a red cup, a blue plate, a green block, a ball and a yellow bowl"
"""What is set out when nothing else is asked for."""


def choose_task(*, task: str | None, scene: str | Path | None, instruction: str | None) -> Task:
    """The task that is named, or the scene of a file, or what an instruction names.

    Raises UserError when both a task and a scene are given.
    """
    if task is not None and scene is not None:
        raise UserError("give either a task or a scene file, not both")
    if task is not None:
        return get_task(task)
    if scene is not None:
        return SceneTask(load_scene(Path(scene)), instruction or "")
    return Instructed(instruction or TABLETOP)
