"""evaluate: many episodes into success rates, equal for any number of workers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from .manifest import make_manifest, write_manifest
from .plan import ENTROPY, SPLITS, Job, Setting
from .report import write_report
from .store import Finished, Store
from .suite import tasks_named
from .workers import TIMEOUT_S, Ended, Tasks, run_here, run_in_processes

OnEpisode = Callable[[Job, EpisodeResult, bool], None]
"""Takes a job, its result, and whether it was run just now rather than read from a folder."""


def evaluate(
    tasks: Sequence[str],
    episodes: int,
    *,
    vlm: str = "embedded",
    planner: str = "embedded",
    jobs: int = 0,
    ray: str | None = None,
    entropy: int = ENTROPY,
    split: str | Sequence[str] = "all",
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
        episodes: of each task, split and agent.
        vlm: "embedded", a checkpoint folder, or "perfect-eyes" to measure what perception costs.
        planner: of the agent.
        jobs: worker processes; results do not depend on it. 0 runs the episodes in this process,
            which one that crashes or hangs takes with it.
        ray: address of a Ray cluster to run on instead, see `run_on_ray`.
        entropy: seeds the episodes.
        split: one of `SPLITS`, or several.
        baselines: other agents, on the same seeds.
        out: folder for the results, as they come, and for the report at the end.
        resume: go on with what `out` holds.
        record: record every episode into `out`.
        timeout_s: wall-clock time after which a worker counts as hung.
        on_episode: called in this process as each one ends; for resumed ones at once.

    Returns:
        Every job with its result, in the order of agents, splits, tasks and numbers.

    Raises:
        UserError: something asked for does not exist, or `out` holds results and `resume` was not
            asked for, or they are of other agents or weights.
        ModelError: the model cannot be used.
    """
    found = tasks_named(tasks)
    splits = (split,) if isinstance(split, str) else tuple(split)
    settings = (Setting(vlm=vlm, planner=planner), *baselines)
    _check(splits, settings)
    plan = [
        Job(name, number, setting, part, entropy, _recording(out, setting, part, name, number))
        if record
        else Job(name, number, setting, part, entropy)
        for setting in settings
        for part in splits
        for name in found
        for number in range(episodes)
    ]
    nodes = _nodes(ray)
    store = _opened(out, resume, settings) if out is not None else None
    made = make_manifest(plan, nodes) if store is not None else {}
    done = {job.key: (job, result) for job, result in store.finished} if store else {}
    wanted = {job.key for job in plan}
    try:
        if store is not None:
            made = write_manifest(store.folder, made)
        for key, (job, result) in done.items():
            if key in wanted and on_episode is not None:
                on_episode(job, result, False)
        left = [job for job in plan if job.key not in done]
        for job, ended in _engine(left, found, jobs, ray, timeout_s):
            result = ended.model_copy(update={"task": job.task})
            done[job.key] = job, result
            if store is not None:
                store.add(job, result)
            if on_episode is not None:
                on_episode(job, result, True)
    finally:
        finished = [done[job.key] for job in plan if job.key in done]
        if store is not None:
            store.close()
            if finished:
                write_report(store.folder, finished, made)
    return finished


def _engine(
    plan: Sequence[Job], tasks: Tasks, jobs: int, ray: str | None, timeout_s: float
) -> Ended:
    if ray is not None:
        from .cluster import run_on_ray

        return run_on_ray(plan, tasks, ray, timeout_s)
    return run_in_processes(plan, tasks, jobs, timeout_s) if jobs else run_here(plan, tasks)


def _check(splits: Sequence[str], settings: Sequence[Setting]) -> None:
    """Find out what is wrong before anything runs."""
    from handeye.agents.making import make_planner

    for part in splits:
        if part not in SPLITS:
            raise UserError(f'there is no split "{part}"; there are {", ".join(SPLITS)}')
    for setting in settings:
        if setting.planner != "random":
            make_planner(setting.planner)


def _nodes(ray: str | None) -> list[dict[str, Any]]:
    if ray is None:
        return []
    from .cluster import machines

    return machines(ray)


def _opened(out: Path, resume: bool, settings: Sequence[Setting]) -> Store:
    """The store of a folder, which has one agent under each label."""
    store = Store(out, resume=resume)
    labels = {setting.label: setting for setting in settings}
    for job, _ in store.finished:
        now = labels.get(job.setting.label, job.setting)
        if now != job.setting:
            store.close()
            raise UserError(
                f"{out} was begun with {job.setting}, not with {now}; another --out begins anew"
            )
    return store


def _recording(
    out: Path | None, setting: Setting, split: str, task: str, number: int
) -> str | None:
    if out is None:
        return None
    folder = out.resolve() / "episodes" / setting.label.replace(" ", "-") / split
    return str(folder / f"{task}-{number:04d}")
