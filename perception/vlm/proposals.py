"""Proposals: where the dense pass supposes objects, before a closer look has judged them."""

import numpy as np
import torch
from torch import Tensor

LEAST_HEAT = 0.25
"""Cells less likely to be an object's middle propose nothing."""
_MOST = 40
_SAME = 0.6
"""Boxes that overlap more are proposals of one object."""
_OWNED = 0.15
"""A tile that agrees less with every box is of none."""


def propose(heat: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns [K] of the cells whose boxes are worth a closer look, best first.

    Every likely cell has a say, not only the peaks: of two things that touch, as in a stack, one
    often has no peak of its own.

    Args:
        heat: [h, w] probability that an object's middle is here.
        boxes: [h, w, 4] pixels.
    """
    rows, columns = torch.nonzero(heat > LEAST_HEAT, as_tuple=True)
    order = heat[rows, columns].argsort(descending=True, stable=True)
    rows, columns = rows[order], columns[order]
    keep = suppress(boxes[rows, columns], _SAME)[:_MOST]
    return rows[keep], columns[keep]


def suppress(boxes: Tensor, limit: float) -> Tensor:
    """Indices of those boxes [N, 4], given best first, that overlap no better one by `limit`."""
    over = (ious(boxes, boxes) >= limit).numpy()
    free = np.ones(len(boxes), np.bool_)
    for k in range(len(boxes)):
        if free[k]:
            free[k + 1 :] &= ~over[k, k + 1 :]
    return torch.from_numpy(np.flatnonzero(free))


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


def owners(shares: Tensor) -> Tensor:
    """[h, w] which object each tile is of, by agreement [K, h, w]; -1 for none."""
    if not len(shares):
        return torch.full(shares.shape[1:], -1, dtype=torch.int64)
    best, owner = shares.max(dim=0)
    return torch.where(best > _OWNED, owner, -1)


def ious(a: Tensor, b: Tensor) -> Tensor:
    """[N, M] overlaps of boxes [N, 4] and [M, 4] over their unions."""
    left, top, right, bottom = a[:, :, None].unbind(dim=1)
    others = b.unbind(dim=1)
    width = torch.minimum(right, others[2]) - torch.maximum(left, others[0])
    height = torch.minimum(bottom, others[3]) - torch.maximum(top, others[1])
    overlap = width.clamp_(min=0).mul_(height.clamp_(min=0))
    area = (right - left) * (bottom - top) + (others[2] - others[0]) * (others[3] - others[1])
    return overlap / (area - overlap).clamp_(min=1e-6)
