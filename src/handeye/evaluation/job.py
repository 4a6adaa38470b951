"""One job of an evaluation, run in the process that it was given to."""

import os
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from handeye.perception.errors import ModelError, UserError

from ..episode import EpisodeResult, run_episode
from ..quiet import import_simulator
from .plan import SPLITS, Job, episode_seed

if TYPE_CHECKING:
    from handeye.sims.tasks.task import Task

TRIES = 2
"""How often an episode is tried whose worker dies or hangs."""
_MODELS: dict[str, object] = {}


def prepare() -> None:
    """Results must not depend on how sums are split between threads."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import_simulator()
    import torch

    torch.set_num_threads(1)


def run_job(job: Job, task: "Task") -> EpisodeResult:
    """Run one episode in this process.

    Raises:
        ModelError: its model cannot be used.
        UserError: the task sets out what cannot be judged.
    """
    from handeye.sims.perfect_eyes import PerfectEyes

    from .baselines import RandomPlanner

    setting = job.setting
    seed = episode_seed(job.task, job.number, job.entropy)
    perfect = setting.vlm == "perfect-eyes"
    result = run_episode(
        task,
        seed,
        vlm=_model(setting.vlm) if not perfect else None,
        eyes=(lambda simulation: PerfectEyes(simulation.world)) if perfect else None,
        planner=RandomPlanner(seed) if setting.planner == "random" else setting.planner,
        verify=setting.verify,
        out=Path(job.record) if job.record else None,
        **SPLITS[job.split],
    )
    if result.judged is None:
        raise UserError(f'the task "{job.task}" has no goal: nothing says whether it is reached')
    return result


def failed(error: BaseException) -> EpisodeResult:
    """The result of an episode that raised; an error that would meet every episode is raised."""
    cause = getattr(error, "cause", None)
    told = cause if isinstance(cause, Exception) else error  # Ray wraps what its workers raise.
    if isinstance(told, BrokenExecutor):
        raise UserError("the worker processes do not start; with --jobs 0 one sees why") from told
    if isinstance(told, ModelError) or type(told) is UserError:
        raise told
    return broken(f"the episode failed: {type(told).__name__}: {told}")


def broken(reason: str) -> EpisodeResult:
    """The result of an episode that came to no end of its own."""
    return EpisodeResult(
        task="", instruction="", status="failed", reason=reason, judged=False, seconds={"all": 0.0}
    )


def _model(name: object) -> object:
    """A model is loaded once in each process; one of one's own is there already."""
    from handeye.perception.vlm.load import load_vlm

    if not isinstance(name, str):
        return name
    if name not in _MODELS:
        _MODELS[name] = load_vlm(name)
    return _MODELS[name]
