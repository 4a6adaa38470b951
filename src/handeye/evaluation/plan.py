"""What an evaluation runs: tasks × seeds, for one or more settings of the agent."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

ENTROPY = 1_000_003
"""Seeds evaluation episodes; no training scene is drawn from it."""

SPLITS: dict[str, dict[str, Any]] = {
    "all": {},
    "seen": {"held_out": False},
    "unseen-objects": {"held_out": True},
    "unseen-words": {"unseen_words": True},
    "disturbed": {"disturbed": True},
    "dark": {"dark": True},
    "clutter": {"clutter": True},
}
"""What a split changes in the scenes; see `handeye.sims.simulation.simulate`."""


@dataclass(frozen=True)
class Setting:
    """One agent to measure.

    Attributes:
        label: its name in tables.
        vlm: a name for `load_vlm`, or "perfect-eyes", which read the simulator's segmentation.
        planner: a name for `make_planner`, or "random".
        verify: whether it checks what its skills brought about; without, it runs open loop.
    """

    label: str = "agent"
    vlm: str = "embedded"
    planner: str = "embedded"
    verify: bool = True


BASELINES: tuple[Setting, ...] = (
    Setting("perfect eyes", vlm="perfect-eyes"),
    Setting("open loop", verify=False),
    Setting("random planner", planner="random"),
)
"""What the agent is measured against: better eyes, no feedback, no understanding."""


@dataclass(frozen=True)
class Job:
    """One episode to run.

    Attributes:
        task: name or file.
        number: of the episode.
        setting: of the agent.
        split: of the scenes.
        entropy: seeds the episode.
        record: folder for its recording, or None.
    """

    task: str
    number: int
    setting: Setting = Setting()
    split: str = "all"
    entropy: int = ENTROPY
    record: str | None = None

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What tells it from other jobs: label, task, split, entropy, number."""
        return self.setting.label, self.task, self.split, self.entropy, self.number


def episode_seed(task: str, number: int, entropy: int = ENTROPY) -> np.random.SeedSequence:
    """The seed of one episode of one task: the same on any machine, for any order."""
    return np.random.SeedSequence(entropy, spawn_key=(crc32(task.encode()), number))
