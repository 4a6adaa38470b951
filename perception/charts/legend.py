"""Legends: which name stands beside which colour."""

from dataclasses import dataclass

import numpy as np

from ..frame import Mask
from .ink import Canvas, Floats
from .text import Text


@dataclass(frozen=True, eq=False)
class Entry:
    """A legend's entry: its text, the colour beside it, and where the swatch lies."""

    text: Text
    color: Floats
    swatch: tuple[int, int, int, int]


def find_legend(canvas: Canvas, texts: list[Text]) -> list[Entry]:
    """Texts with a small patch or stroke of an ink at their left (or else their right).

    What stands alone is a legend's entry too, but two that are aligned are believed first.
    """
    found = [e for t in texts if t.is_level and (e := _entry(canvas, t)) is not None]
    groups = [[e for e in found if _aligned(e, other)] for other in found]
    best = max(groups, key=len, default=[])
    if len(best) == 1:
        best = best if _is_patch(canvas, best[0]) else []
    unique: list[Entry] = []
    for entry in sorted(best, key=lambda e: (round(e.text.center[1] / 6), e.text.box[0])):
        if all(np.linalg.norm(entry.color - e.color) > 12 for e in unique):
            unique.append(entry)
    return unique


def _entry(canvas: Canvas, text: Text) -> Entry | None:
    height = max(text.height, 6.0)
    x0, y0, _, y1 = text.box
    middle = (y0 + y1) / 2
    patch = _patch_beside(canvas, x0 - 0.22 * height, middle, height)
    if patch is None:
        return None
    mask, box = patch
    strong = _strongest(canvas.rgb[box[1] : box[3], box[0] : box[2]][mask], canvas.backgrounds)
    return None if strong is None else Entry(text, strong, box)


def _patch_beside(
    canvas: Canvas, edge: float, middle: float, height: float
) -> tuple[Mask, tuple[int, int, int, int]] | None:
    """The patch that ends left of an edge: its mask and box; None if nothing small is there."""
    rows, columns = canvas.drawn.shape
    top, bottom = max(0, int(middle - 0.42 * height)), min(rows, int(middle + 0.42 * height) + 1)
    right = min(columns, int(edge) + 1)
    left = max(0, int(edge - 4.2 * height))
    if right - left < 3 or bottom - top < 3:
        return None
    shown = canvas.drawn[top:bottom, left:right]
    piece = canvas.rgb[top:bottom, left:right]
    hued = shown & (piece.max(axis=-1) - piece.min(axis=-1) > 45)
    shown = hued if hued.sum() > 6 else shown
    if not shown.any():
        return None
    filled = np.asarray(shown.any(axis=0), np.bool_)
    # From the text leftwards: a gap, the patch, then nothing for a while.
    place = right - left - 1
    while place >= 0 and not filled[place]:
        place -= 1
    end = place + 1
    if right - left - end > 1.6 * height or place < 0:
        return None
    allowed, gap = max(2.0, 0.35 * height), 0
    start = place
    while place >= 0 and gap <= allowed:
        gap = 0 if filled[place] else gap + 1
        start = place if filled[place] else start
        place -= 1
    if gap <= allowed and start <= 0 and left > 0:
        return None
    wide = end - start
    if wide < 3 or wide > 3.9 * height:
        return None
    cut = shown[:, start:end]
    rows_of = np.flatnonzero(cut[:, wide // 2])
    at = top + int(np.median(rows_of)) if len(rows_of) else round(middle)
    if _tall(canvas, left + (start + end) // 2, at) > 1.5 * height:
        return None
    return cut, (left + start, top, left + end, bottom)


def _tall(canvas: Canvas, column: int, row: int) -> int:
    """How far what is drawn at a place goes on up and down in its colour, pixels."""
    rows = canvas.drawn.shape[0]
    at = min(max(row, 0), rows - 1)
    shown = canvas.drawn[:, column] & (
        np.linalg.norm(canvas.rgb[:, column] - canvas.rgb[at, column], axis=-1) < 70
    )
    top = bottom = at
    while top > 0 and shown[top - 1]:
        top -= 1
    while bottom < rows - 1 and shown[bottom + 1]:
        bottom += 1
    return int(bottom - top + 1)


def _strongest(pixels: Floats, backgrounds: Floats) -> Floats | None:
    """The colour of a patch: the commonest far from the background."""
    if len(pixels) < 4:
        return None
    far = np.min([np.linalg.norm(pixels - b, axis=-1) for b in backgrounds], axis=0)
    strong = pixels[far > 0.75 * far.max()]
    return np.asarray(np.median(strong, axis=0), np.float32)


def _aligned(a: Entry, b: Entry) -> bool:
    slack = max(6.0, 0.7 * a.text.height)
    column = abs(a.swatch[0] - b.swatch[0]) <= 4 and abs(a.text.box[0] - b.text.box[0]) <= slack
    row = abs(a.text.center[1] - b.text.center[1]) <= 4
    return column or row


def _is_patch(canvas: Canvas, entry: Entry) -> bool:
    x0, y0, x1, y1 = entry.swatch
    return bool(canvas.drawn[y0:y1, x0:x1].mean() > 0.35)
