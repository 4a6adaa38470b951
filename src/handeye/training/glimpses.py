"""Training of the glimpse, the closer look at what the dense pass proposes, and of the gaze.

It learns from the proposals that the dense pass makes of the training images, jittered, and from
the tiles that speak for them, roughened: what it will see when it is used.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.modeling_handeye import (
    GLIMPSE_CONTEXT,
    MASK_STRIDE,
    SURROUNDINGS_SIZE,
    Glimpse,
    Look,
)

from .bench import iou
from .fitting import Fitting, fit
from .proposing import Proposals, Proposed
from .shards import Sample, Shards, recolour
from .targets import CATEGORIES, is_seen

_DYED = 0.65
"""Share of the images that are dyed."""
NO_NAME = -100
"""Marks what has no name, and a crop whose colour was changed beyond its name."""
UNASKED = -1.0
"""Marks what is neither true nor false: open of a ball, held of nothing."""
_OPENED = {"open": 1.0, "closed": 0.0, None: UNASKED}
_JITTER = 0.05
_MATCHED, _NEAR = 0.5, 0.2
Box = tuple[float, float, float, float]


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
    look: Look[Tensor] = glimpse(batch.crops, batch.sizes, batch.around)
    matched = batch.categories != NO_NAME
    found = {
        "category": _named(look.names[:, :count], batch.categories),
        "color": _named(look.names[:, count:], batch.colors),
        "held": _asked(look.held, batch.held),
        "opened": _asked(look.opened, batch.opened),
        "there": _asked(look.there, batch.there),
        "shift": 4.0 * _meant(F.l1_loss, look.shift, batch.shift, matched),
    }
    right = look.names[:, :count].argmax(dim=1)[matched] == batch.categories[matched]
    figures = {name: loss.item() for name, loss in found.items()}
    figures["right"] = right.float().mean().item() if len(right) else 0.0
    return torch.stack(list(found.values())).sum(), figures


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
) -> Glimpses:
    """The batch of some images and what is proposed of each, as a glimpse or a gaze takes it."""
    side = glimpse.side
    crops, around, sizes, truths = [], [], [], []
    for sample, proposed in drawn:
        rgb = recolour(sample.rgb, rng)
        dyed = bool(rng.random() < _DYED)
        if dyed:
            rgb = dye(rgb, rng)
        for box, tiles in zip(proposed.boxes, proposed.tiles, strict=True):
            truth = _truth(_jittered(box, rng), sample)
            flip = bool(rng.random() < 0.5)
            mask = roughen(tiles, rng)
            crops.append(cut(rgb, [mask], truth.box, side, flip=flip))
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
    )


def _stacked(crops: list[npt.NDArray[np.uint8]], side: int, config: HandeyeConfig) -> Tensor:
    """[K, 4, side, side] of K crops, which may be none."""
    return normalized(
        torch.from_numpy(np.array(crops, np.uint8).reshape(-1, side, side, 4)), config
    )


@dataclass(frozen=True)
class _Truth:
    """What is to be said of a box; see `Glimpses`."""

    box: Box
    there: float = 0.0
    category: int = NO_NAME
    color: int = NO_NAME
    held: float = UNASKED
    opened: float = UNASKED
    shift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def seen(self, *, flip: bool, dyed: bool) -> "_Truth":
        """The same of a mirrored, or a dyed, picture."""
        left, top, right, bottom = self.shift
        return replace(
            self,
            shift=(-right, top, -left, bottom) if flip else self.shift,
            color=NO_NAME if dyed else self.color,
        )


def _truth(box: Box, sample: Sample) -> _Truth:
    """What is true of a box in an image."""
    overlaps = [iou(box, o["box"]) if o["box"] else 0.0 for o in sample.objects]
    best = int(np.argmax(overlaps)) if overlaps else -1
    overlap = overlaps[best] if overlaps else 0.0
    if overlap < _NEAR:
        return _Truth(box)
    record = sample.objects[best]
    # Nobody can tell what is mostly hidden, nor is it wrong to see it.
    there = UNASKED if not is_seen(record) else overlap if overlap >= _MATCHED else 0.0
    if overlap < _MATCHED:
        return _Truth(box, there)
    width, height = box[2] - box[0], box[3] - box[1]
    moves = np.subtract(record["box"], box) / (width, height, width, height)
    return _Truth(
        box,
        there,
        record["category"],
        record["color"],
        float(record["held"]),
        _OPENED[record.get("state")],
        tuple(float(v) for v in moves),  # type: ignore[arg-type]
    )


def _jittered(box: npt.NDArray[np.float32], rng: np.random.Generator) -> Box:
    x0, y0, x1, y1 = (float(v) for v in box)
    w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
    dx, dy, dw, dh = rng.normal(0.0, _JITTER, 4)
    cx, cy = (x0 + x1) / 2 + dx * w, (y0 + y1) / 2 + dy * h
    w, h = w * float(np.exp(dw)), h * float(np.exp(dh))
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def cut_around(
    rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], box: Box, *, flip: bool
) -> npt.NDArray[np.uint8]:
    """What is around a box, [40, 40, 4] uint8: every fourth pixel, and what a mask shows."""
    import cv2

    rows, columns = mask.shape
    coarse = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    both = np.dstack([coarse, mask])
    middle = np.array([box[0] + box[2], box[1] + box[3]]) / (2 * MASK_STRIDE)
    matrix = _to_square((middle[0], middle[1]), 1.0, SURROUNDINGS_SIZE, flip=flip)
    size = (SURROUNDINGS_SIZE, SURROUNDINGS_SIZE)
    around = cv2.warpAffine(
        both, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(115, 110, 105, 0)
    )
    return np.asarray(around, np.uint8)


def normalized(crops: Tensor, config: HandeyeConfig) -> Tensor:
    """[K, side, side, 3 + m] uint8 crops with masks to what a glimpse takes."""
    images = crops.permute(0, 3, 1, 2).float() / 255.0
    mean = torch.tensor(config.image_mean).view(1, 3, 1, 1)
    std = torch.tensor(config.image_std).view(1, 3, 1, 1)
    pixels = torch.cat([(images[:, :3] - mean) / std, images[:, 3:]], dim=1)
    return pixels.contiguous(memory_format=torch.channels_last)


def cut(
    rgb: npt.NDArray[np.uint8],
    masks: list[npt.NDArray[np.uint8]],
    box: Box,
    side: int,
    *,
    flip: bool,
) -> npt.NDArray[np.uint8]:
    """A square around a box with what masks show of it, [side, side, 3 + masks] uint8."""
    import cv2

    x0, y0, x1, y1 = box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    scale = side / (GLIMPSE_CONTEXT * max(x1 - x0, y1 - y0))
    matrix = _to_square((cx, cy), scale, side, flip=flip)
    size = (side, side)
    square = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(115, 110, 105))
    layers = [np.asarray(square)]
    for mask in masks:
        full = cv2.resize(mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
        shown = cv2.warpAffine(full, matrix, size, flags=cv2.INTER_LINEAR)
        layers.append(np.asarray(shown)[..., None])
    return np.concatenate(layers, axis=-1).astype(np.uint8)


def _to_square(
    middle: tuple[float, float], scale: float, side: int, *, flip: bool
) -> npt.NDArray[np.float64]:
    """[2, 3] what brings a point of an image into the middle of a square, for `warpAffine`."""
    x, y = middle
    to = -scale if flip else scale
    matrix = np.array([[to, 0.0, side / 2 - to * x], [0.0, scale, side / 2 - scale * y]])
    # The same samples as grid_sample takes, whose pixel centres lie at halves.
    matrix[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return matrix


def dye(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Give an image other colours; shapes stay what they are.

    What something is must not be told by its colour: pairs that were never seen together would
    be taken for others that were.
    """
    import cv2

    kind = rng.random()
    if kind < 0.6:
        hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
        hsv[..., 0] = (hsv[..., 0].astype(np.int64) + int(rng.integers(10, 170))) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    if kind < 0.85:
        return np.asarray(rgb * rng.uniform(0.25, 1.0, 3), dtype=np.uint8)
    return np.asarray(255 - rgb, dtype=np.uint8)


def roughen(mask: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A mask (0..255) as a detector might draw it: grown, shrunk, holed, or as it is."""
    import cv2

    out = mask
    kind = rng.random()
    if kind < 0.2:
        out = np.asarray(cv2.dilate(out, np.ones((3, 3), np.uint8)), np.uint8)
    elif kind < 0.3:
        smaller = np.asarray(cv2.erode(out, np.ones((2, 2), np.uint8)), np.uint8)
        out = smaller if smaller.any() else out
    elif kind < 0.45:
        out = np.where(rng.random(out.shape) < 0.12, 0, out).astype(np.uint8)
    return out
