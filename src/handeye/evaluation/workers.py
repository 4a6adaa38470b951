"""Workers: episodes in processes of their own; one that dies or hangs costs a retry, no more."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from typing import Any

from ..episode import EpisodeResult, run_episode
from .plan import SPLITS, Job, episode_seed

TIMEOUT_S = 600.0
"""Wall-clock time after which an episode counts as hung."""
_TRIES = 2


def run_all(
    plan: Sequence[Job], jobs: int, timeout_s: float = TIMEOUT_S
) -> Iterator[tuple[Job, EpisodeResult]]:
    """Run jobs and yield each with its result, in the order in which they end.

    A worker that dies or hangs is replaced, and its episode tried once more; what is lost twice,
    or raises an error, comes back as a failed episode that says so.
    """
    if jobs <= 1:
        prepare()
        for job in plan:
            try:
                yield job, run_job(job)
            except Exception as error:
                yield job, _lost(job, error)
        return
    import multiprocessing

    from pebble import ProcessExpired, ProcessPool

    context = multiprocessing.get_context("spawn")
    pool: Any
    with ProcessPool(max_workers=jobs, context=context, initializer=prepare) as pool:
        tries = dict.fromkeys(plan, 1)
        running: dict[Any, Job] = {
            pool.schedule(run_job, args=[job], timeout=timeout_s): job for job in plan
        }
        try:
            while running:
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    problem = future.exception()
                    if problem is None:
                        yield job, future.result()
                    elif tries[job] < _TRIES and isinstance(problem, ProcessExpired | TimeoutError):
                        tries[job] += 1
                        again = pool.schedule(run_job, args=[job], timeout=timeout_s)
                        running[again] = job
                    else:
                        yield job, _lost(job, problem)
        except BaseException:
            for future in running:
                future.cancel()
            pool.stop()
            raise


def prepare() -> None:
    """Results must not depend on how sums are split between threads."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)


def run_job(job: Job) -> EpisodeResult:
    """Run one episode in this process."""
    from pathlib import Path

    from handeye.sims.perfect_eyes import PerfectEyes
    from handeye.sims.tasks import get_task

    from .baselines import RandomPlanner

    setting = job.setting
    seed = episode_seed(job.task, job.number, job.entropy)
    perfect = setting.vlm == "perfect-eyes"
    return run_episode(
        get_task(job.task),
        seed,
        vlm=_model(setting.vlm) if not perfect else None,
        eyes=(lambda simulation: PerfectEyes(simulation.world)) if perfect else None,
        planner=RandomPlanner(seed) if setting.planner == "random" else setting.planner,
        verify=setting.verify,
        out=Path(job.record) if job.record else None,
        **SPLITS[job.split],
    )


def _lost(job: Job, error: BaseException) -> EpisodeResult:
    from pebble import ProcessExpired

    what = f"the episode failed: {type(error).__name__}: {error}"
    if isinstance(error, ProcessExpired | TimeoutError):
        word = "hung" if isinstance(error, TimeoutError) else "died"
        what = f"the episode's worker {word}, {_TRIES} times"
    return EpisodeResult(
        task=job.task,
        instruction="",
        status="failed",
        reason=what,
        judged=False,
        seconds={"all": 0.0},
    )


_MODELS: dict[str, object] = {}


def _model(name: str) -> object:
    """A model is loaded once in each process."""
    from handeye.perception.vlm.load import load_vlm

    if name not in _MODELS:
        _MODELS[name] = load_vlm(name)
    return _MODELS[name]
