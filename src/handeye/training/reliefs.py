"""Training of the relief: what a depth camera adds to what a gaze says.

The gaze stays as it is: cameras without depth see what they saw before. So each proposal is looked
at once, and what the gaze sees and says of it is kept.

A gaze is mostly right, so that what is still to be added teaches little about shapes. Therefore
shapes have to tell the category alone, too, while they learn (an auxiliary classifier, as those of
Szegedy et al. 2015): 1 000 steps with it do what 11 000 do without.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handeye.perception.vlm.closer_looks import Glimpse, Look, Relief
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .fitting import Fitting, fit
from .glimpses import NO_NAME, UNASKED, Glimpses, glimpses_of, wrongness
from .progress import Bar
from .proposing import Proposals
from .shards import Shards

AT_ONCE = 50
"""Images whose closer looks are made together."""
ALONE = 1.0
"""Weight of what shapes tell alone."""
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

    def make(step: int) -> Gazed:
        rng = np.random.default_rng([fitting.seed, 4, step])
        return looked.at(torch.from_numpy(rng.integers(len(looked.seen), size=fitting.images)))

    taught = fit(_Taught(relief, len(config.categories)), make, _judge, out, "relief", fitting)
    return taught.relief


def gazed(
    gaze: Glimpse, data: Path, proposals: Path, config: HandeyeConfig, fitting: Fitting
) -> Gazed:
    """All proposals of a folder, each looked at once, changed as for the training of a gaze."""
    rng = np.random.default_rng([fitting.seed, 5])
    paths = sorted(
        path for path in data.glob("shard-?????.npz") if (proposals / path.name).exists()
    )
    parts: list[Gazed] = []
    gaze.eval()
    with Bar("depth", 0, len(paths)) as bar:
        for path in paths:
            images = Shards(data, path.name, depth=True)
            proposed = Proposals(proposals, path.name)
            for first in range(0, len(images), AT_ONCE):
                some = range(first, min(first + AT_ONCE, len(images)))
                drawn = [(images[i], proposed[i]) for i in some]
                parts.append(
                    _gazed(gaze, glimpses_of(drawn, config, rng, gaze, deep=True), fitting)
                )
            bar.update(0.0)
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


class _Taught(nn.Module):
    """A relief while it learns, whose shapes tell the category alone, too."""

    def __init__(self, relief: Relief, categories: int) -> None:
        super().__init__()
        self.relief = relief
        self.alone = nn.Linear(Relief.SHAPE, categories)

    def forward(self, batch: Gazed) -> tuple[Look[Tensor], Tensor]:
        """What is to be added to what the gaze said; logits [K, C] of the categories."""
        relief, extents, known = cast(tuple[Tensor, Tensor, Tensor], batch.truth.deep)
        shape = self.relief.shape(relief, extents)
        return self.relief.added(batch.seen, shape, known), self.alone(shape).float()


def _judge(taught: _Taught, batch: Gazed) -> tuple[Tensor, dict[str, float]]:
    more, alone = taught(batch)
    loss, figures = wrongness(batch.said.plus(more), batch.truth)
    called = batch.truth.categories
    named = called != NO_NAME
    if named.any():
        lone = F.cross_entropy(alone[named], called[named])
        loss, figures["alone"] = loss + ALONE * lone, lone.item()
    return loss, figures
