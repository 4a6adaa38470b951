"""Crops: squares cut out of one image around objects or pairs of them, for a closer look."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from .modeling_handeye import GAZE_SIZE, GLIMPSE_CONTEXT, MASK_STRIDE, SURROUNDINGS_SIZE

Array = npt.NDArray[np.float32]


def crops_of(pixel_values: Tensor, masks: Array, boxes: Array, side: int) -> tuple[Tensor, Tensor]:
    """Cut objects out of one image, with some of what is around them.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, h, w] float, how far each tile speaks for the object, 0..1; any resolution.
        boxes: [K, 4] pixels.
        side: of the crops, pixels.

    Returns:
        crops [K, 4, side, side] and sizes [K, 2], see `Glimpse`.
    """
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 2.0)
    crops = _cut(pixel_values, masks[:, None], *_window(boxes), side)
    return crops, torch.from_numpy(np.log(size / 32.0))


def surroundings_of(pixel_values: Tensor, masks: Array, boxes: Array) -> Tensor:
    """What is around objects in one image, coarsely, and as large for large ones as for small.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, H/4, W/4] float, how far each tile speaks for the object, 0..1.
        boxes: [K, 4] pixels.

    Returns:
        [K, 4, 40, 40], see `Glimpse`.
    """
    coarse = F.avg_pool2d(pixel_values, MASK_STRIDE)
    center = _window(boxes)[0] / np.float32(MASK_STRIDE)
    half = np.full(len(boxes), SURROUNDINGS_SIZE / 2, np.float32)
    return _cut(coarse, masks[:, None], center, half, SURROUNDINGS_SIZE)


def pair_crops_of(pixel_values: Tensor, masks: Array, boxes: Array) -> tuple[Tensor, Tensor]:
    """Cut pairs of objects out of one image.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, 2, h, w] float, 1 where the first, the second object is.
        boxes: [K, 2, 4] pixels.

    Returns:
        crops [K, 5, 56, 56] and places [K, 8], see `PairGlimpse`.
    """
    both = np.concatenate([boxes[..., :2].min(axis=1), boxes[..., 2:].max(axis=1)], axis=1)
    center, half = _window(both)
    places = (boxes.reshape(-1, 4, 2) - center[:, None]) / half[:, None, None]
    crops = _cut(pixel_values, masks, center, half, GAZE_SIZE)
    return crops, torch.from_numpy(places.reshape(-1, 8))


def _window(boxes: Array) -> tuple[Array, Array]:
    """Middle [K, 2] and half side [K] of the squares to cut out around boxes [K, 4]."""
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 2.0)
    half = np.asarray(np.float32(GLIMPSE_CONTEXT / 2) * size.max(axis=1), np.float32)
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32), half


def _cut(pixel_values: Tensor, masks: Array, center: Array, half: Array, side: int) -> Tensor:
    """[K, 3 + m, side, side] squares of one image with m masks [K, m, h, w]."""
    height, width = pixel_values.shape[-2:]
    steps = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)
    grid = np.empty((2, len(center), side, side), np.float32)
    for axis, extent in enumerate((width, height)):
        # In the frame of `grid_sample`, where an image reaches from -1 to 1.
        at = (center[:, axis, None] + half[:, None] * steps) * (2 / extent) - 1
        grid[axis] = at[:, None, :] if axis == 0 else at[:, :, None]
    places = torch.from_numpy(grid).permute(1, 2, 3, 0)
    images = pixel_values.expand(len(center), -1, -1, -1)
    cut = F.grid_sample(images, places, mode="bilinear", align_corners=False)
    shown = F.grid_sample(torch.from_numpy(masks), places, mode="bilinear", align_corners=False)
    return torch.cat([cut, shown], dim=1)
