"""Training of the pair relief: what a depth camera adds to what a pair glimpse says.

As that of the relief: the pair glimpse stays as it is and looks at each pair once, and while the
shapes learn they have to tell the relation alone, too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handeye.perception.vlm.closer_looks import PairGlimpse, PairRelief
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .fitting import Fitting, fit
from .pairs import RELATIONS, pairs_of
from .progress import Bar
from .proposing import Proposals
from .reliefs import ALONE, AT_ONCE
from .shards import Shards

FITTING = Fitting(steps=4000, images=256, learning_rate=3e-3)


@dataclass(frozen=True, eq=False)
class GlimpsedPairs:
    """N pairs, with what a pair glimpse sees and says of them.

    Attributes:
        seen: [N, 96], see `PairGlimpse`.
        said: [N, 3] logits.
        relief, extents, known: see `PairRelief`.
        relations: [N] int64, places among `RELATIONS`.
    """

    seen: Tensor
    said: Tensor
    relief: Tensor
    extents: Tensor
    known: Tensor
    relations: Tensor

    def at(self, which: Tensor) -> "GlimpsedPairs":
        """Some of them, by their numbers."""
        told = (self.seen, self.said, self.relief, self.extents, self.known)
        seen, said, relief, extents, known = (part[which].float() for part in told)
        return GlimpsedPairs(seen, said, relief, extents, known, self.relations[which])


def train_pair_relief(
    relief: PairRelief,
    pairs: PairGlimpse,
    data: Path,
    proposals: Path,
    out: Path,
    config: HandeyeConfig,
    fitting: Fitting = FITTING,
) -> PairRelief:
    """Train a pair relief, or go on training; returns the averaged weights.

    Args:
        relief: with the weights to begin with.
        pairs: to what it says something is added; used as it is.
        data: folder of shards with depth; of each of their pairs 20 kB are kept in memory.
        proposals: folder of what the glimpse keeps of what is proposed of them.
        out: folder for `pair_relief.pt` (state) and `pair_relief.jsonl` (curves).
        config: for the normalisation of images.
        fitting: steps and rates; `images` are pairs here.
    """
    looked = glimpsed_pairs(pairs, data, proposals, config, fitting)

    def make(step: int) -> GlimpsedPairs:
        rng = np.random.default_rng([fitting.seed, 6, step])
        return looked.at(torch.from_numpy(rng.integers(len(looked.seen), size=fitting.images)))

    return fit(_Taught(relief), make, _judge, out, "pair_relief", fitting).relief


def glimpsed_pairs(
    pairs: PairGlimpse, data: Path, proposals: Path, config: HandeyeConfig, fitting: Fitting
) -> GlimpsedPairs:
    """Pairs of a folder, each looked at once, changed as for the training of a pair glimpse."""
    rng = np.random.default_rng([fitting.seed, 7])
    paths = sorted(
        path for path in data.glob("shard-?????.npz") if (proposals / path.name).exists()
    )
    parts: list[tuple[Tensor, ...]] = []
    pairs.eval()
    with Bar("depth of pairs", 0, len(paths)) as bar:
        for path in paths:
            images = Shards(data, path.name, depth=True)
            proposed = Proposals(proposals, path.name)
            for first in range(0, len(images), AT_ONCE):
                some = range(first, min(first + AT_ONCE, len(images)))
                batch = pairs_of([(images[i], proposed[i]) for i in some], config, rng, deep=True)
                relief, extents, known = cast(tuple[Tensor, ...], batch.deep)
                with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fitting.half):
                    seen = pairs.seen(batch.crops, batch.places)
                    said = pairs.said(seen)
                parts.append((seen.half(), said, relief.half(), extents, known, batch.relations))
            bar.update(0.0)
    return GlimpsedPairs(*(torch.cat(some) for some in zip(*parts, strict=True)))


class _Taught(nn.Module):
    """A pair relief while it learns, whose shapes tell the relation alone, too."""

    def __init__(self, relief: PairRelief) -> None:
        super().__init__()
        self.relief = relief
        self.alone = nn.Linear(PairRelief.SHAPE, len(RELATIONS))

    def forward(self, batch: GlimpsedPairs) -> tuple[Tensor, Tensor]:
        """[K, 3] what is to be added to what the pair glimpse said; [K, 3] logits alone."""
        shape = self.relief.shape(batch.relief, batch.extents)
        alone: Tensor = self.alone(shape).float()
        return self.relief.added(batch.seen, shape, batch.known), alone


def _judge(taught: _Taught, batch: GlimpsedPairs) -> tuple[Tensor, dict[str, float]]:
    more, alone = taught(batch)
    logits = batch.said + more
    loss = F.cross_entropy(logits, batch.relations)
    lone = F.cross_entropy(alone, batch.relations)
    right = (logits.argmax(dim=1) == batch.relations).float().mean().item()
    figures: dict[str, Any] = {"pair": loss.item(), "alone": lone.item(), "right": right}
    return loss + ALONE * lone, figures
