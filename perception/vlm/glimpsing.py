"""Glimpsing: a closer look at each of the proposals of one image."""

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from .closer_looks import Look
from .crops import crops_of, shapes_of
from .proposals import Tiles, spoken_for

Array = npt.NDArray[np.float32]


def glimpsed(
    model: Any, pixels: Tensor, shapes: Tensor | None, tiles: Tiles, boxes: Array
) -> Look[Array]:
    """What a model's glimpse says of proposals [K, 4], with what depth adds.

    Args:
        model: with its parts.
        pixels: [1, 3, H, W] normalised.
        shapes: [1, 33, H/4, W/4], see `HandeyeOutput`; None without depth.
        tiles: of the image.
        boxes: pixels.
    """
    look, seen, around = glimpse_of(model, pixels, shapes, tiles, boxes)
    if around is not None:
        look = model.glimpse_relief(look, seen, around)
    return look.arrays()


def glimpse_of(
    model: Any, pixels: Tensor, shapes: Tensor | None, tiles: Tiles, boxes: Array
) -> tuple[Look[Tensor], Tensor, Tensor | None]:
    """What the glimpse says by itself, what it sees, and what depth shows; see `GlimpseRelief`."""
    part = model.glimpse
    seen = part.seen(*crops_of(pixels, spoken_for(tiles, boxes), boxes, part.side))
    return part.said(seen), seen, None if shapes is None else shapes_of(shapes, boxes)
