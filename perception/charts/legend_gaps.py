"""Entries of a legend whose text was missed: their swatches tell where it stands."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..frame import Image
from .ink import Canvas, Floats, Ink
from .legend import Entry, is_patch
from .text import Text, text_reader

_ALIKE = 30.0
"""An ink that is nearer to an entry's colour than this, in RGB, is that entry's."""
_LEAST_SCORE = 0.5
_WORD_GAP = 0.8
"""Words of a name stand closer together than this, in heights of its letters."""


def with_missed(image: Image, canvas: Canvas, legend: list[Entry]) -> list[Entry]:
    """A legend with the entries beside whose swatches no text was found, which are read now.

    Args:
        image: [H, W, 3] uint8.
        canvas: the image taken apart, with its legend.
        legend: at least two entries, or one with a filled swatch, tell how the others look;
            otherwise nothing is added.
    """
    if not legend or (len(legend) == 1 and not is_patch(canvas, legend[0])):
        return legend
    bare = [
        (ink, box)
        for ink in canvas.inks
        if all(float(np.linalg.norm(ink.color - e.color)) > _ALIKE for e in legend)
        for box in _swatches(ink, legend)
    ]
    quads = [_beside(image, box, legend) for _, box in bare]
    places = [(ink, box, quad) for (ink, box), quad in zip(bare, quads, strict=True)]
    there = [(ink, box, quad) for ink, box, quad in places if quad is not None]
    if not there:
        return legend
    said = text_reader().read_at(image, [quad for _, _, quad in there])
    found = list(legend)
    for (ink, box, _), text in zip(there, said, strict=True):
        known = any(float(np.linalg.norm(ink.color - e.color)) < _ALIKE for e in found)
        if not known and _is_name(text):
            found.append(Entry(replace(text, text=text.text.strip()), ink.color, box))
    return sorted(found, key=lambda e: (round(e.text.center[1] / 6), e.text.box[0]))


def _is_name(text: Text) -> bool:
    return text.score >= _LEAST_SCORE and any(c.isalnum() for c in text.text)


def _swatches(ink: Ink, legend: list[Entry]) -> Iterator[tuple[int, int, int, int]]:
    """Boxes of what is drawn in an ink as wide as the legend's swatches, and in line with them."""
    import cv2

    boxes = np.array([e.swatch for e in legend], np.float64)
    wide = float(np.median(boxes[:, 2] - boxes[:, 0]))
    tall = float(np.median([e.text.height for e in legend]))
    rows, columns = (boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 0] + boxes[:, 2]) / 2
    in_column, in_row = np.ptp(columns) <= 4, np.ptp(rows) <= 4
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink.mask.astype(np.uint8), connectivity=8)
    for x, y, w, h, _ in (tuple(int(v) for v in stats[k]) for k in range(1, count)):
        if abs(w - wide) > max(3.0, 0.2 * wide) or h > 1.6 * tall:
            continue
        # What surrounds a swatch that has its name, its outline or its glow, is none.
        if any(
            min(x + w, box[2]) > max(x, box[0]) and min(y + h, box[3]) > max(y, box[1])
            for box in boxes
        ):
            continue
        column = in_column and abs(x + w / 2 - float(np.median(columns))) <= 3
        row = in_row and abs(y + h / 2 - float(np.median(rows))) <= 3
        far = np.abs(rows - (y + h / 2)).min() if column else 0.0
        if (column and far < 3.2 * tall) or row:
            yield x, y, x + w, y + h


def _beside(
    image: Image, box: tuple[int, int, int, int], legend: list[Entry]
) -> npt.NDArray[np.float32] | None:
    """The corners [4, 2] of what is written at the right of a swatch; None where nothing is."""
    height = float(np.median([e.text.height for e in legend]))
    gap = float(np.median([e.text.box[0] - e.swatch[2] for e in legend]))
    if gap < 0:
        return None
    middle = (box[1] + box[3]) / 2
    top, bottom = max(0, round(middle - 0.6 * height)), round(middle + 0.6 * height)
    left = round(box[2] + 0.5 * gap)
    strip = image[top:bottom, left : round(left + 16 * height)].astype(np.float32)
    if strip.size == 0:
        return None
    filled = np.flatnonzero(_ink_columns(strip))
    if not len(filled) or filled[0] > gap + height:
        return None
    ends = np.flatnonzero(np.diff(filled) > _WORD_GAP * height)
    last = int(filled[ends[0]] if len(ends) else filled[-1])
    x0, x1 = left + int(filled[0]) - 0.2 * height, left + last + 1 + 0.2 * height
    corners = [[x0, top], [x1, top], [x1, bottom], [x0, bottom]]
    return np.array(corners, np.float32) if last - filled[0] > 0.4 * height else None


def _ink_columns(strip: Floats) -> npt.NDArray[np.bool_]:
    page = np.median(strip.reshape(-1, 3), axis=0)
    return np.asarray((np.abs(strip - page).max(axis=-1) > 60).any(axis=0), np.bool_)
