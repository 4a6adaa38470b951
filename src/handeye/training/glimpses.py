"""Training of the glimpse, the closer look at what the dense pass proposes, and of the gaze.

It learns from the proposals that the dense pass makes of the training images, jittered, and from
the tiles that speak for them, roughened: what it will see when it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.closer_looks import SURROUNDINGS_SIZE, Glimpse, Look
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .cutting import Depths, cut, cut_around, normalized
from .fitting import Fitting, fit
from .proposing import Proposals, Proposed
from .roughening import as_measured, dye, recolour, roughen
from .shards import Sample, Shards
from .targets import CATEGORIES
from .truths import NO_NAME, UNASKED, jittered, truth_of

_DYED = 0.65
"""Share of the images that are dyed."""


@dataclass(frozen=True, eq=False)
class Glimpses:
    """A batch of K proposals.

    Attributes:
        crops, sizes: [K, 4, side, side] and [K, 2], see `Glimpse`.
        categories, colors: [K] int64, `NO_NAME` where there is none.
        held, opened: [K] 1, 0, or `UNASKED`.
        there: [K] overlap with the object that is proposed, 0 where there is none, or `UNASKED`.
        shift: [K, 4] what moves the box's sides to the object's, see `Look`.
        around: [K, 4, 40, 40], see `Glimpse`.
        deep: relief [K, 2, 48, 48], extents [K, 7] and known [K], see `Relief`.
    """

    crops: Tensor
    sizes: Tensor
    categories: Tensor
    colors: Tensor
    held: Tensor
    opened: Tensor
    there: Tensor
    shift: Tensor
    around: Tensor | None = None
    deep: tuple[Tensor, Tensor, Tensor] | None = None


def train_glimpse(
    glimpse: Glimpse,
    data: Path,
    proposals: Path,
    out: Path,
    config: HandeyeConfig,
    fitting: Fitting | None = None,
    name: str = "glimpse",
) -> Glimpse:
    """Train a glimpse, or go on training; returns the averaged weights.

    Args:
        glimpse: with the weights to begin with.
        data: folder of shards.
        proposals: folder of what is proposed of them, see `proposing`.
        out: folder for `<name>.pt` (state) and `<name>.jsonl` (curves).
        config: for the normalisation of images.
        fitting: steps and rates.
        name: "glimpse" or "gaze".
    """
    fitting = fitting or Fitting()
    shards, proposed = Shards(data), Proposals(proposals)

    def make(step: int) -> Glimpses:
        rng = np.random.default_rng([fitting.seed, 1, step])
        picks = rng.integers(min(len(shards), len(proposed)), size=fitting.images)
        drawn = [(shards[int(i)], proposed[int(i)]) for i in picks]
        return glimpses_of(drawn, config, rng, glimpse)

    return fit(glimpse, make, judge, out, name, fitting)


def judge(
    glimpse: Glimpse, batch: Glimpses, count: int = len(CATEGORIES)
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch, and figures of it; `count` is how many categories there are."""
    return wrongness(glimpse(batch.crops, batch.sizes, batch.around), batch, count)


def wrongness(
    look: Look[Tensor], batch: Glimpses, count: int = len(CATEGORIES)
) -> tuple[Tensor, dict[str, float]]:
    """How wrong a look at a batch is, and figures of it."""
    matched = batch.categories != NO_NAME
    found = {
        "category": _named(look.names[:, :count], batch.categories),
        "color": _named(look.names[:, count:], batch.colors),
        "held": _asked(look.held, batch.held),
        "opened": _asked(look.opened, batch.opened),
    } | misplaced(look, batch.there, batch.shift, matched)
    right = look.names[:, :count].argmax(dim=1)[matched] == batch.categories[matched]
    figures = {name: loss.item() for name, loss in found.items()}
    figures["right"] = right.float().mean().item() if len(right) else 0.0
    return torch.stack(list(found.values())).sum(), figures


def misplaced(
    look: Look[Tensor], there: Tensor, shift: Tensor, matched: Tensor
) -> dict[str, Tensor]:
    """How wrong a look is about whether things are there, and about where they end.

    Args:
        look: at K proposals.
        there, shift: of them, see `Glimpses`.
        matched: [K] bool, which of them are of something.
    """
    return {
        "there": _asked(look.there, there),
        "shift": 4.0 * _meant(F.l1_loss, look.shift, shift, matched),
    }


def _named(logits: Tensor, truth: Tensor) -> Tensor:
    """How wrong the names are of what has one."""
    return _meant(F.cross_entropy, logits, truth, truth != NO_NAME)


def _asked(logits: Tensor, truth: Tensor) -> Tensor:
    """How wrong the answers are where something is asked."""
    return _meant(F.binary_cross_entropy_with_logits, logits, truth, truth != UNASKED)


def _meant(
    loss: Callable[[Tensor, Tensor], Tensor], said: Tensor, truth: Tensor, which: Tensor
) -> Tensor:
    """The loss over some of a batch [K]; nothing where there are none, whose mean is no number."""
    return loss(said[which], truth[which]) if which.any() else said.sum() * 0.0


def glimpses_of(
    drawn: list[tuple[Sample, Proposed]],
    config: HandeyeConfig,
    rng: np.random.Generator,
    glimpse: Glimpse,
    *,
    deep: bool = False,
) -> Glimpses:
    """The batch of some images and what is proposed of each, as a glimpse or a gaze takes it.

    If deep, with what a depth camera tells of them.
    """
    side = glimpse.side
    crops, around, sizes, truths = [], [], [], []
    depths = Depths()
    for sample, proposed in drawn:
        rgb = recolour(sample.rgb, rng)
        measured = as_measured(sample, rng) if deep else None
        dyed = bool(rng.random() < _DYED)
        if dyed:
            rgb = dye(rgb, rng)
        for box, tiles in zip(proposed.boxes, proposed.tiles, strict=True):
            truth = truth_of(jittered(box, rng), sample)
            flip = bool(rng.random() < 0.5)
            mask = roughen(tiles, rng)
            crops.append(cut(rgb, [mask], truth.box, side, flip=flip))
            if deep:
                depths.add(measured, sample.focal_px, [mask], [truth.box], flip=flip)
            if glimpse.surroundings is not None:
                around.append(cut_around(rgb, mask, truth.box, flip=flip))
            x0, y0, x1, y1 = truth.box
            sizes.append((np.log((x1 - x0) / 32), np.log((y1 - y0) / 32)))
            truths.append(truth.seen(flip=flip, dyed=dyed))
    return Glimpses(
        _stacked(crops, side, config),
        torch.tensor(np.array(sizes), dtype=torch.float32).reshape(-1, 2),
        torch.tensor([t.category for t in truths]),
        torch.tensor([t.color for t in truths]),
        torch.tensor([t.held for t in truths]),
        torch.tensor([t.opened for t in truths]),
        torch.tensor([t.there for t in truths]),
        torch.tensor(np.array([t.shift for t in truths]), dtype=torch.float32).reshape(-1, 4),
        None if glimpse.surroundings is None else _stacked(around, SURROUNDINGS_SIZE, config),
        depths.told() if deep else None,
    )


def _stacked(crops: list[npt.NDArray[np.uint8]], side: int, config: HandeyeConfig) -> Tensor:
    """[K, 4, side, side] of K crops, which may be none."""
    return normalized(
        torch.from_numpy(np.array(crops, np.uint8).reshape(-1, side, side, 4)), config
    )
