"""Comparing two evaluations on the episodes that both hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handeye.perception.errors import UserError

from .manifest import read_manifest
from .statistics import Comparison, compare
from .store import read
from .tables import ALL

_Key = tuple[str, str, int, int]
"""Task, split, entropy and number of an episode."""


@dataclass(frozen=True)
class Run:
    """One agent's outcomes in the folder of an evaluation.

    Attributes:
        folder: of the evaluation.
        agent: its label.
        outcomes: whether each episode succeeded.
    """

    folder: Path
    agent: str
    outcomes: dict[_Key, bool]


def open_run(name: str) -> Run:
    """An agent of a folder: "FOLDER" for its first, or "FOLDER:AGENT".

    Raises UserError for a folder without results, or an agent that it does not hold.
    """
    folder, agent = Path(name), ""
    if not folder.exists() and ":" in name:
        before, _, agent = name.rpartition(":")
        folder = Path(before)
    finished = read(folder)
    agents = list(dict.fromkeys(job.setting.label for job, _ in finished))
    if not agents:
        raise UserError(f"{folder} holds no results yet")
    if agent and agent not in agents:
        raise UserError(f'{folder} has no agent "{agent}"; it has: {", ".join(agents)}')
    chosen = agent or agents[0]
    outcomes = {
        (job.task, job.split, job.entropy, job.number): bool(result.judged)
        for job, result in finished
        if job.setting.label == chosen
    }
    return Run(folder, chosen, outcomes)


def compare_runs(first: Run, second: Run) -> dict[tuple[str, str], Comparison]:
    """Two runs by task and split, and over all tasks of a split; only on shared episodes.

    Raises UserError where they share none.
    """
    common = sorted(set(first.outcomes) & set(second.outcomes))
    if not common:
        raise UserError(
            f"{first.folder} and {second.folder} share no episodes: other tasks, splits or seeds"
        )
    groups: dict[tuple[str, str], list[_Key]] = {}
    for key in common:
        groups.setdefault((key[0], key[1]), []).append(key)
    for split in dict.fromkeys(key[1] for key in common):
        together = [key for key in common if key[1] == split]
        if len({key[0] for key in together}) > 1:
            groups[ALL, split] = together
    return {
        name: compare([first.outcomes[key] for key in keys], [second.outcomes[key] for key in keys])
        for name, keys in groups.items()
    }


def differences(first: Run, second: Run) -> list[str]:
    """What the two were made with that is not the same, in words."""
    a, b = _made_with(first), _made_with(second)
    both = [name for name in a if name in b]
    return [f"{name}: {a[name]} → {b[name]}" for name in both if a[name] != b[name]]


def _made_with(run: Run) -> dict[str, Any]:
    manifest = read_manifest(run.folder)
    settings = {s["label"]: s for s in manifest.get("settings", [])}
    setting = settings.get(run.agent, {})
    weights = manifest.get("weights", {}).get(setting.get("vlm"))
    return {
        "handeye": manifest.get("handeye"),
        "commit": ", ".join(str(c) for c in manifest.get("commits", [])),
        "weights": weights and weights[:12],
        **{name: setting.get(name) for name in ("vlm", "planner", "verify")},
        **{
            f'file of task "{name}"': digest[:12]
            for name, digest in manifest.get("task_files", {}).items()
        },
        "machine": manifest.get("machine", {}).get("processor"),
    }
