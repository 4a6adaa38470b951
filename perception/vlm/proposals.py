"""Proposals: where the dense pass supposes objects, before a closer look has judged them."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .modeling_handeye import MASK_STRIDE, STRIDE, Look

LEAST_HEAT = 0.25
"""Cells less likely to be an object's middle propose nothing."""
_MOST = 40
_SAME = 0.6
"""Boxes that overlap more are proposals of one object."""
_SMALLER = (0.35, 0.5, 0.7)
"""Sides of the squares proposed besides, over that of the smallest box around."""
_WORTH = -1.5
"""Logit of being an object, below which a proposal is not worth another look."""
_ONE = 0.55
"""Boxes that overlap more, once mended, are of one object."""
_OWNED = 0.15
"""A tile that agrees less with every box is of none."""
_NESTED, _ALIKE = 0.75, 0.3
"""Boxes of one name are of one thing if one holds so much of the other, and they are so alike."""
_LARGER, _FILLED = 1.5, 0.55
"""How much larger what a thing lies on is at least, and how much of its box a thing fills."""


def propose(heat: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows and columns [K] of cells that are worth a closer look, and the box [K, 4] of each.

    Every likely cell has a say, not only the peaks: of two things that touch, as in a stack, one
    often has no peak of its own. Where two middles fall together, as of a block and the plate that
    it lies on, the dense pass finds a box between the two; smaller ones are proposed besides.

    Args:
        heat: [h, w] probability that an object's middle is here.
        boxes: [h, w, 4] pixels.
    """
    rows, columns = torch.nonzero(heat > LEAST_HEAT, as_tuple=True)
    order = heat[rows, columns].argsort(descending=True, stable=True)
    rows, columns = rows[order], columns[order]
    keep = suppress(boxes[rows, columns], _SAME)[:_MOST]
    rows, columns = rows[keep], columns[keep]
    kept = boxes[rows, columns]
    cells, smaller = _within(heat, kept)
    return (
        torch.cat([rows, cells[:, 0]])[:_MOST],
        torch.cat([columns, cells[:, 1]])[:_MOST],
        torch.cat([kept, smaller])[:_MOST],
    )


def _within(heat: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Cells [N, 2] and squares [N, 4] at the peaks of the heat that several boxes lie around."""
    if not len(boxes):
        return torch.zeros(0, 2, dtype=torch.int64), boxes
    peaks = torch.nonzero((F.max_pool2d(heat[None], 3, 1, 1)[0] == heat) & (heat > LEAST_HEAT))
    middles = (peaks.flip(1) + 0.5 + _finer(heat, peaks)) * STRIDE
    around = (boxes[None, :, :2] < middles[:, None]) & (boxes[None, :, 2:] > middles[:, None])
    around = around.all(dim=-1)
    contested = around.sum(dim=1) > 1
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1).sqrt()
    side = torch.where(around, sides, torch.inf)[contested].amin(dim=1, keepdim=True)
    halves = side / 2 * torch.tensor(_SMALLER)
    half = halves.reshape(-1, 1)
    middle = middles[contested].repeat_interleave(len(_SMALLER), dim=0)
    squares = torch.cat([middle - half, middle + half], dim=1)
    new = ~(ious(squares, boxes) >= _SAME).any(dim=1)
    return peaks[contested].repeat_interleave(len(_SMALLER), dim=0)[new], squares[new]


def _finer(heat: Tensor, peaks: Tensor) -> Tensor:
    """[N, 2] how far right and below of their cells' middles peaks [N, 2] are, in cells.

    Where a parabola through the logits of the cell and its neighbours is highest.
    """
    level = F.pad(heat.logit(1e-4)[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    row, column = (peaks + 1).unbind(dim=1)
    at = level[row, column]
    offsets = []
    for down, right in ((0, 1), (1, 0)):
        before, after = level[row - down, column - right], level[row + down, column + right]
        bend = (2 * at - before - after).clamp(min=1e-3)
        offsets.append(((after - before) / (2 * bend)).clamp(-0.5, 0.5))
    return torch.stack(offsets, dim=1)


def worthy(boxes: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """Which of proposals [K, 4] that were looked at to keep [N], best first, and their boxes."""
    moved = mended(boxes, look)
    order = look.there.argsort(descending=True, stable=True)
    order = order[look.there[order] > _WORTH]
    best = order[suppress(moved[order], _ONE)]
    return best, moved[best]


def mended(boxes: Tensor, look: Look) -> Tensor:
    """Boxes [K, 4] with their sides moved as a look at them says."""
    return boxes + look.shift * (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)


def suppress(boxes: Tensor, limit: float) -> Tensor:
    """Indices of those boxes [N, 4], given best first, that overlap no better one by `limit`."""
    over = (ious(boxes, boxes) >= limit).numpy()
    free = np.ones(len(boxes), np.bool_)
    for k in range(len(boxes)):
        if free[k]:
            free[k + 1 :] &= ~over[k, k + 1 :]
    return torch.from_numpy(np.flatnonzero(free))


def doubled(boxes: Tensor, names: Tensor, scores: Tensor) -> Tensor:
    """[K] bool: what lies within a box of the same name, or takes one in, that scores better.

    Args:
        boxes: [K, 4] pixels.
        names: [K, N] one row for each; the same rows are the same name.
        scores: [K] of being there.
    """
    low = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(dim=-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=-1)
    nested = shared > _NESTED * torch.minimum(areas[:, None], areas[None])
    alike = torch.minimum(areas[:, None], areas[None]) > _ALIKE * torch.maximum(
        areas[:, None], areas[None]
    )
    same = (names[:, None] == names[None]).all(dim=-1)
    return (nested & alike & same & (scores[None] > scores[:, None])).any(dim=1)


def agreement(mask_logits: Tensor, mask_boxes: Tensor, boxes: Tensor) -> Tensor:
    """[K, h, w] in 0..1: how far each tile speaks for each of the boxes.

    Args:
        mask_logits: [h, w] of "this tile is of an object".
        mask_boxes: [h, w, 4] of an object with which box, pixels.
        boxes: [K, 4] pixels.
    """
    height, width = mask_logits.shape
    alike = ious(boxes, mask_boxes.reshape(-1, 4)).reshape(len(boxes), height, width)
    return alike * mask_logits.sigmoid()


def owners(shares: Tensor, boxes: Tensor) -> Tensor:
    """[h, w] which object each tile is of; -1 for none.

    Of a small thing on a plate most tiles speak for the plate, or for a box between the two: it
    gets the ellipse within its box.

    Args:
        shares: [K, h, w] how far each tile speaks for each box, see `agreement`.
        boxes: [K, 4] pixels.
    """
    if not len(shares):
        return torch.full(shares.shape[1:], -1, dtype=torch.int64)
    best, owner = shares.max(dim=0)
    owner = torch.where(best > _OWNED, owner, -1)
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1.0)
    areas = size.prod(dim=1)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (middles[:, None] > boxes[None, :, :2]) & (middles[:, None] < boxes[None, :, 2:])
    within = inside.all(dim=-1) & (areas[None] > _LARGER * areas[:, None])
    y, x = torch.meshgrid(*(torch.arange(n) for n in owner.shape), indexing="ij")
    tiles = (torch.stack([x, y], dim=-1) + 0.5) * MASK_STRIDE
    for k in torch.nonzero(within.any(dim=1))[:, 0].tolist():
        if int((owner == k).sum()) * MASK_STRIDE**2 < _FILLED * areas[k]:
            off = (tiles - middles[k]) / (size[k] / 2)
            owner[(off**2).sum(dim=-1) < 1.0] = k
    return owner


def ious(a: Tensor, b: Tensor) -> Tensor:
    """[N, M] overlaps of boxes [N, 4] and [M, 4] over their unions."""
    left, top, right, bottom = a[:, :, None].unbind(dim=1)
    others = b.unbind(dim=1)
    width = torch.minimum(right, others[2]) - torch.maximum(left, others[0])
    height = torch.minimum(bottom, others[3]) - torch.maximum(top, others[1])
    overlap = width.clamp_(min=0).mul_(height.clamp_(min=0))
    area = (right - left) * (bottom - top) + (others[2] - others[0]) * (others[3] - others[1])
    return overlap / (area - overlap).clamp_(min=1e-6)
