"""evaluate: many episodes into success rates, equal for any number of workers."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handeye.perception.errors import UserError

from ..episode import EpisodeResult
from .manifest import make_manifest, write_manifest
from .plan import ENTROPY, Job, Setting, name_of, splits_named
from .report import write_report
from .store import Finished, Store
from .suite import check_files, tasks_named
from .workers import TIMEOUT_S, Ended, Tasks, run_here, run_in_processes

if TYPE_CHECKING:
    from handeye.sims.tasks.task import Task

OnEpisode = Callable[[Job, EpisodeResult, bool], None]
"""Takes a job, its result, and whether it was run just now rather than read from a folder."""


def evaluate(
    tasks: "str | Task | Sequence[str | Task]",
    episodes: int,
    *,
    vlm: object = "embedded",
    planner: object = "embedded",
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
        tasks: names, task files, or tasks of one's own; one of them, or several.
        episodes: of each task, split and agent.
        vlm: "embedded", a checkpoint folder, "perfect-eyes" to measure what perception costs, or
            a model of one's own.
        planner: of the agent: a name, or a planner of one's own.
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
            asked for, or they are of other agents, weights, task files or episodes; or what is
            one's own cannot be sent to workers.
        ModelError: the model cannot be used.
    """
    found = tasks_named(tasks)
    splits = splits_named(split)
    eyes = str(vlm) if isinstance(vlm, Path) else vlm
    settings = (Setting(vlm=eyes, planner=planner), *baselines)
    check_files(found.values(), splits)
    _check(episodes, entropy, settings)
    if jobs or ray is not None:
        _check_sendable([*found.values(), *settings])
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
    store = _opened(out, resume, plan) if out is not None else None
    made = make_manifest(plan, found, nodes) if store is not None else {}
    done = {job.key: (job, result) for job, result in store.finished} if store else {}
    try:
        if store is not None:
            made = write_manifest(store.folder, made)
        if on_episode is not None:
            for job, result in done.values():
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


def _check(episodes: int, entropy: int, settings: Sequence[Setting]) -> None:
    """Find out what is wrong before anything runs."""
    from handeye.agents.making import make_planner
    from handeye.perception.perception import Perception

    if episodes < 1:
        raise UserError(f"episodes is a whole number, 1 or more, not {episodes}")
    if entropy < 0:
        raise UserError(f"entropy is a whole number, 0 or more, not {entropy}")
    labels = [setting.label for setting in settings]
    for setting in settings:
        if labels.count(setting.label) > 1:
            raise UserError(f'two agents are labelled "{setting.label}"; label one otherwise')
        if setting.planner != "random":
            make_planner(setting.planner)
        if not isinstance(setting.vlm, str):
            Perception.of(setting.vlm)


def _check_sendable(parts: Sequence[object]) -> None:
    """Raise UserError for a task, model or planner that worker processes cannot be sent."""
    for part in parts:
        of_agent = (part.vlm, part.planner) if isinstance(part, Setting) else (part,)
        for one in of_agent:
            try:
                pickle.dumps(one)
            except Exception as error:  # What pickle raises is any error of any object in it.
                raise UserError(
                    f"{name_of(one)} cannot be sent to worker processes ({error}); right is "
                    "jobs=0, or one that can be pickled"
                ) from error


def _nodes(ray: str | None) -> list[dict[str, Any]]:
    if ray is None:
        return []
    from .cluster import machines

    return machines(ray)


def _opened(out: Path, resume: bool, plan: Sequence[Job]) -> Store:
    """The store of a folder, which has one agent under each label, and only what is planned."""
    store = Store(out, resume=resume)
    labels = {job.setting.label: job.setting for job in plan}
    wanted = {job.key for job in plan}
    for job, _ in store.finished:
        now = labels.get(job.setting.label, job.setting)
        if now != job.setting:
            store.close()
            raise UserError(
                f"{out} was begun with {job.setting}, not with {now}; another --out begins anew"
            )
        if job.key not in wanted:
            store.close()
            raise UserError(
                f"{out} was begun with more than is asked for now: {_begun_with(store.finished)}; "
                "ask for these as well, or name another --out"
            )
    return store


def _begun_with(finished: Finished) -> str:
    """The tasks, splits, agents and episodes of a folder, in words."""
    jobs = [job for job, _ in finished]
    each = {
        "tasks": dict.fromkeys(job.task for job in jobs),
        "splits": dict.fromkeys(job.split for job in jobs),
        "agents": dict.fromkeys(job.setting.label for job in jobs),
        "entropy": dict.fromkeys(str(job.entropy) for job in jobs),
    }
    words = [f"{what} {', '.join(names)}" for what, names in each.items()]
    return "; ".join([*words, f"{max(job.number for job in jobs) + 1} episodes of each"])


def _recording(
    out: Path | None, setting: Setting, split: str, task: str, number: int
) -> str | None:
    if out is None:
        return None
    folder = out.resolve() / "episodes" / setting.label.replace(" ", "-") / split
    return str(folder / f"{task}-{number:04d}")
