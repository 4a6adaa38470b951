"""What an evaluation runs: tasks × seeds, for one or more settings of the agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np

from handeye.perception.addresses import redacted
from handeye.perception.errors import UserError

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


def splits_named(names: str | Sequence[str]) -> tuple[str, ...]:
    """Splits by their names, several with commas between them; each once.

    Raises UserError for one that there is not.
    """
    given = (names,) if isinstance(names, str) else names
    found = dict.fromkeys(part.strip() for one in given for part in one.split(","))
    for part in found:
        if part not in SPLITS:
            raise UserError(f'there is no split "{part}"; there are {", ".join(SPLITS)}')
    return tuple(found)


@dataclass(frozen=True, eq=False, repr=False)
class Setting:
    """One agent to measure. Two are equal that are called the same and do the same.

    Attributes:
        label: its name in tables.
        vlm: a name for `load_vlm`; "perfect-eyes", which read the simulator's segmentation; or a
            model of one's own.
        planner: a name for `make_planner`, "random", or a planner of one's own.
        verify: whether it checks what its skills brought about; without, it runs open loop.
    """

    label: str = "agent"
    vlm: object = "embedded"
    planner: object = "embedded"
    verify: bool = True

    def as_dict(self) -> dict[str, Any]:
        """It as JSON values; of what is one's own, the name of its class."""
        return {
            "label": self.label,
            "vlm": name_of(self.vlm),
            "planner": name_of(self.planner),
            "verify": self.verify,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().values()))

    def __repr__(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in self.as_dict().items())


def name_of(part: object) -> str:
    """What a model or planner is called: the name that it was given by, or its class's.

    Of an address without the secrets that may be in it: this is what is written down.
    """
    return redacted(part) if isinstance(part, str) else type(part).__name__


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

    def as_dict(self) -> dict[str, Any]:
        """It as JSON values."""
        return {
            "task": self.task,
            "number": self.number,
            "setting": self.setting.as_dict(),
            "split": self.split,
            "entropy": self.entropy,
            "record": self.record,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Job":
        """A job from what `as_dict` gave; raises KeyError or TypeError for anything else."""
        return cls(**{**values, "setting": Setting(**values["setting"])})


def episode_seed(task: str, number: int, entropy: int = ENTROPY) -> np.random.SeedSequence:
    """The seed of one episode of one task: the same on any machine, for any order."""
    return np.random.SeedSequence(entropy, spawn_key=(crc32(task.encode()), number))
