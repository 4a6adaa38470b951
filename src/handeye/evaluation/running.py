"""evaluate: many episodes into success rates, equal for any number of workers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ..episode import EpisodeResult
from .plan import ENTROPY, Job, Setting
from .report import write_report
from .store import Finished, Store, manifest, write_parquet
from .workers import TIMEOUT_S, run_all

OnEpisode = Callable[[Job, EpisodeResult], None]


def evaluate(
    tasks: Sequence[str],
    episodes: int,
    *,
    vlm: str = "embedded",
    planner: str = "embedded",
    jobs: int = 1,
    entropy: int = ENTROPY,
    split: str = "all",
    baselines: Sequence[Setting] = (),
    out: Path | None = None,
    resume: bool = False,
    record: bool = False,
    timeout_s: float = TIMEOUT_S,
    on_episode: OnEpisode | None = None,
) -> Finished:
    """Run episodes of tasks.

    Args:
        tasks: names or task files.
        episodes: of each task and agent.
        vlm: "embedded", a checkpoint folder, or "perfect-eyes" to measure what perception costs.
        planner: of the agent.
        jobs: worker processes; results do not depend on it.
        entropy: seeds the episodes.
        split: one of `SPLITS`.
        baselines: other agents, on the same seeds.
        out: folder for the results, as they come, and for the report at the end.
        resume: go on with what `out` holds.
        record: record every episode into `out`.
        timeout_s: wall-clock time after which a worker counts as hung.
        on_episode: called in this process as each one ends; for resumed ones at once.

    Returns:
        Every job with its result, in the order of agents, tasks and numbers.

    Raises UserError where `out` holds results and `resume` was not asked for.
    """
    settings = (Setting(vlm=vlm, planner=planner), *baselines)
    plan = [
        Job(task, number, setting, split, entropy, _recording(out, setting, task, number, record))
        for setting in settings
        for task in tasks
        for number in range(episodes)
    ]
    store = Store(out, resume=resume) if out is not None else None
    done = {job.key: (job, result) for job, result in store.finished} if store else {}
    wanted = {job.key for job in plan}
    try:
        for key, (job, result) in done.items():
            if key in wanted and on_episode is not None:
                on_episode(job, result)
        for job, result in run_all([j for j in plan if j.key not in done], jobs, timeout_s):
            done[job.key] = job, result
            if store is not None:
                store.add(job, result)
            if on_episode is not None:
                on_episode(job, result)
    finally:
        finished = [done[job.key] for job in plan if job.key in done]
        if store is not None:
            store.close()
            finish(store.folder, plan, finished)
    return finished


def finish(folder: Path, plan: Sequence[Job], finished: Finished) -> None:
    """Write what is derived from the results: manifest, tables and the report."""
    made = manifest(plan)
    (folder / "manifest.json").write_text(json.dumps(made, indent=2) + "\n")
    write_parquet(finished, folder / "results.parquet")
    write_report(folder, finished, made)


def _recording(
    out: Path | None, setting: Setting, task: str, number: int, record: bool
) -> str | None:
    if out is None or not record:
        return None
    name = f"{Path(task).stem}-{number:04d}"
    return str(out / "episodes" / setting.label.replace(" ", "-") / name)
