"""Features: what one pass of the model over one image says, as plain arrays."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .configuration_handeye import HandeyeConfig

Array = npt.NDArray[np.float32]
_MAX_OBJECTS = 40
_NMS_IOU = 0.6
_CLAIMED_IOU = 0.45
"""A pixel whose box overlaps a found box by less speaks for an object of its own."""
_SURE_LOGIT = 0.5
_FEWEST_TILES = 10
_AGREED = 0.8
_SURROUNDINGS = 0.5
"""Weight of what the dense heads call an object, beside the glimpse; fitted on renders apart."""


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
        owner: [h, w] int, which object each 4×4 tile belongs to, -1 for none.
        dense: [h/2, w/2, E] embeddings, and `heat` [h/2, w/2], for heat maps.
        scale, bias: of the match between embeddings and phrases.
        labels: names of the categories and of the colours.
        shape: (H, W) of the image.
    """

    boxes: Array
    scores: Array
    held: Array
    opened: Array
    embeddings: Array
    categories: Array
    colors: Array
    owner: npt.NDArray[np.int64]
    dense: Array
    heat: Array
    scale: float
    bias: float
    labels: tuple[list[str], list[str]]
    shape: tuple[int, int]

    def name(self, k: int) -> tuple[str, str, float]:
        """Category, colour, and how sure the two together are, of object k."""
        category, color = int(self.categories[k].argmax()), int(self.colors[k].argmax())
        sure = float(self.categories[k, category] * self.colors[k, color])
        return self.labels[0][category], self.labels[1][color], sure

    def box(self, k: int) -> tuple[float, float, float, float]:
        """Box of object k, clipped to the image."""
        x0, y0, x1, y1 = (float(v) for v in self.boxes[k])
        height, width = self.shape
        return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))

    def mask(self, k: int) -> npt.NDArray[np.bool_]:
        """[H, W] bool instance mask of object k."""
        import cv2

        height, width = self.shape
        small = (self.owner == k).astype(np.float32)
        full = cv2.resize(
            small, (small.shape[1] * 4, small.shape[0] * 4), interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(full[:height, :width] > 0.5)

    def match(self, phrases: Array) -> Array:
        """[K, P] probabilities that each phrase [P, E] is true of each object."""
        return _sigmoid(self.embeddings @ phrases.T * self.scale + self.bias)

    def heat_map(self, phrase: Array) -> Array:
        """[H, W] where a phrase [E] rings true, 0..1."""
        import cv2

        truth = _sigmoid(self.dense @ phrase * self.scale + self.bias) * _sigmoid(self.heat)
        height, width = self.shape
        full = cv2.resize(
            truth, (truth.shape[1] * 8, truth.shape[0] * 8), interpolation=cv2.INTER_LINEAR
        )
        return np.asarray(full[:height, :width], np.float32)


class Looker:
    """Runs a checkpoint over images."""

    def __init__(self, folder: Path) -> None:
        import torch

        from .embedded import load_checkpoint

        self._torch = torch
        self._model: Any
        self._model, self._tokenizer = load_checkpoint(folder)
        self._model = self._model.to(memory_format=torch.channels_last)
        self.config: HandeyeConfig = self._model.config
        self._remembered = lru_cache(maxsize=256)(self._text_one)

    def text(self, phrases: list[str]) -> Array:
        """[P, E] vectors of phrases; kept for the next time."""
        return np.stack([self._remembered(phrase) for phrase in phrases])

    def calibrated(self, verb: str, score: float) -> float:
        """Probability behind a score, by the fit that the checkpoint carries."""
        slope, intercept = self.config.calibration.get(verb, (1.0, 0.0))
        clipped = min(max(score, 1e-4), 1 - 1e-4)
        logit = float(np.log(clipped / (1 - clipped)))
        return float(1.0 / (1.0 + np.exp(-(slope * logit + intercept))))

    def look(self, rgb: npt.NDArray[np.uint8]) -> Features:
        """One pass over an image [H, W, 3] uint8."""
        torch = self._torch
        height, width = rgb.shape[:2]
        with torch.inference_mode():
            pixels = self._pixels(rgb)
            out = self._model(pixels)
            heat = out.heat[0].sigmoid()
            picks = _peaks(heat, self.config.thresholds["parse"])
            keep = _suppress(out.boxes[0][picks].numpy(), heat[picks].numpy())
            picks = picks[0][keep], picks[1][keep]
            boxes, scores = out.boxes[0][picks], heat[picks]
            found = len(boxes)
            more = _unclaimed(out.mask_logits[0], out.mask_boxes[0], boxes)
            if more is not None:
                boxes, scores = torch.cat([boxes, more.boxes]), torch.cat([scores, more.scores])
                picks = torch.cat([picks[0], more.rows]), torch.cat([picks[1], more.columns])
            embeddings = out.embeddings[0][picks]
            owner = _owners(out.mask_logits[0], out.mask_boxes[0], boxes, found)
            names, held, opened = self._closer(pixels, owner, boxes)
            # The dense heads saw the object in its surroundings, the glimpse saw it well.
            names = names + _SURROUNDINGS * out.names[0][picks]
            held = (held + out.held[0][picks]) / 2
            count = len(self.config.categories)
            return Features(
                boxes.numpy(),
                scores.numpy(),
                held.sigmoid().numpy(),
                opened.sigmoid().numpy(),
                embeddings.numpy(),
                names[:, :count].softmax(dim=-1).numpy(),
                names[:, count:].softmax(dim=-1).numpy(),
                owner.numpy(),
                out.embeddings[0].numpy(),
                out.heat[0].numpy(),
                float(self._model.logit_scale.exp()),
                float(self._model.logit_bias),
                (self.config.categories, self.config.colors),
                (height, width),
            )

    def _closer(
        self, pixels: "torch.Tensor", owner: "torch.Tensor", boxes: "torch.Tensor"
    ) -> tuple["torch.Tensor", "torch.Tensor", "torch.Tensor"]:
        """Names [K, C + D], held [K] and opened [K] logits from a glimpse at each object."""
        from .modeling_handeye import crops_of

        torch = self._torch
        if not len(boxes):
            named = len(self.config.categories) + len(self.config.colors)
            return torch.zeros(0, named), torch.zeros(0), torch.zeros(0)
        masks = owner[None] == torch.arange(len(boxes))[:, None, None]
        crops, sizes = crops_of(pixels, masks.float(), boxes)
        # Things and their mirror images have the same names: two looks err less than one.
        both = torch.cat([crops, crops.flip(-1)])
        looks = self._model.glimpse(both, sizes.repeat(2, 1))
        count = len(boxes)
        names, held, opened = ((look[:count] + look[count:]) / 2 for look in looks)
        return names, held, opened

    def relate(
        self, rgb: npt.NDArray[np.uint8], features: Features, pairs: list[tuple[int, int]]
    ) -> Array:
        """[P, 2] probabilities that the first object of each pair is on, or in, the second.

        Args:
            rgb: [H, W, 3] uint8, the image that the features are of.
            features: what was found in it.
            pairs: P pairs of places among the found objects.
        """
        torch = self._torch
        from .modeling_handeye import pair_crops_of

        with torch.inference_mode():
            chosen = torch.tensor(pairs)
            owner = torch.from_numpy(features.owner)
            masks = (owner[None, None] == chosen[..., None, None]).float()
            boxes = torch.from_numpy(features.boxes)[chosen]
            crops, places = pair_crops_of(self._pixels(rgb), masks, boxes)
            shares = self._model.pair_glimpse(crops, places).softmax(dim=-1)
        return np.asarray(shares[:, 1:].numpy(), np.float32)

    def _pixels(self, rgb: npt.NDArray[np.uint8]) -> "torch.Tensor":
        """[1, 3, H', W'] normalised; padded at the right and below to multiples of 32."""
        torch = self._torch
        height, width = rgb.shape[:2]
        pixels = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 255
        mean = torch.tensor(self.config.image_mean).view(1, 3, 1, 1)
        std = torch.tensor(self.config.image_std).view(1, 3, 1, 1)
        pad = (0, -width % 32, 0, -height % 32)
        padded: Tensor = torch.nn.functional.pad((pixels - mean) / std, pad)
        return padded.contiguous(memory_format=torch.channels_last)

    def _text_one(self, phrase: str) -> Array:
        return np.asarray(self._encode([phrase])[0].numpy(), np.float32)

    def _encode(self, phrases: list[str]) -> "torch.Tensor":
        tokens = self._tokenizer(  # type: ignore[operator]
            phrases, padding=True, return_tensors="pt", return_token_type_ids=False
        )
        with self._torch.inference_mode():
            vectors: torch.Tensor = self._model.encode_text(**tokens)
        return vectors


def _sigmoid(values: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-values)), np.float32)


def _peaks(heat: "torch.Tensor", threshold: float) -> tuple["torch.Tensor", "torch.Tensor"]:
    """(rows, columns) of the local maxima above a threshold, best first."""
    import torch
    import torch.nn.functional as F

    highest = F.max_pool2d(heat[None, None], 3, stride=1, padding=1)[0, 0]
    rows, columns = torch.nonzero((heat == highest) & (heat > threshold), as_tuple=True)
    order = heat[rows, columns].argsort(descending=True, stable=True)[:_MAX_OBJECTS]
    return rows[order], columns[order]


def _suppress(boxes: Array, scores: Array) -> list[int]:
    """Indices to keep: of overlapping boxes the best; best first."""
    kept: list[int] = []
    for k in np.argsort(-scores, kind="stable"):
        if all(_iou(boxes[k], boxes[j]) < _NMS_IOU for j in kept):
            kept.append(int(k))
    return kept


def _iou(a: Array, b: Array) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    overlap = float(np.prod(np.maximum(high - low, 0.0)))
    total = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - overlap
    return overlap / max(total, 1e-6)


@dataclass(frozen=True, eq=False)
class _More:
    """Objects that their pixels tell of: boxes [M, 4], scores [M], cells (rows, columns) [M]."""

    boxes: "torch.Tensor"
    scores: "torch.Tensor"
    rows: "torch.Tensor"
    columns: "torch.Tensor"


def _unclaimed(
    logits: "torch.Tensor", mask_boxes: "torch.Tensor", boxes: "torch.Tensor"
) -> _More | None:
    """Objects without a peak of their own, which many pixels agree on all the same.

    What lies under something has its middle hidden, so that no cell stands out as its centre;
    but each of its pixels says what box it is of.

    Args:
        logits: [h, w] of "this tile is of an object".
        mask_boxes: [h, w, 4] of which box, pixels.
        boxes: [K, 4] that were found.
    """
    import torch

    at = (logits > _SURE_LOGIT).nonzero()
    said = mask_boxes[at[:, 0], at[:, 1]]
    if len(boxes):
        free = _ious(said, boxes).amax(dim=1) < _CLAIMED_IOU
        at, said = at[free], said[free]
    found: list[tuple[torch.Tensor, float, torch.Tensor]] = []
    while len(said) >= _FEWEST_TILES and len(found) < 8:
        sample = said[:: max(1, len(said) // 64)]
        alike = _ious(sample, said) > 0.6
        best = int(alike.sum(dim=1).argmax())
        group = alike[best]
        if int(group.sum()) < _FEWEST_TILES:
            break
        box = said[group].median(dim=0).values
        inside = _inside(at, box)
        agreed = float(group.sum()) / max(float(inside.sum()), 1.0)
        if agreed > _AGREED:
            center = at[group].float().median(dim=0).values
            nearest = (at[group] - center).pow(2).sum(dim=1).argmin()
            found.append((box, min(agreed, 1.0), at[group][nearest] // 2))
        rest = ~(group | (_ious(box[None], said)[0] > 0.5))
        at, said = at[rest], said[rest]
    if not found:
        return None
    cells = torch.stack([cell for _, _, cell in found])
    return _More(
        torch.stack([box for box, _, _ in found]),
        torch.tensor([0.5 * score for _, score, _ in found]),
        cells[:, 0],
        cells[:, 1],
    )


def _inside(at: "torch.Tensor", box: "torch.Tensor") -> "torch.Tensor":
    """[N] bool: which tiles (rows, columns) have their middle in a box."""
    y, x = (at[:, 0] + 0.5) * 4, (at[:, 1] + 0.5) * 4
    return (x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])


def _ious(a: "torch.Tensor", b: "torch.Tensor") -> "torch.Tensor":
    """[N, M] overlaps of boxes [N, 4] and [M, 4] over their unions."""
    import torch

    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = (high - low).clamp(min=0).prod(dim=-1)
    area_a = (a[:, 2:] - a[:, :2]).prod(dim=-1)[:, None]
    area_b = (b[:, 2:] - b[:, :2]).prod(dim=-1)[None]
    return overlap / (area_a + area_b - overlap).clamp(min=1e-6)


def _owners(
    logits: "torch.Tensor", mask_boxes: "torch.Tensor", boxes: "torch.Tensor", found: int
) -> "torch.Tensor":
    """Which object each tile is of: the one whose box is most like what the tile says.

    Of the boxes the first `found` have peaks of their own; the others take no tile from these.
    """
    import torch

    if not len(boxes):
        return torch.full(logits.shape, -1, dtype=torch.int64)
    a, b = mask_boxes[..., None, :], boxes
    low = torch.maximum(a[..., :2], b[..., :2])
    high = torch.minimum(a[..., 2:], b[..., 2:])
    overlap = (high - low).clamp(min=0).prod(dim=-1)
    area = (a[..., 2:] - a[..., :2]).prod(dim=-1) + (b[..., 2:] - b[..., :2]).prod(dim=-1)
    iou = overlap / (area - overlap).clamp(min=1e-6)
    if 0 < found < len(boxes):
        claimed = iou[..., :found].amax(dim=-1, keepdim=True) >= _CLAIMED_IOU
        iou[..., found:] = iou[..., found:] * ~claimed
    best, owner = iou.max(dim=-1)
    return torch.where((logits > 0) & (best > 0.2), owner, -1)
