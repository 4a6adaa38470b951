"""Features: what one pass of the model over one image says, as plain arrays."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from torch import Tensor

from ..frame import Frame, Image
from .closer_looks import Look
from .computing import computed_in, folded
from .configuration_handeye import HandeyeConfig
from .crops import (
    Ranges,
    crops_of,
    pair_crops_of,
    pair_reliefs_of,
    reliefs_of,
    surroundings_of,
)
from .embedded_checkpoint import load_checkpoint
from .glimpsing import glimpsed
from .proposals import (
    Tiles,
    agreement,
    areas_of,
    doubled,
    mended,
    owners,
    propose,
    spoken_for,
    tiles_of,
    worthy,
)

Array = npt.NDArray[np.float32]
_FIRST = 0.35
"""Weight of the dense pass in whether an object is there, beside the closer looks; fitted on
renders that neither training nor measuring uses."""
_GAZE = 0.85
"""Weight of the gaze beside the glimpse; fitted on the same."""
_DENSE = 0.2
"""Weight of the dense pass in what things are called, which sees most of what is around them;
fitted on the same."""
_LARGE_BLOCK = 31 << 20
"""Bytes; glibc learns from blocks of up to 32 MiB."""
_LARGE, _BLANK = 0.4, 5.0
"""Share of an image from which a box is suspect if the image's colours deviate by less than so
much: a covered lens shows its noise alone, which was in no training image."""
_SWAPPED = torch.tensor([1, 2, 0, 3])
"""Channels of a crop in other colours; the mask stays the last."""
_TURNED = np.array([-1, 1, -1, 1], np.float32)
"""By what shifts of a box's four sides are multiplied in the mirror, left and right exchanged."""


@dataclass(frozen=True, eq=False)
class Features:
    """K detected objects of one image, and the dense maps behind them.

    Attributes:
        boxes: [K, 4] pixels of the image.
        scores: [K] that an object is there.
        held: [K] that the gripper holds it.
        opened: [K] that it is open, of furniture.
        embeddings: [K, E] unit vectors.
        categories, colors: [K, C], [K, D] probabilities.
        owner: [h, w] int16, which object each 4×4 tile belongs to, -1 for none.
        dense: [h/2, w/2, E] embeddings, and `heat` [h/2, w/2], for heat maps.
        scale, bias: of the match between embeddings and phrases.
        labels: names of the categories and of the colours.
        frame: the image that was looked at, with its depth.
    """

    boxes: Array
    scores: Array
    held: Array
    opened: Array
    embeddings: Array
    categories: Array
    colors: Array
    owner: npt.NDArray[np.int16]
    dense: Array
    heat: Array
    scale: float
    bias: float
    labels: tuple[list[str], list[str]]
    frame: Frame

    @property
    def rgb(self) -> Image:
        """[H, W, 3] uint8, the image."""
        return self.frame.rgb

    def name(self, k: int) -> tuple[str, str, float]:
        """Category, colour, and how sure the two together are, of object k."""
        category, color = int(self.categories[k].argmax()), int(self.colors[k].argmax())
        sure = float(self.categories[k, category] * self.colors[k, color])
        return self.labels[0][category], self.labels[1][color], sure

    def box(self, k: int) -> tuple[float, float, float, float]:
        """Box of object k, clipped to the image."""
        x0, y0, x1, y1 = (float(v) for v in self.boxes[k])
        height, width = self.rgb.shape[:2]
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))

    def mask(self, k: int) -> npt.NDArray[np.bool_]:
        """[H, W] bool instance mask of object k."""
        small = (self.owner == k).view(np.uint8)
        x, y, across, down = cv2.boundingRect(small)
        # With one tile around, in which the mask fades out.
        left, top, right, bottom = max(x - 1, 0), max(y - 1, 0), x + across + 1, y + down + 1
        part = cv2.resize(small[top:bottom, left:right] * np.uint8(254), None, fx=4, fy=4)
        full = np.zeros((4 * small.shape[0], 4 * small.shape[1]), np.bool_)
        np.greater(part, 127, out=full[4 * top : 4 * bottom, 4 * left : 4 * right])
        return full[: self.rgb.shape[0], : self.rgb.shape[1]]

    def match(self, phrases: Array) -> Array:
        """[K, P] probabilities that each phrase [P, E] is true of each object."""
        return _sigmoid(self.embeddings @ phrases.T * self.scale + self.bias)

    def heat_map(self, phrase: Array) -> Array:
        """[H, W] where a phrase [E] rings true, 0..1."""
        truth = _sigmoid(self.dense @ phrase * self.scale + self.bias) * _sigmoid(self.heat)
        height, width = self.rgb.shape[:2]
        full = cv2.resize(
            truth, (truth.shape[1] * 8, truth.shape[0] * 8), interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(full[:height, :width], np.float32)


class Looker:
    """Runs a checkpoint over images.

    Args:
        folder: of the checkpoint.
        dtype: what the convolutions compute in: "float32", "bfloat16", or "auto": the latter where
            the processor has instructions for it, and is twice as fast with them.
    """

    def __init__(self, folder: Path, dtype: str = "auto") -> None:
        self._model: Any
        self._model, self._tokenizer = load_checkpoint(folder)
        folded(self._model)
        self._dtype = computed_in(dtype)
        self._model.see_in(self._dtype)
        self._model = self._model.to(memory_format=torch.channels_last)
        self.config: HandeyeConfig = self._model.config
        scale, bias = self._model.logit_scale.detach().exp(), self._model.logit_bias.detach()
        self._matched = (float(scale), float(bias))
        self._remembered = lru_cache(maxsize=256)(self._text_one)
        self._scaled = lru_cache(maxsize=4)(self._row)

    def text(self, phrases: list[str]) -> Array:
        """[P, E] vectors of phrases; kept for the next time."""
        return np.stack([self._remembered(phrase) for phrase in phrases])

    def calibrated(self, verb: str, score: float) -> float:
        """Probability behind a score, by the fit that the checkpoint carries.

        Never below its least nor above its most: however little a thing looks so, it may have
        been missed, and however much, it may be another.
        """
        fit = self.config.calibration.get(verb, (1.0, 0.0))
        slope, intercept, least, most = (*fit, 0.0, 1.0)[:4]
        clipped = min(max(score, 1e-4), 1 - 1e-4)
        logit = float(np.log(clipped / (1 - clipped)))
        return float(least + (most - least) / (1.0 + np.exp(-(slope * logit + intercept))))

    def look(self, frame: Frame) -> Features:
        """One pass over a frame: propose, look closer, keep the best."""
        rgb = frame.rgb
        with torch.inference_mode():
            pixels, ranges = self._pixels(rgb), self._ranges(frame)
            deep = () if ranges is None else (ranges.depth, torch.tensor([ranges.focal_px]))
            out = self._model(pixels, *deep)
            heat = out.heat[0].numpy()
            tiles = tiles_of(out.mask_logits[0].numpy(), out.mask_boxes[0].numpy())
            rows, columns, boxes = propose(heat, out.boxes[0].numpy())
            glimpse = glimpsed(self._model, pixels, out.shapes, tiles, boxes)
            best, boxes = worthy(boxes, glimpse, heat[rows, columns])
            gaze = self._gaze(pixels, ranges, tiles, boxes)
        rows, columns = rows[best], columns[best]
        look = _together(glimpse.at(best), gaze, out.names[0].numpy()[rows, columns])
        boxes = mended(boxes, gaze)
        scores = _sigmoid(heat[rows, columns]) ** _FIRST * _sigmoid(look.there) ** (1 - _FIRST)
        kept = scores > self.config.thresholds["found"]
        kept &= _in_view(boxes, rgb)
        if (kept & (areas_of(boxes) > _LARGE * rgb[..., 0].size)).any() and _is_blank(rgb):
            kept[:] = False
        count = len(self.config.categories)
        told = (look.names[:, :count], look.names[:, count:])
        called = np.array([logits.argmax(axis=1) for logits in told]).T
        kept &= ~doubled(boxes, called, scores * kept)
        look, boxes = look.at(kept), boxes[kept]
        rows, columns = rows[kept], columns[kept]
        embeddings = out.embeddings[0].numpy()
        return Features(
            boxes,
            scores[kept],
            _sigmoid((look.held + out.held[0].numpy()[rows, columns]) / 2),
            _sigmoid(look.opened),
            embeddings[rows, columns],
            _softmax(look.names[:, :count]),
            _softmax(look.names[:, count:]),
            owners(agreement(tiles, boxes), boxes, tiles.shape, tiles.places),
            embeddings,
            heat,
            *self._matched,
            (self.config.categories, self.config.colors),
            frame,
        )

    def look_at(self, frames: list[Frame]) -> list[Features]:
        """The same as `look` at each frame, in less time where there are several cores.

        Each frame has a core to itself: a network of this size gains less from sharing one image
        among the cores, or from stacking images into one tensor.
        """
        threads = torch.get_num_threads()
        workers = min(len(frames), threads)
        if workers < 2:
            return [self.look(frame) for frame in frames]

        def work(first: int) -> list[Features]:
            torch.set_num_threads(threads // workers)
            return [self.look(frame) for frame in frames[first::workers]]

        try:
            others = [self._helpers.submit(work, first) for first in range(1, workers)]
            shares = [work(0), *(other.result() for other in others)]
        finally:
            # Some of torch's libraries have one setting for all threads.
            torch.set_num_threads(threads)
        return [shares[k % workers][k // workers] for k in range(len(frames))]

    @cached_property
    def _helpers(self) -> ThreadPoolExecutor:
        """Threads beside the caller's, kept: new ones would ask for their memory anew.

        So would these: the C library takes memory back from threads after each look, but for as
        much as the largest block that it ever took back. Such a block is given to it here.
        """
        np.empty(_LARGE_BLOCK, np.uint8)
        return ThreadPoolExecutor(max(os.cpu_count() or 1, torch.get_num_threads()), "look")

    def _gaze(
        self, pixels: Tensor, ranges: Ranges | None, tiles: Tiles, boxes: Array
    ) -> Look[Array]:
        """A closer look still, at each box and at its mirror image in other colours.

        Things and their mirror images are of the same category, and as much there, whatever
        their colours: two looks err less than one, most of all on colours that a category was
        never seen in. What the colours are, the first look alone can say.
        """
        part = self._model.gaze
        masks = spoken_for(tiles, boxes)
        crops, sizes = crops_of(pixels, masks, boxes, part.side)
        around = None
        if part.surroundings is not None:
            around = self._and_mirrored(surroundings_of(pixels, masks, boxes))
        seen = part.seen(self._and_mirrored(crops), torch.cat([sizes, sizes]), around)
        both = part.said(seen).arrays()
        count, categories = len(boxes), len(self.config.categories)
        straight, mirrored = both.at(slice(count)), both.at(slice(count, None))
        # What is left of a box is right of it in the mirror, and moves the other way.
        turned = mirrored.shift[:, [2, 1, 0, 3]] * _TURNED
        halves = zip(straight, mirrored._replace(shift=turned), strict=True)
        look = Look(*(np.asarray((a + b) / 2, np.float32) for a, b in halves))
        look.names[:, categories:] = straight.names[:, categories:]
        if ranges is None:
            return look
        return look.plus(
            self._model.relief(seen[:count], *reliefs_of(ranges, masks, boxes)).arrays()
        )

    def _and_mirrored(self, crops: Tensor) -> Tensor:
        """[2 K, 4, side, side]: crops, then their mirror images in other colours."""
        crops = crops.to(self._dtype)  # Half as much to move about.
        return torch.cat([crops, crops.flip(-1).index_select(1, _SWAPPED)])

    def relate(self, features: Features, pairs: list[tuple[int, int]]) -> Array:
        """[P, 2] probabilities that the first object of each pair is on, or in, the second.

        Args:
            features: of an image, and what was found in it.
            pairs: P pairs of places among the found objects.
        """
        chosen = np.array(pairs)
        masks = (features.owner == chosen[..., None, None]).astype(np.float32)
        boxes, ranges = features.boxes[chosen], self._ranges(features.frame)
        with torch.inference_mode():
            crops, places = pair_crops_of(self._pixels(features.rgb), masks, boxes)
            seen = self._model.pair_glimpse.seen(crops, places)
            logits = self._model.pair_glimpse.said(seen)
            if ranges is not None:
                logits = logits + self._model.pair_relief(
                    seen, *pair_reliefs_of(ranges, masks, boxes)
                )
        return _softmax(logits.numpy())[:, 1:]

    def _ranges(self, frame: Frame) -> Ranges | None:
        """How far away is what a frame shows, padded as its pixels; None where it does not say."""
        depth, camera = frame.depth, frame.intrinsics
        if not self.config.sees_depth or depth is None or camera is None:
            return None
        height, width = depth.shape
        padded = np.zeros((height + -height % 32, width + -width % 32), np.float32)
        padded[:height, :width] = depth
        return Ranges(torch.from_numpy(padded)[None, None], (camera.fx, camera.fy))

    def _pixels(self, rgb: npt.NDArray[np.uint8]) -> Tensor:
        """[1, 3, H', W'] normalised; padded at the right and below to multiples of 32."""
        height, width = rgb.shape[:2]
        # Colours come last in memory, as the convolutions like them best.
        padded = np.zeros((height + -height % 32, width + -width % 32, 3), np.float32)
        padded[:height, :width] = rgb
        pixels = torch.from_numpy(padded)
        scale, offset = self._scaled(width)
        pixels[:height, :width].mul_(scale).sub_(offset)
        return pixels.permute(2, 0, 1)[None]

    def _row(self, width: int) -> tuple[Tensor, Tensor]:
        """[width, 3] each: by what a row of pixels is multiplied, and what is then taken off it.

        A row of three colours at a time, not three colours: the arithmetic is quicker.
        """
        mean, std = torch.tensor([self.config.image_mean, self.config.image_std])
        return (1 / (255 * std)).repeat(width, 1), (mean / std).repeat(width, 1)

    def _text_one(self, phrase: str) -> Array:
        return np.asarray(self._encode([phrase])[0].numpy(), np.float32)

    def _encode(self, phrases: list[str]) -> Tensor:
        tokens = self._tokenizer(  # type: ignore[operator]
            phrases, padding=True, return_tensors="pt", return_token_type_ids=False
        )
        with torch.inference_mode():
            vectors: Tensor = self._model.encode_text(**tokens)
        return vectors


def _together(glimpse: Look[Array], gaze: Look[Array], names: Array) -> Look[Array]:
    """What two closer looks say between them, and the dense pass of the names [K, C + D]."""
    both = zip(glimpse, gaze, strict=True)
    look = Look(*(_GAZE * second + (1 - _GAZE) * first for first, second in both))
    return look._replace(names=(1 - _DENSE) * look.names + _DENSE * names)


def _is_blank(rgb: npt.NDArray[np.uint8]) -> bool:
    return float(rgb[::8, ::8].std(axis=(0, 1)).max()) < _BLANK


def _in_view(boxes: Array, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """[K] bool: which boxes [K, 4] have something within an image after their sides were moved."""
    height, width = rgb.shape[:2]
    low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], (width, height))
    return np.asarray((low < high).all(axis=1))


def _sigmoid(logits: Array) -> Array:
    return np.asarray(expit(logits))


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
