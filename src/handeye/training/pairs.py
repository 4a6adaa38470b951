"""Training of the pair glimpse: whether one thing is on another, in it, or neither.

It learns mostly from boxes and masks as the model finds them, which of things in a stack are often
wrong: what it will see when it is used.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.closer_looks import GAZE_SIZE, GLIMPSE_CONTEXT, PairGlimpse
from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.proposals import ious, owners

from .cutting import Box, Depths, cut, normalized
from .fitting import Fitting, fit
from .proposing import Proposals, Proposed
from .roughening import as_measured, dye, recolour, roughen
from .shards import Sample, Shards

RELATIONS = (None, "on", "in")
_DYED = 0.5
_FOUND = 0.75
"""Share of the images whose boxes and masks are as they are found, not as they are."""
_MATCHED = 0.5
_LEAST_PIXELS = 30


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch of K pairs.

    Attributes:
        crops, places: [K, 5, 56, 56] and [K, 8], see `PairGlimpse`.
        relations: [K] int64, places among `RELATIONS`.
        deep: relief [K, 3, 56, 56], extents [K, 16] and known [K], see `PairRelief`.
    """

    crops: Tensor
    places: Tensor
    relations: Tensor
    deep: tuple[Tensor, Tensor, Tensor] | None = None


def train_pairs(
    model: PairGlimpse,
    data: Path,
    proposals: Path,
    out: Path,
    config: HandeyeConfig,
    fitting: Fitting | None = None,
) -> PairGlimpse:
    """Train a pair glimpse, or go on training; returns the averaged weights.

    Args:
        model: with the weights to begin with.
        data: folder of shards.
        proposals: folder of what the glimpse keeps of what is proposed of them.
        out: folder for `pairs.pt` (state) and `pairs.jsonl` (curves).
        config: for the normalisation of images.
        fitting: steps and rates.
    """
    fitting = fitting or Fitting()
    shards, proposed = Shards(data), Proposals(proposals)

    def make(step: int) -> Pairs:
        rng = np.random.default_rng([fitting.seed, 2, step])
        picks = rng.integers(min(len(shards), len(proposed)), size=fitting.images)
        return pairs_of([(shards[int(i)], proposed[int(i)]) for i in picks], config, rng)

    return fit(model, make, _judge, out, "pairs", fitting)


def _judge(model: PairGlimpse, batch: Pairs) -> tuple[Tensor, dict[str, float]]:
    logits = model(batch.crops, batch.places)
    if not len(logits):
        return logits.sum(), {"right": 0.0}
    right = (logits.argmax(dim=1) == batch.relations).float().mean().item()
    return F.cross_entropy(logits, batch.relations), {"right": right}


def pairs_of(
    drawn: list[tuple[Sample, Proposed]],
    config: HandeyeConfig,
    rng: np.random.Generator,
    *,
    deep: bool = False,
) -> Pairs:
    """The batch of some images and what is proposed of each.

    If deep, with what a depth camera tells of the pairs.
    """
    crops, places, relations = [], [], []
    depths = Depths(GAZE_SIZE, GLIMPSE_CONTEXT, masks=2)
    for sample, proposed in drawn:
        rgb = recolour(sample.rgb, rng)
        measured = as_measured(sample, rng) if deep else None
        if rng.random() < _DYED:
            rgb = dye(rgb, rng)
        seen = _found(sample, proposed) if rng.random() < _FOUND else _true(sample)
        for a, b in _draw(sample, seen.boxes, rng):
            pair = _pair(seen, (a, b), rng)
            crops.append(cut(rgb, pair.masks, pair.boxes[0], GAZE_SIZE, flip=pair.flip))
            places.append(pair.places())
            if deep:
                depths.add(measured, sample.focal_px, pair.masks, pair.boxes, flip=pair.flip)
            record = sample.objects[a]
            related = record["other"] == b
            relations.append(RELATIONS.index(record["relation"]) if related else 0)
    images = torch.from_numpy(np.array(crops, np.uint8).reshape(-1, GAZE_SIZE, GAZE_SIZE, 5))
    return Pairs(
        normalized(images, config),
        torch.tensor(np.array(places), dtype=torch.float32).reshape(-1, 8),
        torch.tensor(relations, dtype=torch.int64),
        depths.told_of_pairs() if deep else None,
    )


@dataclass(frozen=True, eq=False)
class _Seen:
    """Boxes of the objects in view, by their places, and which object each tile [h, w] is of."""

    boxes: dict[int, Box]
    owner: npt.NDArray[np.int64]


def _true(sample: Sample) -> _Seen:
    boxes = {i: o["box"] for i, o in enumerate(sample.objects) if _in_view(o)}
    return _Seen(boxes, sample.instances.astype(np.int64) - 1)


def _found(sample: Sample, proposed: Proposed) -> _Seen:
    """The boxes and masks that the model has of the objects that it finds."""
    true = {i: o["box"] for i, o in enumerate(sample.objects) if _in_view(o)}
    if not true or not len(proposed.boxes):
        return _Seen({}, np.full(sample.instances.shape, -1))
    overlaps = ious(np.array(list(true.values()), np.float32), proposed.boxes)
    matches = zip(true, overlaps.max(axis=1), overlaps.argmax(axis=1).tolist(), strict=True)
    places = {k: place for place, share, k in matches if share >= _MATCHED}
    kept = sorted(places)
    height, width = proposed.tiles.shape[1:]
    shares = np.asarray(proposed.tiles[kept] / 255, np.float32).reshape(-1, height * width)
    owner = owners(shares, proposed.boxes[kept], (height, width))
    named = np.array([places[k] for k in kept] + [-1])
    box = {places[k]: tuple(float(v) for v in proposed.boxes[k]) for k in kept}
    return _Seen(box, named[owner])  # type: ignore[arg-type]


def _in_view(record: dict[str, Any]) -> bool:
    return record["box"] is not None and record["pixels"] >= _LEAST_PIXELS


def _draw(sample: Sample, boxes: dict[int, Box], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of objects in view: all that are related, as many that are near or reversed."""
    drawn = []
    for a in boxes:
        other, others = sample.objects[a]["other"], [b for b in boxes if b != a]
        if not others:
            continue
        if other in others:
            drawn.append((a, other))
            if rng.random() < 0.3:
                drawn.append((other, a))
            continue
        gaps = [_gap(boxes[a], boxes[b]) for b in others]
        nearest = others[int(np.argmin(gaps))]
        drawn.append((a, nearest if rng.random() < 0.7 else int(rng.choice(others))))
    return drawn


def _gap(a: Box, b: Box) -> float:
    """How far two boxes are apart, pixels; the less the more they overlap."""
    dx = max(a[0], b[0]) - min(a[2], b[2])
    dy = max(a[1], b[1]) - min(a[3], b[3])
    return float(max(dx, dy))


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two things: what holds both and the box of each, their masks, whether they are mirrored."""

    boxes: list[Box]
    masks: list[npt.NDArray[np.uint8]]
    flip: bool

    def places(self) -> list[float]:
        """Where the boxes of the two are in what is cut out; see `PairGlimpse`."""
        (x0, y0, x1, y1), *two = self.boxes
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        half = GLIMPSE_CONTEXT * max(x1 - x0, y1 - y0) / 2
        places: list[float] = []
        for x0, y0, x1, y1 in two:
            left, right = (x0 - cx) / half, (x1 - cx) / half
            if self.flip:
                left, right = -right, -left
            places += [left, (y0 - cy) / half, right, (y1 - cy) / half]
        return places


def _pair(seen: _Seen, which: tuple[int, int], rng: np.random.Generator) -> _Pair:
    """Two objects, by their places, jittered and with roughened masks."""
    boxes = []
    for place in which:
        x0, y0, x1, y1 = seen.boxes[place]
        w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
        dx0, dx1, dy0, dy1 = rng.normal(0.0, 0.03, 4) * (w, w, h, h)
        boxes.append((x0 + dx0, y0 + dy0, x1 + dx1, y1 + dy1))
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
    both = (min(ax0, bx0), min(ay0, by0), max(ax1, bx1), max(ay1, by1))
    tiles = [(seen.owner == place).astype(np.uint8) * 255 for place in which]
    masks = [roughen(mask, rng) for mask in tiles]
    return _Pair([both, *boxes], masks, bool(rng.random() < 0.5))
