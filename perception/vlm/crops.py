"""Crops: squares cut out of one image around objects or pairs of them, for a closer look."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from .modeling_handeye import GAZE_SIZE, GLIMPSE_CONTEXT, MASK_STRIDE, SURROUNDINGS_SIZE

Array = npt.NDArray[np.float32]
_NEAREST_M = 0.03
"""Depth below this is no reading."""
_OWN = 0.3
"""A pixel that speaks for a thing by more than this is of it, when its distance is told."""
_DEEP = 2.0
"""Relief is held within this, in half sides of the crop."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """How far away is what one image shows.

    Attributes:
        depth: [1, 1, H, W] float32 metres along the optical axis; 0 or NaN marks no reading.
        focal_px: focal lengths, across and down.
    """

    depth: Tensor
    focal_px: tuple[float, float]


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
    grid = _grid(pixel_values, *_window(boxes), side)
    crops = _cut(pixel_values, masks[:, None], grid)
    return crops, torch.from_numpy(np.log(_size(boxes) / 32.0))


def deep_crops_of(
    pixel_values: Tensor, ranges: Ranges | None, masks: Array, boxes: Array, side: int
) -> tuple[Tensor, Tensor]:
    """The same with what a depth camera tells.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        ranges: of the same image; None where there is no depth camera.
        masks: [K, h, w] float, how far each tile speaks for the object, 0..1; any resolution.
        boxes: [K, 4] pixels.
        side: of the crops, pixels.

    Returns:
        crops [K, 5, side, side] and sizes [K, 5], see `Glimpse`.
    """
    center, half = _window(boxes)
    grid = _grid(pixel_values, center, half, side)
    crops, size = _cut(pixel_values, masks[:, None], grid), torch.from_numpy(_size(boxes))
    pixels = torch.log(size / 32.0)
    if ranges is None:
        return F.pad(crops, (0, 0, 0, 0, 0, 1)), F.pad(pixels, (0, 3))
    focal = torch.tensor(ranges.focal_px)
    away = _sampled(ranges.depth, grid)
    relief, distance = relief_of(away, crops[:, 3:], torch.from_numpy(half) / focal[0])
    metric = metric_sizes(size / focal, distance)
    return torch.cat([crops, relief], dim=1), torch.cat([pixels, metric], dim=1)


def relief_of(depth: Tensor, masks: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """The shape of things, whatever their distance and size, and how far away they are.

    Args:
        depth: [K, 1, side, side] metres, of squares around things; 0 or NaN is no reading.
        masks: [K, 1, side, side] how far each pixel is of the thing, 0..1.
        half: [K] half a square's side, over the focal length.

    Returns:
        relief [K, 1, side, side], how much nearer each pixel is than the thing's middle depth, in
        half sides of the square as long as they are there; 0 where there is no reading. And that
        middle depth [K], metres, NaN where none of the thing was read.
    """
    known = depth > _NEAREST_M
    own = torch.where(known & (masks > _OWN), depth, torch.nan)
    distance = own[..., ::2, ::2].flatten(1).nanmedian(dim=1).values
    scale = (distance * half)[:, None, None, None]
    relief = (distance[:, None, None, None] - depth) / scale
    relief = torch.where(known, relief, 0.0).nan_to_num(0.0).clamp(-_DEEP, _DEEP)
    return relief, distance


def metric_sizes(angles: Tensor, distance: Tensor) -> Tensor:
    """[K, 3]: log of width and height over 0.1 m, and 1; zeros where the distance is unknown.

    Args:
        angles: [K, 2] width and height over the focal lengths.
        distance: [K] metres, NaN where unknown.
    """
    sizes = torch.log(angles * distance[:, None] / 0.1)
    known = ~distance.isnan()
    return torch.cat([sizes.nan_to_num(0.0), known[:, None].to(sizes.dtype)], dim=1)


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
    return _cut(coarse, masks[:, None], _grid(coarse, center, half, SURROUNDINGS_SIZE))


def pair_crops_of(
    pixel_values: Tensor, masks: Array, boxes: Array, ranges: Ranges | None, *, deep: bool
) -> tuple[Tensor, Tensor]:
    """Cut pairs of objects out of one image.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, 2, h, w] float, 1 where the first, the second object is.
        boxes: [K, 2, 4] pixels.
        ranges: of the same image; None where there is no depth camera.
        deep: whether there is to be a layer of relief.

    Returns:
        crops [K, 5, 56, 56], or [K, 6, 56, 56] if deep, and places [K, 8], see `PairGlimpse`.
    """
    both = np.concatenate([boxes[..., :2].min(axis=1), boxes[..., 2:].max(axis=1)], axis=1)
    center, half = _window(both)
    places = (boxes.reshape(-1, 4, 2) - center[:, None]) / half[:, None, None]
    grid = _grid(pixel_values, center, half, GAZE_SIZE)
    crops = _cut(pixel_values, masks, grid)
    if deep and ranges is None:
        crops = F.pad(crops, (0, 0, 0, 0, 0, 1))
    elif deep and ranges is not None:
        away = _sampled(ranges.depth, grid)
        angle = torch.from_numpy(half) / ranges.focal_px[0]
        crops = torch.cat([crops, relief_of(away, crops[:, 3:4], angle)[0]], dim=1)
    return crops, torch.from_numpy(places.reshape(-1, 8))


def _size(boxes: Array) -> Array:
    """[K, 2] width and height of boxes [K, 4]."""
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 2.0), np.float32)


def _window(boxes: Array) -> tuple[Array, Array]:
    """Middle [K, 2] and half side [K] of the squares to cut out around boxes [K, 4]."""
    half = np.asarray(np.float32(GLIMPSE_CONTEXT / 2) * _size(boxes).max(axis=1), np.float32)
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32), half


def _grid(pixel_values: Tensor, center: Array, half: Array, side: int) -> Tensor:
    """[K, side, side, 2] where squares of an image are sampled, in the frame of `grid_sample`."""
    height, width = pixel_values.shape[-2:]
    steps = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1).astype(np.float32)
    grid = np.empty((2, len(center), side, side), np.float32)
    for axis, extent in enumerate((width, height)):
        # There an image reaches from -1 to 1.
        at = (center[:, axis, None] + half[:, None] * steps) * (2 / extent) - 1
        grid[axis] = at[:, None, :] if axis == 0 else at[:, :, None]
    return torch.from_numpy(grid).permute(1, 2, 3, 0)


def _sampled(layers: Tensor, grid: Tensor) -> Tensor:
    """[K, c, side, side] of one image's layers [1, c, H, W], or of K layers each."""
    layers = layers.expand(len(grid), -1, -1, -1)
    return F.grid_sample(layers, grid, mode="bilinear", align_corners=False)


def _cut(pixel_values: Tensor, masks: Array, grid: Tensor) -> Tensor:
    """[K, 3 + m, side, side] squares of one image with m masks [K, m, h, w]."""
    return torch.cat([_sampled(pixel_values, grid), _sampled(torch.from_numpy(masks), grid)], 1)
