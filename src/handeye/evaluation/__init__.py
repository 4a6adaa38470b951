"""Evaluation: tasks × seeds into success rates that one can trust."""

from .plan import BASELINES, ENTROPY, SPLITS, Job, Setting, episode_seed
from .running import evaluate
from .statistics import Comparison, compare, wilson

__all__ = [
    "BASELINES",
    "ENTROPY",
    "SPLITS",
    "Comparison",
    "Job",
    "Setting",
    "compare",
    "episode_seed",
    "evaluate",
    "wilson",
]
