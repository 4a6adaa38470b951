"""Proposals: where the dense pass supposes objects, before a closer look has judged them.

On plain arrays: they are small, and many steps are made with each.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from .closer_looks import Look
from .modeling_handeye import MASK_STRIDE, STRIDE

Array = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]

_LEAST = math.log(1 / 3)
"""Logit of being an object's middle, below which a cell proposes nothing."""
_STEEP = math.log(9999)
"""Logits of a peak's neighbours are held within this."""
_MOST = 40
_SAME = 0.6
"""Boxes that overlap more are proposals of one object."""
_SMALLER = np.array([0.35, 0.5, 0.7], np.float32)
"""Sides of the squares proposed besides, over that of the smallest box around."""
_WORTH = -1.5
"""Logit of being an object, below which a proposal is not worth another look."""
_HEATED = 0.33
"""Weight of what the dense pass says of that, beside the glimpse; fitted on renders that neither
training nor measuring uses."""
_ONE = 0.55
"""Boxes that overlap more, once mended, are of one object."""
_FAINT = math.log(1 / 254)
"""Logit below which a tile speaks for no object."""
_OWNED = 0.15
"""A tile that agrees less with every box is of none."""
_NESTED, _ALIKE = 0.75, 0.3
"""Boxes of one name are of one thing if one holds so much of the other, and they are so alike."""
_LARGER, _FILLED = 1.5, 0.55
"""How much larger what a thing lies on is at least, and how much of its box a thing fills."""


def propose(heat: Array, boxes: Array) -> tuple[Index, Index, Array]:
    """Rows and columns [K] of cells that are worth a closer look, and the box [K, 4] of each.

    Every likely cell has a say, not only the peaks: of two things that touch, as in a stack, one
    often has no peak of its own. Where two middles fall together, as of a block and the plate that
    it lies on, the dense pass finds a box between the two; smaller ones are proposed besides.

    Args:
        heat: [h, w] logits that an object's middle is here.
        boxes: [h, w, 4] pixels.
    """
    hot = heat > _LEAST
    likely = np.argwhere(hot)[np.argsort(-heat[hot], kind="stable")]
    kept = boxes[likely[:, 0], likely[:, 1]]
    keep = suppress(kept, _SAME)[:_MOST]
    kept = kept[keep]
    cells, smaller = _within(heat, likely, kept)
    rows, columns = np.concatenate([likely[keep], cells])[:_MOST].T
    return rows, columns, np.concatenate([kept, smaller])[:_MOST]


def _within(heat: Array, likely: Index, boxes: Array) -> tuple[Index, Array]:
    """Cells [N, 2] and squares [N, 4] at the peaks of the heat that several boxes lie around.

    Args:
        heat: [h, w] logits that an object's middle is here.
        likely: [L, 2] rows and columns of the cells that may be peaks.
        boxes: [K, 4] pixels.
    """
    if not len(boxes):
        return likely, boxes
    peaks, middles = _peaks(heat, likely)
    around = (boxes[None, :, :2] < middles[:, None]) & (boxes[None, :, 2:] > middles[:, None])
    lies = around.all(axis=-1)
    contested = lies.sum(axis=1) > 1
    sides = np.sqrt(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1))
    side = np.where(lies, sides, np.float32(np.inf))[contested].min(axis=1, keepdims=True)
    half = (side / 2 * _SMALLER).reshape(-1, 1)
    middle = middles[contested].repeat(len(_SMALLER), axis=0)
    squares = np.concatenate([middle - half, middle + half], axis=1)
    new = ~(ious(squares, boxes) >= _SAME).any(axis=1)
    return peaks[contested].repeat(len(_SMALLER), axis=0)[new], squares[new]


def _peaks(heat: Array, likely: Index) -> tuple[Index, Array]:
    """Those cells [P, 2] of some [L, 2] that none beside is hotter than, and the middles there.

    The middles, (x, y) [P, 2] pixels, are where parabolas through the logits of a cell and its
    neighbours are highest.
    """
    framed = cv2.copyMakeBorder(heat, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    three = np.arange(3)
    near = framed[likely[:, :1, None] + three[:, None], likely[:, 1:, None] + three]
    at_peak = near.max(axis=(1, 2)) == near[:, 1, 1]
    peaks, level = likely[at_peak], np.minimum(np.maximum(near[at_peak], -_STEEP), _STEEP)
    before, after = level[:, (1, 0), (0, 1)], level[:, (1, 2), (2, 1)]
    bend = np.maximum(2 * level[:, 1, 1, None] - before - after, 1e-3)
    finer = np.clip((after - before) / (2 * bend), -0.5, 0.5)
    return peaks, np.asarray((peaks[:, ::-1] + 0.5 + finer) * STRIDE, np.float32)


def worthy(boxes: Array, look: Look[Array], heat: Array) -> tuple[Index, Array]:
    """Which proposals to keep [N], best first, and their boxes, moved.

    Args:
        boxes: [K, 4] pixels.
        look: at each of them.
        heat: [K] logits of the dense pass that an object's middle is there.
    """
    moved = mended(boxes, look)
    worth = look.there + _HEATED * heat
    order = np.argsort(-worth, kind="stable")
    order = order[worth[order] > _WORTH]
    best = order[suppress(moved[order], _ONE)]
    return best, moved[best]


def mended(boxes: Array, look: Look[Array]) -> Array:
    """Boxes [K, 4] with their sides moved as a look at them says."""
    corners = boxes.reshape(-1, 2, 2)
    size = corners[:, 1:] - corners[:, :1]
    return np.asarray((corners + look.shift.reshape(-1, 2, 2) * size).reshape(-1, 4), np.float32)


def suppress(boxes: Array, limit: float) -> Index:
    """Indices of those boxes [N, 4], given best first, that overlap no better one by `limit`."""
    corners_and_sizes = boxes.copy()
    corners_and_sizes[:, 2:] -= boxes[:, :2]
    scores = list(range(len(boxes), 0, -1))
    # Of lists, which OpenCV takes in twice as fast as arrays.
    return np.asarray(cv2.dnn.NMSBoxes(corners_and_sizes.tolist(), scores, 0.0, limit), np.intp)


def doubled(boxes: Array, names: Index, scores: Array) -> npt.NDArray[np.bool_]:
    """[K] bool: what lies within a box of the same name, or takes one in, that scores better.

    Args:
        boxes: [K, 4] pixels.
        names: [K, N] one row for each; the same rows are the same name.
        scores: [K] of being there.
    """
    shared = _shared(boxes, boxes)
    areas = areas_of(boxes)
    small, large = np.minimum(areas[:, None], areas), np.maximum(areas[:, None], areas)
    same = (names[:, None] == names[None]).all(axis=-1)
    one = (shared > _NESTED * small) & (small > _ALIKE * large) & same
    return np.asarray((one & (scores > scores[:, None])).any(axis=1))


class Tiles(NamedTuple):
    """The T tiles of a map [h, w] that are likely of an object.

    Attributes:
        shape: (h, w).
        places: [T] which tiles, counted row by row.
        filled: [T] probability that a tile is of an object.
        boxes: [T, 4] of an object with which box, pixels.
    """

    shape: tuple[int, ...]
    places: Index
    filled: Array
    boxes: Array


def tiles_of(logits: Array, boxes: Array) -> Tiles:
    """The tiles that are likely of an object, by logits [h, w], and of one with boxes [h, w, 4]."""
    places = np.flatnonzero(logits > _FAINT)
    filled = np.asarray(expit(logits.ravel()[places]))
    return Tiles(logits.shape, places, filled, boxes.reshape(-1, 4)[places])


def agreement(tiles: Tiles, boxes: Array) -> Array:
    """[K, T] in 0..1: how far each tile speaks for each of the boxes [K, 4]."""
    return np.asarray(ious(boxes, tiles.boxes) * tiles.filled)


def spoken_for(tiles: Tiles, boxes: Array) -> Array:
    """[K, h, w] in 0..1: the same as a map; unlikely tiles speak for none."""
    full = np.zeros((len(boxes), math.prod(tiles.shape)), np.float32)
    full[:, tiles.places] = agreement(tiles, boxes)
    return full.reshape(-1, *tiles.shape)


def owners(
    shares: Array, boxes: Array, shape: tuple[int, ...], places: Index | slice = slice(None)
) -> npt.NDArray[np.int16]:
    """[h, w] which object each tile is of; -1 for none.

    Of a small thing on a plate most tiles speak for the plate, or for a box between the two: it
    gets the ellipse within its box.

    Args:
        shares: [K, T] how far each tile speaks for each box, see `agreement`.
        boxes: [K, 4] pixels.
        shape: (h, w) of the map of tiles.
        places: [T] which tiles of the map these are, counted row by row; all by default.
    """
    owner = np.full(shape, -1, np.int16)
    if not len(shares):
        return owner
    owner.ravel()[places] = np.where(shares.max(axis=0) > _OWNED, shares.argmax(axis=0), -1)
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    areas = size.prod(axis=1)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (middles[:, None] > boxes[None, :, :2]) & (middles[:, None] < boxes[None, :, 2:])
    within = inside.all(axis=-1) & (areas > _LARGER * areas[:, None])
    for k in np.flatnonzero(within.any(axis=1)).tolist():
        if int((owner == k).sum()) * MASK_STRIDE**2 < _FILLED * areas[k]:
            y, x = ((np.arange(count) + 0.5) * MASK_STRIDE for count in owner.shape)
            right, below = (x - middles[k, 0]) / size[k, 0], (y - middles[k, 1]) / size[k, 1]
            owner[right**2 + below[:, None] ** 2 < 0.25] = k
    return owner


def ious(a: Array, b: Array) -> Array:
    """[N, M] overlaps of boxes [N, 4] and [M, 4] over their unions."""
    shared = _shared(a, b)
    union = areas_of(a)[:, None] + areas_of(b) - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float32)


def _shared(a: Array, b: Array) -> Array:
    """[N, M] areas that boxes [N, 4] and [M, 4] have in common, pixels²."""
    left, top, right, bottom = a.T[..., None]
    others = np.ascontiguousarray(b.T)
    width = np.minimum(right, others[2]) - np.maximum(left, others[0])
    height = np.minimum(bottom, others[3]) - np.maximum(top, others[1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float32)


def areas_of(boxes: Array) -> Array:
    """[N] of boxes [N, 4], pixels²."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
