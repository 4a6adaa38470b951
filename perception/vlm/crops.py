"""Crops: squares cut out of one image around objects or pairs of them, for a closer look."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from .closer_looks import (
    GAZE_SIZE,
    GLIMPSE_CONTEXT,
    NEAREST_M,
    RELIEF_CONTEXT,
    RELIEF_DEEPEST,
    RELIEF_SIZE,
    RELIEF_UNIT_M,
    SURROUNDINGS_SIZE,
)
from .dense_relief import GlimpseRelief
from .modeling_handeye import MASK_STRIDE

Array = npt.NDArray[np.float32]
_OWN = 0.3
"""A pixel that speaks for a thing by more than this is of it, when its distance is told."""
_QUANTILES = (0.05, 0.25, 0.75, 0.95)
"""Of a thing's depth."""


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


def shapes_of(shapes: Tensor, boxes: Array) -> Tensor:
    """Cut what is seen of depth around proposals out of that of the whole image.

    Args:
        shapes: [1, 33, H/4, W/4], see `HandeyeOutput`.
        boxes: [K, 4] pixels.

    Returns:
        [K, 33, 6, 6], see `GlimpseRelief`.
    """
    center, half = _window(boxes, GlimpseRelief.CONTEXT)
    stride = np.float32(MASK_STRIDE)
    return _sampled(shapes, _grid(shapes, center / stride, half / stride, GlimpseRelief.SIDE))


def reliefs_of(ranges: Ranges, masks: Array, boxes: Array) -> tuple[Tensor, Tensor, Tensor]:
    """Cut what a depth camera tells of objects out of one image, with what is around them.

    Args:
        ranges: of the image.
        masks: [K, h, w] float, how far each tile speaks for the object, 0..1; any resolution.
        boxes: [K, 4] pixels.

    Returns:
        relief [K, 2, 48, 48], extents [K, 7] and known [K], see `Relief`.
    """
    grid = _grid(ranges.depth, *_window(boxes, RELIEF_CONTEXT), RELIEF_SIZE)
    shown = _sampled(torch.from_numpy(masks[:, None]), grid)
    angles = torch.from_numpy(_size(boxes)) / torch.tensor(ranges.focal_px)
    return relief_of(_sampled(ranges.depth, grid), shown, angles)


def relief_of(depth: Tensor, masks: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The shape of things and how large they are, whatever their distance.

    Args:
        depth: [K, 1, side, side] metres, of squares around things; 0 or NaN is no reading.
        masks: [K, 1, side, side] how far each pixel is of the thing, 0..1.
        angles: [K, 2] width and height of the things' boxes over the focal lengths.

    Returns:
        relief [K, 2, side, side], extents [K, 7] and known [K], see `Relief`; zeros where none of
        the thing was read, and in the relief where a pixel was not.
    """
    read = _read(depth)
    own = read & (masks > _OWN)
    medians, percentiles = _percentiles(depth, own, read & ~own)
    distance, known = medians[:, 0], ~medians[:, 0].isnan()
    marks = _nearer(torch.cat([percentiles[:, 0], medians[:, 1:]], dim=1), distance)
    sizes = torch.log(angles * distance[:, None] / 0.1)
    extents = torch.cat([sizes, marks], dim=1).nan_to_num(0.0)
    relief = torch.cat([_heights(depth, read, distance), masks], dim=1)
    return relief, extents, known.to(extents.dtype)


def _read(depth: Tensor) -> Tensor:
    """Where depth was read."""
    return (depth > NEAREST_M) & (depth < torch.inf)


def _heights(depth: Tensor, read: Tensor, distance: Tensor) -> Tensor:
    """[K, 1, side, side] how much nearer depth is than distances [K]; 0 where it was not read."""
    heights = _nearer(depth, distance[:, None, None])
    return torch.where(read, heights, 0.0).nan_to_num(0.0)


def _nearer(depth: Tensor, distance: Tensor) -> Tensor:
    """How much nearer depths [K, ...] are than distances [K, ...], in units of reliefs."""
    return ((distance[:, None] - depth) / RELIEF_UNIT_M).clamp(-RELIEF_DEEPEST, RELIEF_DEEPEST)


def _percentiles(depth: Tensor, *where: Tensor) -> tuple[Tensor, Tensor]:
    """Of depth [K, 1, side, side] at n choices of pixels where it was read, NaN without any.

    Returns:
        the medians [K, n] and the percentiles [K, n, 4].
    """
    chosen = torch.cat(where, dim=1)
    # NaNs come last. NumPy sorts several times as fast as torch.
    values = torch.where(chosen, depth, torch.nan).flatten(2)
    order = torch.from_numpy(np.sort(values.numpy(), axis=2))
    last = (chosen.flatten(2).sum(dim=2, keepdim=True) - 1).clamp(min=0)
    at = last * depth.new_tensor(_QUANTILES)
    low = at.floor().long()
    below, above = order.gather(2, low), order.gather(2, torch.minimum(low + 1, last))
    return order.gather(2, last // 2)[..., 0], torch.lerp(below, above, at - low)


def surroundings_of(pixel_values: Tensor, masks: Array, boxes: Array) -> Tensor:
    """What is around objects in one image, coarsely, and as large for large ones as for small.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, H/4, W/4] float, how far each tile speaks for the object, 0..1.
        boxes: [K, 4] pixels.

    Returns:
        [K, 4, 40, 40], see `Glimpse`.
    """
    coarse = _shrunk(pixel_values, MASK_STRIDE)
    center = _window(boxes)[0] / np.float32(MASK_STRIDE)
    half = np.full(len(boxes), SURROUNDINGS_SIZE / 2, np.float32)
    return _cut(coarse, masks[:, None], _grid(coarse, center, half, SURROUNDINGS_SIZE))


def _shrunk(pixel_values: Tensor, times: int) -> Tensor:
    """The means [1, 3, h, w] of squares of pixels [1, 3, times h, times w]."""
    _, _, height, width = pixel_values.shape
    pixels = np.ascontiguousarray(pixel_values[0].permute(1, 2, 0).numpy())
    # Several times as fast as a pooling in torch.
    means = cv2.resize(pixels, (width // times, height // times), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(means).permute(2, 0, 1)[None]


def pair_crops_of(pixel_values: Tensor, masks: Array, boxes: Array) -> tuple[Tensor, Tensor]:
    """Cut pairs of objects out of one image.

    Args:
        pixel_values: [1, 3, H, W] normalised.
        masks: [K, 2, h, w] float, 1 where the first, the second object is.
        boxes: [K, 2, 4] pixels.

    Returns:
        crops [K, 5, 56, 56] and places [K, 8], see `PairGlimpse`.
    """
    center, half = _window(_both(boxes))
    places = (boxes.reshape(-1, 4, 2) - center[:, None]) / half[:, None, None]
    crops = _cut(pixel_values, masks, _grid(pixel_values, center, half, GAZE_SIZE))
    return crops, torch.from_numpy(places.reshape(-1, 8))


def pair_reliefs_of(ranges: Ranges, masks: Array, boxes: Array) -> tuple[Tensor, Tensor, Tensor]:
    """Cut what a depth camera tells of pairs of objects out of one image.

    Args:
        ranges: of the image.
        masks: [K, 2, h, w] float, 1 where the first, the second object is.
        boxes: [K, 2, 4] pixels.

    Returns:
        relief [K, 3, 56, 56], extents [K, 16] and known [K], see `PairRelief`.
    """
    both = _both(boxes)
    grid = _grid(ranges.depth, *_window(both), GAZE_SIZE)
    shown = _sampled(torch.from_numpy(masks), grid)
    sizes = np.stack([_size(some) for some in (both, boxes[:, 0], boxes[:, 1])], axis=1)
    angles = torch.from_numpy(sizes) / torch.tensor(ranges.focal_px)
    return pair_relief_of(_sampled(ranges.depth, grid), shown, angles)


def pair_relief_of(depth: Tensor, masks: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How two things lie to each other, and how large they are, whatever their distance.

    Args:
        depth: [K, 1, side, side] metres, of squares around both; 0 or NaN is no reading.
        masks: [K, 2, side, side] 1 where the first, the second is.
        angles: [K, 3, 2] width and height of both boxes together, of the first and of the second
            over the focal lengths.

    Returns:
        relief [K, 3, side, side], extents [K, 16] and known [K], see `PairRelief`; zeros where
        none of the second thing was read, and in the relief where a pixel was not.
    """
    read = _read(depth)
    first, second = (read & (masks[:, k : k + 1] > _OWN) for k in range(2))
    medians, percentiles = _percentiles(depth, first, second, read & ~first & ~second)
    above, below = medians[:, 0], medians[:, 1]
    marks = torch.cat([medians[:, ::2], percentiles[:, :2].flatten(1)], dim=1)
    distances = torch.stack([below, above, below], dim=1)
    sizes = torch.log(angles * distances[..., None] / 0.1).flatten(1)
    extents = torch.cat([sizes, _nearer(marks, below)], dim=1).nan_to_num(0.0)
    known = ~(above.isnan() | below.isnan())
    relief = torch.cat([_heights(depth, read, below), masks], dim=1)
    return relief, extents, known.to(extents.dtype)


def _both(boxes: Array) -> Array:
    """[K, 4] what holds both of two boxes [K, 2, 4]."""
    return np.concatenate([boxes[..., :2].min(axis=1), boxes[..., 2:].max(axis=1)], axis=1)


def _size(boxes: Array) -> Array:
    """[K, 2] width and height of boxes [K, 4]."""
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 2.0), np.float32)


def _window(boxes: Array, context: float = GLIMPSE_CONTEXT) -> tuple[Array, Array]:
    """Middle [K, 2] and half side [K] of the squares to cut out around boxes [K, 4]."""
    half = np.asarray(np.float32(context / 2) * _size(boxes).max(axis=1), np.float32)
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
