"""Cutting training images as the model cuts its own: squares around boxes, masks and depth."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from handeye.perception.frame import Depth
from handeye.perception.vlm.closer_looks import (
    GLIMPSE_CONTEXT,
    RELIEF_CONTEXT,
    RELIEF_SIZE,
    SURROUNDINGS_SIZE,
)
from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.crops import pair_relief_of, relief_of
from handeye.perception.vlm.modeling_handeye import MASK_STRIDE

Box = tuple[float, float, float, float]


class Depths:
    """What a depth camera tells of boxes, or of pairs of them, gathered for a batch.

    Args:
        side: of the squares that are cut out, pixels.
        context: how much wider they are than what they are cut out around.
        masks: how many things there are in each.
    """

    def __init__(
        self, side: int = RELIEF_SIZE, context: float = RELIEF_CONTEXT, masks: int = 1
    ) -> None:
        self._side, self._context, self._masks = side, context, masks
        self._squares: list[npt.NDArray[np.float32]] = []
        self._angles: list[list[tuple[float, float]]] = []

    def add(
        self,
        depth: Depth | None,
        focal_px: tuple[float, float] | None,
        masks: list[npt.NDArray[np.uint8]],
        boxes: list[Box],
        *,
        flip: bool,
    ) -> None:
        """Cut out what is around the first box; nothing was read without depth or focal lengths.

        Args:
            depth: [H, W] metres.
            focal_px: across and down.
            masks: [h, w] 0..255 each, what is of the things.
            boxes: whose sizes are told, pixels of the image.
            flip: whether to mirror what is cut out.
        """
        across, down = focal_px or (1.0, 1.0)
        self._angles.append([((x1 - x0) / across, (y1 - y0) / down) for x0, y0, x1, y1 in boxes])
        if depth is None or focal_px is None:
            self._squares.append(np.zeros((1 + self._masks, self._side, self._side), np.float32))
            return
        layers = [depth]
        for mask in masks:
            full = cv2.resize(mask, depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
            layers.append(np.asarray(full, np.float32) / np.float32(255))
        matrix = _around(boxes[0], self._side, self._context, flip=flip)
        self._squares.append(
            np.stack([cv2.warpAffine(layer, matrix, (self._side,) * 2) for layer in layers])
        )

    def told(self) -> tuple[Tensor, Tensor, Tensor]:
        """Relief [K, 2, 48, 48], extents [K, 7] and known [K], see `Relief`."""
        squares, angles = self._gathered(1)
        return relief_of(squares[:, :1], squares[:, 1:], angles[:, 0])

    def told_of_pairs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Relief [K, 3, 56, 56], extents [K, 16] and known [K], see `PairRelief`."""
        squares, angles = self._gathered(3)
        return pair_relief_of(squares[:, :1], squares[:, 1:], angles)

    def _gathered(self, boxes: int) -> tuple[Tensor, Tensor]:
        shape = (-1, 1 + self._masks, self._side, self._side)
        squares = torch.from_numpy(np.array(self._squares, np.float32).reshape(shape))
        angles = np.array(self._angles, np.float32).reshape(-1, boxes, 2)
        return squares, torch.from_numpy(angles)


def cut(
    rgb: npt.NDArray[np.uint8],
    masks: list[npt.NDArray[np.uint8]],
    box: Box,
    side: int,
    *,
    flip: bool,
) -> npt.NDArray[np.uint8]:
    """A square around a box with what masks show of it, [side, side, 3 + masks] uint8."""
    matrix, size = _around(box, side, flip=flip), (side, side)
    square = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(115, 110, 105))
    layers = [np.asarray(square)]
    for mask in masks:
        full = cv2.resize(mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
        shown = cv2.warpAffine(full, matrix, size, flags=cv2.INTER_LINEAR)
        layers.append(np.asarray(shown)[..., None])
    return np.concatenate(layers, axis=-1).astype(np.uint8)


def cut_around(
    rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], box: Box, *, flip: bool
) -> npt.NDArray[np.uint8]:
    """What is around a box, [40, 40, 4] uint8: every fourth pixel, and what a mask shows."""
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


def _around(
    box: Box, side: int, context: float = GLIMPSE_CONTEXT, *, flip: bool
) -> npt.NDArray[np.float64]:
    """[2, 3] what brings a box, with some of what is around it, into a square."""
    x0, y0, x1, y1 = box
    scale = side / (context * max(x1 - x0, y1 - y0))
    return _to_square(((x0 + x1) / 2, (y0 + y1) / 2), scale, side, flip=flip)


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
