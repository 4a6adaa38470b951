"""evaluate: many episodes into success rates, equal for any number of workers."""

import json
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from .episode import EpisodeResult, run_episode

ENTROPY = 1_000_003
"""Seeds evaluation episodes; no training scene is drawn from it."""


@dataclass(frozen=True)
class Job:
    """One episode to run: which task, which number, how."""

    task: str
    number: int
    vlm: str = "embedded"
    planner: str = "embedded"
    entropy: int = ENTROPY
    out: str | None = None
    held_out: bool | None = None
    dark: bool = False


def episode_seed(task: str, number: int, entropy: int = ENTROPY) -> np.random.SeedSequence:
    """The seed of one episode of one task: the same on any machine, for any order."""
    return np.random.SeedSequence(entropy, spawn_key=(crc32(task.encode()), number))


def evaluate(
    tasks: Sequence[str],
    episodes: int,
    *,
    vlm: str = "embedded",
    planner: str = "embedded",
    jobs: int = 1,
    entropy: int = ENTROPY,
    out: Path | None = None,
    held_out: bool | None = None,
    dark: bool = False,
    on_episode: Callable[[Job, EpisodeResult], None] | None = None,
) -> dict[str, list[EpisodeResult]]:
    """Run episodes of tasks.

    Args:
        tasks: names or task files.
        episodes: of each task.
        vlm: "embedded", a checkpoint folder, or "perfect-eyes" to measure what perception costs.
        planner: of the agent.
        jobs: worker processes; results do not depend on it.
        entropy: seeds the episodes.
        out: folder that each result is written to as it comes (`results.jsonl`).
        held_out, dark: see `handeye.sims.simulation.simulate`.
        on_episode: called in this process as each one ends.

    Returns:
        Results by task, in the order of their numbers.
    """
    plan = [
        Job(task, number, vlm, planner, entropy, None, held_out, dark)
        for task in tasks
        for number in range(episodes)
    ]
    done: dict[Job, EpisodeResult] = {}
    log = None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        log = (out / "results.jsonl").open("a", encoding="utf-8")
    try:
        for job, result in _run_all(plan, jobs):
            done[job] = result
            if log is not None:
                row = {"task": job.task, "number": job.number, **result.model_dump(mode="json")}
                log.write(json.dumps(row) + "\n")
                log.flush()
            if on_episode is not None:
                on_episode(job, result)
    finally:
        if log is not None:
            log.close()
    return {task: [done[job] for job in plan if job.task == task] for task in tasks}


def wilson(successes: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % confidence interval of a rate (Wilson 1927); (0, 1) for no trials."""
    if count == 0:
        return 0.0, 1.0
    rate, zz = successes / count, z * z
    center = (rate + zz / (2 * count)) / (1 + zz / count)
    half = z / (1 + zz / count) * math.sqrt(rate * (1 - rate) / count + zz / (4 * count**2))
    return max(0.0, center - half), min(1.0, center + half)


def _run_all(plan: list[Job], jobs: int) -> Iterator[tuple[Job, EpisodeResult]]:
    if jobs <= 1:
        _one_thread()
        for job in plan:
            yield job, _run(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_one_thread) as pool:
        futures = {pool.submit(_run, job): job for job in plan}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    """Results must not depend on how sums are split between threads."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


def _run(job: Job) -> EpisodeResult:
    from handeye.sims.perfect_eyes import PerfectEyes
    from handeye.sims.tasks import get_task

    perfect = job.vlm == "perfect-eyes"
    return run_episode(
        get_task(job.task),
        episode_seed(job.task, job.number, job.entropy),
        vlm=_model(job.vlm) if not perfect else None,
        eyes=(lambda simulation: PerfectEyes(simulation.world)) if perfect else None,
        planner=job.planner,
        held_out=job.held_out,
        dark=job.dark,
    )


_MODELS: dict[str, object] = {}


def _model(name: str) -> object:
    """A model is loaded once in each process."""
    from handeye.perception.vlm.load import load_vlm

    if name not in _MODELS:
        _MODELS[name] = load_vlm(name)
    return _MODELS[name]
