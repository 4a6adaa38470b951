"""Missed: the training images in which something has no proposal, from which most is learnt."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handeye.perception.vlm.proposals import ious

from .progress import Bar
from .proposing import Proposals
from .shards import Shards
from .targets import is_seen

_FOUND = 0.5
"""Least overlap of a box over the union with what it is of."""


def with_missed(data: Path, proposals: Path) -> tuple[Shards, npt.NDArray[np.intp]]:
    """The images of which something is proposed, and the numbers of those with something missed."""
    folder = Shards(data, "none", depth=True)
    missed: list[bool] = []
    paths = sorted(
        path for path in data.glob("shard-?????.npz") if (proposals / path.name).exists()
    )
    with Bar("missed", 0, len(paths)) as bar:
        for path in paths:
            first = len(folder)
            folder.pattern = path.name
            folder.refresh()
            proposed = Proposals(proposals, path.name)
            missed += [
                _misses(proposed.boxes(i), folder.objects(first + i)) for i in range(len(proposed))
            ]
            bar.update(0.0)
    return folder, np.flatnonzero(missed)


def _misses(boxes: npt.NDArray[np.float32], objects: list[dict[str, Any]]) -> bool:
    """Whether something that is seen enough has no box."""
    there = [o["box"] for o in objects if o["box"] and is_seen(o)]
    overlaps = ious(np.array(there, np.float32).reshape(-1, 4), boxes)
    return bool((overlaps < _FOUND).all(axis=1).any())
