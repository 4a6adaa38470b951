"""Evaluation: tasks × seeds into success rates that one can trust."""

from .comparing import Run, compare_runs, open_run
from .plan import BASELINES, ENTROPY, SPLITS, Job, Setting, episode_seed
from .running import evaluate
from .statistics import Comparison, compare, wilson

__all__ = [
    "BASELINES",
    "ENTROPY",
    "SPLITS",
    "Comparison",
    "Job",
    "Run",
    "Setting",
    "compare",
    "compare_runs",
    "episode_seed",
    "evaluate",
    "open_run",
    "wilson",
]
