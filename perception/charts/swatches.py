"""Names beside the swatches of a legend that the finder of texts did not see.

A column of filled boxes looks like one big sign to it, and hides the short words beside it.
"""

import numpy as np

from ..frame import Image
from .ink import hued
from .legend import first_run
from .text import Text, quad_of, text_reader

Box = tuple[int, int, int, int]
_SIDES = (6, 70)
_FULL = 0.9
_INK = 60
_GAP, _LONGEST = 1.5, 16.0
"""Most room between a swatch and its name or two words of it, and the longest name, in heights of
the swatch."""
_LEAST_SCORE = 0.6


def unseen_names(image: Image, texts: list[Text]) -> list[Text]:
    """What is written at the right of swatches in a column, where no text was found.

    Args:
        image: [H, W, 3] uint8.
        texts: that were found.
    """
    bare = [box for column in _columns(_swatches(image)) for box in column if _is_bare(box, texts)]
    places = [place for box in bare if (place := _beside(image, box)) is not None]
    found = text_reader().read_at(image, [quad_of(*place) for place in places])
    return [t for t in found if t.score >= _LEAST_SCORE and any(c.isalnum() for c in t.text)]


def _swatches(image: Image) -> list[Box]:
    """Small boxes that are filled with one colour."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats(hued(image).astype(np.uint8), connectivity=4)
    found = []
    for x, y, width, height, area in np.asarray(stats)[1:].tolist():
        small = all(_SIDES[0] <= side <= _SIDES[1] for side in (width, height))
        if small and height <= 1.2 * width and area >= _FULL * width * height:
            found.append((x, y, x + width, y + height))
    return found


def _columns(boxes: list[Box]) -> list[list[Box]]:
    """Those of one size that stand below each other, at least two."""
    columns: list[list[Box]] = []
    for box in sorted(boxes, key=lambda b: b[1]):
        fitting = [c for c in columns if _alike(box, c[-1])]
        if fitting:
            fitting[0].append(box)
        else:
            columns.append([box])
    return [column for column in columns if len(column) > 1]


def _alike(a: Box, b: Box) -> bool:
    height = b[3] - b[1]
    sides = abs(a[0] - b[0]) <= 1 and abs(a[2] - b[2]) <= 1 and abs(a[3] - a[1] - height) <= 1
    return sides and a[1] - b[3] < 3 * height


def _is_bare(box: Box, texts: list[Text]) -> bool:
    """Whether no text stands at the right of a swatch."""
    x1, middle, height = box[2], (box[1] + box[3]) / 2, box[3] - box[1]
    return not any(
        t.box[0] < x1 + 3 * height and t.box[2] > x1 + 1 and t.box[1] < middle < t.box[3]
        for t in texts
    )


def _beside(image: Image, box: Box) -> tuple[float, float, float, float] | None:
    """The box of the ink at the right of a swatch; None where there is none."""
    _, y0, x1, y1 = box
    height = y1 - y0
    top, bottom = max(0, y0 - height // 2), min(image.shape[0], y1 + height // 2)
    left, right = x1 + 2, min(image.shape[1], x1 + round(_LONGEST * height))
    crop = image[top:bottom, left:right].astype(np.int64)
    if crop.shape[1] < height:
        return None
    page = np.median(crop.reshape(-1, 3), axis=0)
    ink = np.abs(crop - page).max(axis=-1) > _INK
    run = first_run(np.asarray(ink.any(axis=0)), allowed=_GAP * height)
    if run is None or run[0] > _GAP * height or run[1] - run[0] < 3:
        return None
    rows = np.flatnonzero(ink[:, run[0] : run[1]].any(axis=1))
    pad = 2
    return (
        float(left + run[0] - pad),
        float(top + rows[0] - pad),
        float(left + run[1] + pad),
        float(top + rows[-1] + 1 + pad),
    )
