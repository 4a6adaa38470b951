"""Training of the pair glimpse: whether one thing is on another, in it, or neither."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.modeling_handeye import GLIMPSE_CONTEXT, PairGlimpse

from .fitting import Fitting, fit
from .glimpses import Box, cut, dye, normalized, roughen
from .shards import Sample, Shards, recolour

RELATIONS = (None, "on", "in")
_DYED = 0.5


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch: crops [K, 5, 40, 40], places [K, 8], relations [K]."""

    crops: Tensor
    places: Tensor
    relations: Tensor


def train_pairs(
    model: PairGlimpse,
    data: Path,
    out: Path,
    config: HandeyeConfig,
    fitting: Fitting | None = None,
) -> PairGlimpse:
    """Train a pair glimpse, or go on training; returns the averaged weights.

    Args:
        model: with the weights to begin with.
        data: folder of shards.
        out: folder for `pairs.pt` (state) and `pairs.jsonl` (curves).
        config: for the normalisation of images.
        fitting: steps and rates.
    """
    fitting = fitting or Fitting()
    shards = Shards(data)

    def make(step: int) -> Pairs:
        rng = np.random.default_rng([fitting.seed, 2, step])
        picks = rng.integers(len(shards), size=fitting.images)
        return _batch([shards[int(i)] for i in picks], config, rng)

    return fit(model, make, _judge, out, "pairs", fitting)


def _judge(model: PairGlimpse, batch: Pairs) -> tuple[Tensor, dict[str, float]]:
    logits = model(batch.crops, batch.places)
    right = (logits.argmax(dim=1) == batch.relations).float().mean().item()
    return F.cross_entropy(logits, batch.relations), {"right": right}


def _batch(samples: list[Sample], config: HandeyeConfig, rng: np.random.Generator) -> Pairs:
    crops, places, relations = [], [], []
    for sample in samples:
        rgb = recolour(sample.rgb, rng)
        if rng.random() < _DYED:
            rgb = dye(rgb, rng)
        for a, b in _draw(sample, rng):
            crop, place = _crop(sample, rgb, (a, b), rng)
            crops.append(crop)
            places.append(place)
            record = sample.objects[a]
            related = record["other"] == b
            relations.append(RELATIONS.index(record["relation"]) if related else 0)
    return Pairs(
        normalized(torch.from_numpy(np.stack(crops)), config),
        torch.tensor(np.array(places), dtype=torch.float32),
        torch.tensor(relations),
    )


def _draw(sample: Sample, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of objects in view: all that are related, as many that are near or reversed."""
    seen = [i for i, o in enumerate(sample.objects) if o["box"] is not None and o["pixels"] >= 30]
    drawn = []
    for a in seen:
        record, others = sample.objects[a], [b for b in seen if b != a]
        if not others:
            continue
        if record["other"] in others:
            drawn.append((a, record["other"]))
            if rng.random() < 0.3:
                drawn.append((record["other"], a))
            continue
        gaps = [_gap(record["box"], sample.objects[b]["box"]) for b in others]
        nearest = others[int(np.argmin(gaps))]
        drawn.append((a, nearest if rng.random() < 0.7 else int(rng.choice(others))))
    return drawn


def _gap(a: Box, b: Box) -> float:
    """How far two boxes are apart, pixels; the less the more they overlap."""
    dx = max(a[0], b[0]) - min(a[2], b[2])
    dy = max(a[1], b[1]) - min(a[3], b[3])
    return float(max(dx, dy))


def _crop(
    sample: Sample, rgb: npt.NDArray[np.uint8], pair: tuple[int, int], rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], list[float]]:
    """Two objects with their masks, [40, 40, 5] uint8, and where their boxes are in it."""
    boxes = []
    for place in pair:
        x0, y0, x1, y1 = sample.objects[place]["box"]
        w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
        dx0, dx1, dy0, dy1 = rng.normal(0.0, 0.03, 4) * (w, w, h, h)
        boxes.append((x0 + dx0, y0 + dy0, x1 + dx1, y1 + dy1))
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
    both = (min(ax0, bx0), min(ay0, by0), max(ax1, bx1), max(ay1, by1))
    tiles = [(sample.instances == place + 1).astype(np.uint8) * 255 for place in pair]
    masks = [roughen(mask, rng) for mask in tiles]
    flip = rng.random() < 0.5
    crop = cut(rgb, masks, both, flip=flip)
    cx, cy = (both[0] + both[2]) / 2, (both[1] + both[3]) / 2
    half = GLIMPSE_CONTEXT * max(both[2] - both[0], both[3] - both[1]) / 2
    places: list[float] = []
    for x0, y0, x1, y1 in boxes:
        left, right = (x0 - cx) / half, (x1 - cx) / half
        if flip:
            left, right = -right, -left
        places += [left, (y0 - cy) / half, right, (y1 - cy) / half]
    return crop, places
