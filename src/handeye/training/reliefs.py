"""Training of the relief: what a depth camera adds to what a gaze says; see `shapes`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from handeye.perception.vlm.closer_looks import Glimpse, Look, Relief
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .fitting import Fitting
from .glimpses import Glimpses, glimpses_of, wrongness
from .shapes import Taught, drawn_once, teach, told_alone
from .truths import NO_NAME, UNASKED

FITTING = Fitting(steps=6000, images=256, learning_rate=3e-3)


@dataclass(frozen=True, eq=False)
class Gazed:
    """N proposals, with what a gaze sees and says of them.

    Attributes:
        seen: [N, SEEN], see `Glimpse`.
        said: of them.
        truth: of them, without crops.
    """

    seen: Tensor
    said: Look[Tensor]
    truth: Glimpses

    def at(self, which: Tensor) -> "Gazed":
        """Some of them, by their numbers."""
        assert self.truth.deep is not None
        relief, *others = (part[which].float() for part in self.truth.deep)
        relief = relief.contiguous(memory_format=torch.channels_last)
        told = {name: getattr(self.truth, name)[which] for name in _TOLD}
        truth = replace(self.truth, **told, deep=(relief, others[0], others[1]))
        return Gazed(self.seen[which].float(), self.said.at(which), truth)


_TOLD = ("crops", "sizes", "categories", "colors", "held", "opened", "there", "shift")


def train_relief(
    relief: Relief,
    gaze: Glimpse,
    data: Path,
    proposals: Path,
    out: Path,
    config: HandeyeConfig,
    fitting: Fitting = FITTING,
) -> Relief:
    """Train a relief, or go on training; returns the averaged weights.

    Args:
        relief: with the weights to begin with.
        gaze: to what it says something is added; used as it is.
        data: folder of shards with depth; of each of their proposals 6 kB are kept in memory.
        proposals: folder of what is proposed of them, see `proposing`.
        out: folder for `relief.pt` (state) and `relief.jsonl` (curves).
        config: for the normalisation of images.
        fitting: steps and rates; `images` are proposals here.
    """
    looked = gazed(gaze, data, proposals, config, fitting)
    return teach(relief, len(config.categories), looked, _judge, out, "relief", fitting)


def gazed(
    gaze: Glimpse, data: Path, proposals: Path, config: HandeyeConfig, fitting: Fitting
) -> Gazed:
    """All proposals of a folder, each looked at once, changed as for the training of a gaze."""
    rng = np.random.default_rng([fitting.seed, 5])
    gaze.eval()
    parts = [
        _gazed(gaze, glimpses_of(drawn, config, rng, gaze, deep=True), fitting)
        for drawn in drawn_once(data, proposals, "depth")
    ]
    truths = [part.truth for part in parts]
    deep = zip(*(cast(tuple[Tensor, ...], truth.deep) for truth in truths), strict=True)
    told = {name: torch.cat([getattr(truth, name) for truth in truths]) for name in _TOLD}
    truth = replace(truths[0], **told, deep=cast(Any, tuple(map(torch.cat, deep))))
    said = (torch.cat(told) for told in zip(*(part.said for part in parts), strict=True))
    return Gazed(torch.cat([part.seen for part in parts]), Look(*said), truth)


def _gazed(gaze: Glimpse, batch: Glimpses, fitting: Fitting) -> Gazed:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fitting.half):
        seen = gaze.seen(batch.crops, batch.sizes, batch.around)
        said = gaze.said(seen)
    assert batch.deep is not None
    relief, extents, known = batch.deep
    # What is hidden has a name that nobody can tell.
    told = batch.there != UNASKED
    truth = replace(
        batch,
        crops=batch.crops[:, :0],
        around=None,
        categories=torch.where(told, batch.categories, NO_NAME),
        deep=(relief.half(), extents, known),
    )
    return Gazed(seen.half(), said, truth)


def _judge(taught: Taught[Relief], batch: Gazed) -> tuple[Tensor, dict[str, float]]:
    more, alone = taught(batch.seen, *cast(Any, batch.truth.deep))
    loss, figures = wrongness(batch.said.plus(more), batch.truth)
    lone = told_alone(alone, batch.truth.categories)
    return loss + lone, figures | {"alone": lone.item()}
