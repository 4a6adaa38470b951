"""Training of the pair relief: what depth adds to what a pair glimpse says; see `shapes`."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from handeye.perception.vlm.closer_looks import PairGlimpse, PairRelief
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .fitting import Fitting
from .pairs import RELATIONS, pairs_of
from .shapes import Taught, drawn_once, teach, told_alone

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
    return teach(relief, len(RELATIONS), looked, _judge, out, "pair_relief", fitting)


def glimpsed_pairs(
    pairs: PairGlimpse, data: Path, proposals: Path, config: HandeyeConfig, fitting: Fitting
) -> GlimpsedPairs:
    """Pairs of a folder, each looked at once, changed as for the training of a pair glimpse."""
    rng = np.random.default_rng([fitting.seed, 5])
    parts: list[tuple[Tensor, ...]] = []
    pairs.eval()
    for drawn in drawn_once(data, proposals, "depth of pairs"):
        batch = pairs_of(drawn, config, rng, deep=True)
        relief, extents, known = cast(tuple[Tensor, ...], batch.deep)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=fitting.half):
            seen = pairs.seen(batch.crops, batch.places)
            said = pairs.said(seen)
        parts.append((seen.half(), said, relief.half(), extents, known, batch.relations))
    return GlimpsedPairs(*(torch.cat(some) for some in zip(*parts, strict=True)))


def _judge(taught: Taught[PairRelief], batch: GlimpsedPairs) -> tuple[Tensor, dict[str, float]]:
    more, alone = taught(batch.seen, batch.relief, batch.extents, batch.known)
    logits = batch.said + more
    loss, lone = F.cross_entropy(logits, batch.relations), told_alone(alone, batch.relations)
    right = (logits.argmax(dim=1) == batch.relations).float().mean().item()
    return loss + lone, {"pair": loss.item(), "alone": lone.item(), "right": right}
