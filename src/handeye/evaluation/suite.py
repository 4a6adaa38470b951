"""Suites: which tasks an evaluation runs, by name, by file, or as a file of several."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handeye.perception.errors import SceneFileError, UserError
from handeye.perception.yaml_file import read_yaml

from .plan import SPLITS

if TYPE_CHECKING:
    from handeye.sims.tasks.task import Task

FILES = (".yaml", ".yml", ".json")


class Suite(BaseModel):
    """A suite as written in a file; what it leaves out is left to the command.

    Attributes:
        tasks: names, families, or task files, which are looked for beside the suite's own.
        episodes: of each task, split and agent.
        splits: of the scenes.
        entropy: seeds the episodes.
        vlm, planner: of the agent.
        baselines: whether the baselines are measured too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    episodes: Annotated[int, Field(ge=1)] | None = None
    splits: tuple[str, ...] | None = None
    entropy: Annotated[int, Field(ge=0)] | None = None
    vlm: str | None = None
    planner: str | None = None
    baselines: bool | None = None


def load_suite(path: Path) -> Suite | None:
    """The suite in a file; None where the file is that of a single task.

    Raises SceneFileError naming the file, the place and what is wrong.
    """
    data = read_yaml(path, "suite")
    if not isinstance(data, dict) or "tasks" not in data:
        return None
    try:
        suite = Suite.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SceneFileError(f"suite {path}, {place}: {first['msg']}") from error
    beside = tuple(str(path.parent / t) if t.endswith(FILES) else t for t in suite.tasks)
    return suite.model_copy(update={"tasks": beside})


def tasks_named(wanted: "str | Task | Sequence[str | Task]") -> "dict[str, Task]":
    """Tasks by the names under which they are seeded and reported.

    A task file's name is its own, not its path: it is the same episode on any machine.

    Args:
        wanted: names, families, files, or tasks of one's own; one of them, or several.

    Raises:
        NotFoundError: a task does not exist.
        SceneFileError: a file is missing or broken.
        UserError: two different tasks have one name, or one cannot be measured.
    """
    from handeye.sims.tasks import get_task, task_names
    from handeye.sims.tasks.checks import check_name, check_task

    several = wanted if isinstance(wanted, list | tuple) else (wanted,)
    found: dict[str, Task] = {}
    for one in several:
        named = map(get_task, task_names([one])) if isinstance(one, str) else (one,)
        for task in named:
            check_task(task)
            check_name(task.name)
            if found.get(task.name, task) != task:
                raise UserError(f'two different tasks are named "{task.name}"; rename one of them')
            found[task.name] = task
    return found


def check_files(tasks: "Iterable[Task]", splits: Sequence[str]) -> None:
    """Raise UserError for a task file that has no goal, or cannot vary in a split."""
    from handeye.sims.tasks.from_file import FileTask

    for task in tasks:
        if not isinstance(task, FileTask):
            continue
        if not task.goal:
            raise UserError(
                f'the file of task "{task.name}" has no goal: nothing says whether it is reached'
            )
        for split in splits:
            changed = SPLITS[split]
            fixed = "its instruction" if "unseen_words" in changed else ""
            if "held_out" in changed and not task.distractors:
                fixed = "its objects"
            if fixed:
                raise UserError(
                    f'the file of task "{task.name}" fixes {fixed}: it is the same in the split '
                    f'"{split}"; measure it in others'
                )
