"""The folder of an evaluation: results as they come, and what they were made with."""

import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from .plan import Job, Setting

RESULTS = "results.jsonl"
Finished = list[tuple[Job, EpisodeResult]]


class Store:
    """Keeps results in a folder; each is flushed as it comes, so that nothing is lost.

    Args:
        folder: made if need be.
        resume: go on with what the folder holds.

    Raises:
        UserError: the folder holds results already, and `resume` was not asked for.
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
        self.finished = read(folder) if path.exists() else []
        self._log = path.open("a", encoding="utf-8")

    def add(self, job: Job, result: EpisodeResult) -> None:
        """Keep one result."""
        row = {"job": asdict(job), "result": result.model_dump(mode="json")}
        self._log.write(json.dumps(row) + "\n")
        self._log.flush()

    def close(self) -> None:
        """Close the file; idempotent."""
        self._log.close()


def read(folder: Path) -> Finished:
    """The results of a folder; raises UserError where there are none, or they are damaged."""
    path = folder / RESULTS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{folder} holds no results of an evaluation ({RESULTS})") from error
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            setting = Setting(**row["job"].pop("setting"))
            job = Job(setting=setting, **row["job"])
            found.append((job, EpisodeResult.model_validate(row["result"])))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break  # The last line of a run that was cut off.
            raise UserError(f"{path}, line {number} is no result: {error}") from error
    return found


def manifest(plan: Sequence[Job]) -> dict[str, Any]:
    """What the results were made with: version, commit, weights, seeds, machine."""
    from handeye.perception.vlm.embedded import CHECKPOINT

    weights = hashlib.sha256((CHECKPOINT / "model.safetensors").read_bytes()).hexdigest()
    versions = {name: metadata.version(name) for name in ("torch", "pybullet", "numpy")}
    return {
        "handeye": metadata.version("handeye"),
        "commit": _commit(),
        "weights": weights,
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"system": platform.platform(), "processor": _processor()},
        "entropies": sorted({job.entropy for job in plan}),
        "tasks": list(dict.fromkeys(job.task for job in plan)),
        "splits": list(dict.fromkeys(job.split for job in plan)),
        "settings": [asdict(setting) for setting in dict.fromkeys(job.setting for job in plan)],
        "episodes": len(plan),
    }


def write_parquet(finished: Finished, path: Path) -> bool:
    """One row an episode; False where pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        return False
    pq.write_table(pa.Table.from_pylist([flat(job, result) for job, result in finished]), path)
    return True


def flat(job: Job, result: EpisodeResult) -> dict[str, Any]:
    """A result as one flat row."""
    from .failures import failed_at

    return {
        "agent": job.setting.label,
        "task": job.task,
        "split": job.split,
        "entropy": job.entropy,
        "number": job.number,
        "instruction": result.instruction,
        "status": result.status,
        "judged": bool(result.judged),
        "failed_at": failed_at(result),
        "reason": result.reason or result.question,
        "steps": len(result.skills),
        "retries": sum(step.verified not in ("yes", None) for step in result.skills),
        "simulated_s": result.simulated_s,
        **{f"{stage}_s": seconds for stage, seconds in result.seconds.items()},
        **{f"calls_{verb}": count for verb, count in result.calls.items()},
        "recording": result.recording,
    }


def _commit() -> str | None:
    """The commit of the checkout that this package lies in, if it lies in one."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
