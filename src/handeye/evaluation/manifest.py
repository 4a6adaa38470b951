"""The manifest of an evaluation: what its results were made with."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from handeye.perception.addresses import redacted
from handeye.perception.errors import UserError

from .plan import Job
from .workers import Tasks

FILE = "manifest.json"
_PACKAGES = ("torch", "transformers", "pybullet", "numpy", "scipy", "langgraph")


def make_manifest(
    plan: Sequence[Job], tasks: Tasks, nodes: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Version, commit, weights, seeds and machine, as JSON values.

    Args:
        plan: every job of the evaluation.
        tasks: by name; of those that are written in files a hash is kept.
        nodes: the machines of a cluster, where one was used.
    """
    models = dict.fromkeys(vlm for job in plan if isinstance(vlm := job.setting.vlm, str))
    return {
        "handeye": metadata.version("handeye"),
        "commits": [_commit()],
        "weights": {redacted(name): weights_hash(name) for name in models},
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
        },
        "nodes": list(nodes),
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "seeds": "SeedSequence(entropy, spawn_key=(crc32(task), episode))",
        "entropies": sorted({job.entropy for job in plan}),
        "tasks": list(dict.fromkeys(job.task for job in plan)),
        "task_files": task_hashes(tasks),
        "splits": list(dict.fromkeys(job.split for job in plan)),
        "settings": [s.as_dict() for s in dict.fromkeys(job.setting for job in plan)],
        "episodes": len(plan),
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; empty where it has none."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def write_manifest(folder: Path, made: dict[str, Any]) -> dict[str, Any]:
    """Keep a manifest; where the folder has one, what was made earlier is kept in it.

    Raises UserError where the folder's results were made with other weights or task files.
    """
    before = read_manifest(folder)
    for kind, words in (("weights", "weights of"), ("task_files", "words in the file of task")):
        for name, digest in made[kind].items():
            old = before.get(kind, {}).get(name, digest)
            if old != digest:
                raise UserError(
                    f'{folder} was begun with other {words} "{name}" ({str(old)[:12]}, now '
                    f"{str(digest)[:12]}); another --out begins anew"
                )
    if before:
        commits = dict.fromkeys([*before.get("commits", []), *made["commits"]])
        made = made | {"commits": list(commits), "began": before.get("began", made["began"])}
    (folder / FILE).write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return made


def task_hashes(tasks: Tasks) -> dict[str, str]:
    """SHA-256 of what each task file says, by the task's name; comments do not count."""
    from handeye.sims.tasks.from_file import FileTask

    return {
        name: hashlib.sha256(task.model_dump_json().encode()).hexdigest()
        for name, task in tasks.items()
        if isinstance(task, FileTask)
    }


def weights_hash(vlm: str) -> str | None:
    """SHA-256 over the weights of a model; None where they are not files of this machine."""
    from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT

    folder = CHECKPOINT if vlm == "embedded" else Path(vlm)
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin")])
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def processor() -> str:
    """The name of this machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def _commit() -> str | None:
    """The commit of the checkout that this package lies in, if it lies in one."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() or None
