"""Hard examples: a closer look that is good already learns most from what it still gets wrong.

Online hard example mining (Shrivastava et al. 2016), done once ahead of the training: of the
proposals that are judged rightly and surely, only a share is kept.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handeye.perception.vlm.closer_looks import Glimpse, Look
from handeye.perception.vlm.configuration_handeye import HandeyeConfig

from .glimpses import Glimpses, glimpses_of
from .progress import Bar
from .proposing import Proposals, Proposed, write_proposals
from .shards import Shards
from .targets import CATEGORIES
from .truths import NO_NAME, UNASKED

_EASY = 0.2
"""Share kept of what is judged rightly and surely."""
_SURE = 0.9
"""Least probability of the right name, for it to be sure."""
_OFF = 0.25
"""Farthest that a probability, of the box being one object's or of a state, may be off."""
_MOVED = 0.12
"""Farthest that a side may be off, in widths or heights of the box."""
_AT_ONCE = 20


def mine_all(
    glimpse: Glimpse, data: Path, proposals: Path, out: Path, config: HandeyeConfig, seed: int = 0
) -> None:
    """Write, for each shard that `out` has none of yet, the proposals that are worth learning from.

    Args:
        glimpse: what is to go on learning, a glimpse or a gaze.
        data: folder of shards.
        proposals: folder of what is proposed of them.
        out: folder for the fewer proposals, under the same names.
        config: for the normalisation of images.
        seed: of the changes under which a proposal is judged, and of which easy ones stay.
    """
    out.mkdir(parents=True, exist_ok=True)
    glimpse.eval()
    paths = sorted(
        path for path in data.glob("shard-?????.npz") if (proposals / path.name).exists()
    )
    done = sum((out / path.name).exists() for path in paths)
    with Bar("mining", done, len(paths)) as bar:
        for number, path in enumerate(paths):
            if not (out / path.name).exists():
                rng = np.random.default_rng([seed, 3, number])
                write_proposals(out / path.name, _mined(glimpse, path, proposals, config, rng))
                bar.update(0.0)


def _mined(
    glimpse: Glimpse, shard: Path, proposals: Path, config: HandeyeConfig, rng: np.random.Generator
) -> list[Proposed]:
    images, proposed = Shards(shard.parent, shard.name), Proposals(proposals, shard.name)
    kept = []
    for first in range(0, len(images), _AT_ONCE):
        drawn = [(images[i], proposed[i]) for i in range(first, min(first + _AT_ONCE, len(images)))]
        batch = glimpses_of(drawn, config, rng, glimpse)
        with torch.inference_mode():
            hard = ~mastered(glimpse(batch.crops, batch.sizes, batch.around), batch).numpy()
        hard |= rng.random(len(hard)) < _EASY
        ends = np.cumsum([len(one.boxes) for _, one in drawn])[:-1]
        for (_, one), some in zip(drawn, np.split(hard, ends), strict=True):
            kept.append(Proposed(one.boxes[some], one.tiles[some]))
    return kept


def mastered(look: Look[Tensor], batch: Glimpses, count: int = len(CATEGORIES)) -> Tensor:
    """[K] bool: what is judged rightly and surely; `count` is how many categories there are."""
    named = batch.categories != NO_NAME
    off = (look.shift - batch.shift).abs().amax(dim=1)
    good = ~named | (off <= _MOVED)
    for logits, truth in (
        (look.names[:, :count], batch.categories),
        (look.names[:, count:], batch.colors),
    ):
        share = logits.softmax(dim=1).gather(1, truth.clamp(min=0)[:, None])[:, 0]
        good &= (truth == NO_NAME) | (share >= _SURE)
    for logit, truth in (
        (look.there, batch.there),
        (look.held, batch.held),
        (look.opened, batch.opened),
    ):
        good &= (truth == UNASKED) | ((logit.sigmoid() - truth).abs() <= _OFF)
    return good
