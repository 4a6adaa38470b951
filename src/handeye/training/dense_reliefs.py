"""Training of the dense relief: what a depth camera adds to the dense pass; see `shapes`.

Unlike what the closer looks see, what the dense pass sees of all images is too much to be kept:
each is looked at anew, scaled and cropped, every time that it is drawn.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.dense_relief import DenseRelief
from handeye.perception.vlm.modeling_handeye import HandeyeModel, Placed

from .batches import normalize, ranges_of
from .fitting import Fitting, fit
from .losses import placing
from .missed import with_missed
from .roughening import as_measured, augment
from .shards import Sample
from .targets import Targets, dense_targets

FITTING = Fitting(steps=5000, images=24, learning_rate=2e-3)
_SIZE = (256, 192)
_ALONE = 0.5
"""Weight of what shapes tell alone."""


@dataclass(frozen=True, eq=False)
class Deep:
    """Images with their depth, and what is true of them.

    Attributes:
        pixel_values: [B, 3, H, W] float32, normalised.
        ranges: depth [B, 1, H, W] metres, and focal lengths [B, 2] pixels.
        targets: of each.
    """

    pixel_values: Tensor
    ranges: tuple[Tensor, Tensor]
    targets: list[Targets]


class _Taught(nn.Module):
    """A dense relief while it learns, whose shapes tell the truth alone, too."""

    def __init__(self, relief: DenseRelief) -> None:
        super().__init__()
        self.relief = relief
        self.alone = nn.Conv2d(relief.COARSE, relief.cells.out_channels, 1)
        self.alone_fine = nn.Conv2d(relief.FINE, relief.tiles.out_channels, 1)
        nn.init.constant_(cast(Tensor, self.alone.bias)[:2], -3.0)


def train_dense_relief(
    model: HandeyeModel, data: Path, proposals: Path, out: Path, fitting: Fitting = FITTING
) -> DenseRelief:
    """Train a model's dense relief, or go on training; returns the averaged weights.

    Every other image that is drawn is one in which something was missed without depth.

    Args:
        model: with the weights to begin with; all but the dense relief is used as it is.
        data: folder of shards with depth.
        proposals: folder of what is proposed of them without depth, see `proposing`.
        out: folder for `dense_relief.pt` (state) and `dense_relief.jsonl` (curves).
        fitting: steps and rates.

    Raises:
        UserError: some of the shards have no depth, or are not those of the proposals.
    """
    shards, hard = with_missed(data, proposals)
    plain: Any = model.eval()  # type: ignore[no-untyped-call]
    config: HandeyeConfig = plain.config

    def make(step: int) -> Deep:
        rng = np.random.default_rng([fitting.seed, 6, step])
        picks = rng.integers(len(shards), size=fitting.images)
        if len(hard):
            picks[::2] = rng.choice(hard, size=len(picks[::2]))
        samples = [_roughened(shards[int(i)], rng) for i in picks]
        ranges = ranges_of(samples)
        assert ranges is not None
        pixels = normalize(np.stack([sample.rgb for sample in samples]), config)
        return Deep(pixels, ranges, [dense_targets(sample) for sample in samples])

    def judge(taught: _Taught, batch: Deep) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            features, fine = plain.features(batch.pixel_values)
            dense, mask = plain.told(features, fine)
        shapes = taught.relief.shapes(*batch.ranges)
        added = taught.relief.added(features, fine, shapes)
        found = placing(Placed.of(dense + added.cells, mask + added.tiles), batch.targets)
        lonely = Placed.of(taught.alone(shapes.coarse), taught.alone_fine(shapes.fine))
        alone = placing(lonely, batch.targets)
        figures = {name: loss.item() for name, loss in found.items()}
        lone = torch.stack(list(alone.values())).sum()
        total = torch.stack(list(found.values())).sum()
        return total + _ALONE * lone, {**figures, "alone": lone.item()}

    return fit(
        _Taught(cast(Any, plain).dense_relief), make, judge, out, "dense_relief", fitting
    ).relief


def _roughened(sample: Sample, rng: np.random.Generator) -> Sample:
    changed = augment(sample, _SIZE, rng)
    return replace(changed, depth=as_measured(changed, rng))
