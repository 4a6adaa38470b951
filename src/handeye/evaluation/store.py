"""The folder of an evaluation: results as they come."""

import json
from pathlib import Path

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from .plan import Job

RESULTS = "results.jsonl"
Finished = list[tuple[Job, EpisodeResult]]


class Store:
    """Keeps results in a folder; each is flushed as it comes, so that nothing is lost.

    Args:
        folder: made if need be.
        resume: go on with what the folder holds.

    Raises:
        UserError: the folder holds results already, and `resume` was not asked for; or they are
            damaged.
    """

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / RESULTS
        if path.exists() and path.stat().st_size and not resume:
            raise UserError(
                f"{folder} holds results of an evaluation already; --resume goes on with it, "
                "another --out begins anew"
            )
        self.finished: Finished = []
        if path.exists():
            self.finished, whole = _read(path)
            with path.open("r+b") as file:
                file.truncate(whole)  # The last line of a run that was cut off.
        self._log = path.open("a", encoding="utf-8")

    def add(self, job: Job, result: EpisodeResult) -> None:
        """Keep one result."""
        row = {"job": job.as_dict(), "result": result.model_dump(mode="json")}
        self._log.write(json.dumps(row) + "\n")
        self._log.flush()

    def close(self) -> None:
        """Close the file; idempotent."""
        self._log.close()


def read(folder: Path) -> Finished:
    """The results of a folder; raises UserError where there are none, or they are damaged."""
    path = folder / RESULTS
    if not path.is_file():
        raise UserError(f"{folder} holds no results of an evaluation ({RESULTS})")
    return _read(path)[0]


def _read(path: Path) -> tuple[Finished, int]:
    """The results in a file, and the bytes that its whole lines take up."""
    found, whole = [], 0
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            break
        try:
            row = json.loads(line)
            result = EpisodeResult.model_validate(row["result"])
            found.append((Job.from_dict(row["job"]), result))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}, line {number} is no result: {error}") from error
        whole += len(line)
    return found, whole
