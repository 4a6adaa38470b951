"""Training of the glimpse relief: what depth adds to what a glimpse says of proposals.

Dense pass, dense relief and glimpse stay as they are; so every image is looked at once, as it is
when the model is used, and what is seen of its proposals is kept.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handeye.perception.vlm.closer_looks import Look
from handeye.perception.vlm.dense_relief import GlimpseRelief
from handeye.perception.vlm.glimpsing import glimpse_of
from handeye.perception.vlm.modeling_handeye import HandeyeModel
from handeye.perception.vlm.proposals import propose, tiles_of

from .batches import ranges_of
from .fitting import Fitting, fit
from .glimpses import misplaced
from .missed import with_missed
from .progress import Bar
from .proposing import dense_pass
from .roughening import as_measured, recolour
from .shards import Sample
from .truths import NO_NAME, jittered, truth_of

FITTING = Fitting(steps=4000, images=512, learning_rate=2e-3)
IMAGES = 12_000
"""So many are looked at: those in which something was missed without depth, and others."""


@dataclass(frozen=True, eq=False)
class Glimpsed:
    """N proposals, with what a glimpse sees and says of them.

    Attributes:
        seen: [N, SEEN], see `Glimpse`.
        around: [N, 33, 6, 6], see `GlimpseRelief`.
        said: of them.
        there: [N], shift: [N, 4], see `Glimpses`.
        matched: [N] bool, which are of something.
    """

    seen: Tensor
    around: Tensor
    said: Look[Tensor]
    there: Tensor
    shift: Tensor
    matched: Tensor

    def at(self, which: Tensor) -> "Glimpsed":
        """Some of them, by their numbers."""
        seen, around = (some[which].float() for some in (self.seen, self.around))
        truth = (some[which] for some in (self.there, self.shift, self.matched))
        return Glimpsed(seen, around, self.said.at(which), *truth)


def train_glimpse_relief(
    model: HandeyeModel,
    data: Path,
    proposals: Path,
    out: Path,
    fitting: Fitting = FITTING,
    images: int = IMAGES,
) -> GlimpseRelief:
    """Train a model's glimpse relief, or go on training; returns the averaged weights.

    Args:
        model: with the weights to begin with; all but the glimpse relief is used as it is.
        data: folder of shards with depth.
        proposals: folder of what is proposed of them without depth, see `proposing`.
        out: folder for `glimpse_relief.pt` (state) and `glimpse_relief.jsonl` (curves).
        fitting: steps and rates; `images` are proposals here.
        images: so many are looked at; of each proposal 3 kB are kept in memory.

    Raises:
        UserError: some of the shards have no depth, or are not those of the proposals.
    """
    plain: Any = model.eval()  # type: ignore[no-untyped-call]
    looked = glimpsed(plain, data, proposals, fitting, images)

    def make(step: int) -> Glimpsed:
        rng = np.random.default_rng([fitting.seed, 4, step])
        return looked.at(torch.from_numpy(rng.integers(len(looked.seen), size=fitting.images)))

    relief: GlimpseRelief = plain.glimpse_relief
    return fit(relief, make, _judge, out, "glimpse_relief", fitting)


def glimpsed(model: Any, data: Path, proposals: Path, fitting: Fitting, images: int) -> Glimpsed:
    """The proposals of some images, each looked at once."""
    shards, hard = with_missed(data, proposals)
    rng = np.random.default_rng([fitting.seed, 5])
    others = rng.permutation(np.setdiff1d(np.arange(len(shards)), hard))
    picks = [*rng.permutation(hard)[: images // 2], *others][:images]
    parts = []
    with Bar("glimpses", 0, len(picks)) as bar:
        for i in picks:
            parts.append(_of(model, shards[int(i)], rng, half=fitting.half))
            bar.update(0.0)
    said = (torch.cat(some) for some in zip(*(part.said for part in parts), strict=True))
    names = ("seen", "around", "there", "shift", "matched")
    told = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
    return Glimpsed(said=Look(*said), **told)


def _of(model: Any, sample: Sample, rng: np.random.Generator, *, half: bool) -> Glimpsed:
    """One image, recoloured and with depth as a camera measures it."""
    changed = replace(sample, rgb=recolour(sample.rgb, rng), depth=as_measured(sample, rng))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        pixels, out = dense_pass(model, changed.rgb[None], ranges_of([changed]))
        tiles = tiles_of(out.mask_logits[0].numpy(), out.mask_boxes[0].numpy())
        boxes = propose(out.heat[0].numpy(), out.boxes[0].numpy())[2]
        truths = [truth_of(jittered(box, rng), sample) for box in boxes]
        moved = np.array([truth.box for truth in truths], np.float32).reshape(-1, 4)
        said, seen, around = glimpse_of(model, pixels, out.shapes, tiles, moved)
    assert around is not None
    return Glimpsed(
        seen.half(),
        around.half(),
        said,
        torch.tensor([truth.there for truth in truths]),
        torch.tensor([truth.shift for truth in truths]).reshape(-1, 4),
        torch.tensor([truth.category != NO_NAME for truth in truths], dtype=torch.bool),
    )


def _judge(relief: GlimpseRelief, batch: Glimpsed) -> tuple[Tensor, dict[str, float]]:
    look = relief(batch.said, batch.seen, batch.around)
    found = misplaced(look, batch.there, batch.shift, batch.matched)
    return torch.stack(list(found.values())).sum(), {k: loss.item() for k, loss in found.items()}
