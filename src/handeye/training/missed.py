"""Missed: the training images in which something has no proposal, from which most is learnt."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handeye.perception.errors import UserError
from handeye.perception.vlm.proposals import ious

from .proposing import Proposals
from .shards import Shards
from .targets import is_seen

_FOUND = 0.5
"""Least overlap of a box over the union with what it is of."""


def with_missed(data: Path, proposals: Path) -> tuple[Shards, npt.NDArray[np.intp]]:
    """All images of a folder with their depth, and the numbers of those with something missed.

    Raises:
        UserError: some have no depth, or the proposals are not of these images.
    """
    shards, proposed = Shards(data, depth=True), Proposals(proposals)
    if not shards.all_deep():
        raise UserError(f"some of the shards in {data} have no depth; render them anew")
    if len(proposed) != len(shards):
        raise UserError(
            f"{proposals} has proposals of {len(proposed)} images, but {data} has {len(shards)}; "
            "propose anew"
        )
    missed = [_misses(proposed.boxes(i), shards.objects(i)) for i in range(len(shards))]
    return shards, np.flatnonzero(missed)


def _misses(boxes: npt.NDArray[np.float32], objects: list[dict[str, Any]]) -> bool:
    """Whether something that is seen enough has no box."""
    there = [o["box"] for o in objects if o["box"] and is_seen(o)]
    overlaps = ious(np.array(there, np.float32).reshape(-1, 4), boxes)
    return bool((overlaps < _FOUND).all(axis=1).any())
