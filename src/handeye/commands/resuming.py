"""Going on with the thread of an earlier run: what its folder keeps for that."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from handeye.perception.errors import UserError

from ..recording import ASKED, THREAD


class Asked(BaseModel):
    """What a run was asked for at first.

    Attributes:
        instruction: None for the task's own.
        seed, task, scene, robot: where; as `connect` takes them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    instruction: str | None
    seed: int
    task: str | None
    robot: str
    scene: str | None


def open_thread(folder: Path, thread: str) -> Asked:
    """What the run of a thread was asked for; nothing in its folder is touched.

    Raises:
        UserError: there is no such thread, it has ended, or the folder's files are damaged.
    """
    asked, checkpoints = folder / ASKED, folder / THREAD
    if not asked.is_file() or not checkpoints.is_file():
        raise UserError(
            f"there is no thread to resume in {folder}; give the earlier run's folder with --out"
        )
    try:
        place = Asked.model_validate_json(asked.read_bytes())
    except ValidationError as error:
        raise UserError(f"{asked} is damaged: {error.errors()[0]['msg']}") from error
    try:
        found, known = _read(checkpoints, thread)
    except (sqlite3.Error, ValueError, LookupError) as error:
        raise damaged(checkpoints, error) from error
    if found is None:
        raise UserError(
            f'there is no thread "{thread}" in {folder}; there is: {", ".join(known) or "none"}'
        )
    ended = found.checkpoint["channel_values"].get("status")
    waits = any(channel == "__interrupt__" for _, channel, _ in found.pending_writes or ())
    if ended and not waits:
        raise UserError(
            f'the thread "{thread}" has ended: {ended}; without --resume a new run begins'
        )
    return place


def damaged(checkpoints: Path, error: Exception) -> UserError:
    """What is said of a file of checkpoints that cannot be read."""
    return UserError(f"{checkpoints} is damaged: {error}")


def _read(checkpoints: Path, thread: str) -> tuple[Any, Sequence[str]]:
    """The latest checkpoint of a thread, or None; and the threads that there are."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with TemporaryDirectory() as scratch:
        # SQLite leaves files beside what it only reads; after a crash the latest are in "-wal".
        for path in (checkpoints, checkpoints.with_name(f"{checkpoints.name}-wal")):
            if path.exists():
                shutil.copy(path, scratch)
        with closing(sqlite3.connect(Path(scratch) / checkpoints.name)) as file:
            rows = file.execute("SELECT DISTINCT thread_id FROM checkpoints").fetchall()
            found = SqliteSaver(file).get_tuple({"configurable": {"thread_id": thread}})
    return found, [str(name) for (name,) in rows]
