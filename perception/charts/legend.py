"""Legends: which name stands beside which colour."""

from dataclasses import dataclass

import numpy as np

from ..frame import Mask
from .ink import Canvas, Floats, hued, is_grey, runs_of
from .text import Text

_REACH = 7.0
"""A handle with its gap takes at most so many heights of the text beside it."""
_WIDEST, _TALLEST, _GAP = 5.5, 2.0, 2.4
"""The same of a swatch's width and height, and of its gap to the text."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A legend's entry: its text, the colour beside it, and where the swatch lies."""

    text: Text
    color: Floats
    swatch: tuple[int, int, int, int]


def find_legend(canvas: Canvas, texts: list[Text]) -> list[Entry]:
    """Texts with a small patch or stroke of an ink at their left, or else all at their right.

    What stands alone is a legend's entry too, but several that are aligned are believed first.
    """
    level = [t for t in texts if t.is_level]
    best: list[Entry] = []
    for side in ("left", "right"):
        found = [e for t in level if (e := _entry(canvas, t, side)) is not None]
        group = _distinct(max(_groups(found), key=lambda g: len(_distinct(g)), default=[]))
        if len(group) > max(len(best), 1) or (side == "left" and group):
            best = group
        if len(best) > 1:
            break
    if len(best) == 1 and not is_patch(canvas, best[0]):
        return []
    return _completed(canvas, best, level)


def _completed(canvas: Canvas, group: list[Entry], texts: list[Text]) -> list[Entry]:
    """The entries with those in line with them whose swatches touch what the plot shows there."""
    found = list(group)
    # From the entries outwards: one that was added tells of the next one.
    for text in sorted(texts, key=lambda t: _rows_off(t, group)):
        if any(text is e.text for e in found):
            continue
        beside = [
            e
            for e in found
            if abs(e.text.box[0] - text.box[0]) < 0.6 * text.height
            and abs(e.text.center[1] - text.center[1]) < 2.6 * text.height
        ]
        for entry in beside[:1]:
            x0, y0, x1, y1 = entry.swatch
            down = round(text.center[1] - entry.text.center[1])
            box = (x0, max(y0 + down, 0), x1, max(y1 + down, 0))
            drawn = canvas.drawn[box[1] : box[3], x0:x1]
            color = _fill(canvas, box)
            if color is None:
                color = _strongest(canvas.rgb[box[1] : box[3], x0:x1][drawn], canvas.backgrounds)
            if color is not None and drawn.mean() > 0.3:
                found.append(Entry(text, color, box))
    return _distinct(found)


def _rows_off(text: Text, group: list[Entry]) -> float:
    """How far above or below the nearest entry a text stands, pixels."""
    return min((abs(e.text.center[1] - text.center[1]) for e in group), default=0.0)


def _groups(entries: list[Entry]) -> list[list[Entry]]:
    """Entries that stand in columns and rows with each other and whose swatches are alike."""
    groups: list[list[Entry]] = []
    for entry in entries:
        near = [g for g in groups if any(_aligned(entry, other) for other in g)]
        groups = [g for g in groups if all(g is not n for n in near)]
        groups.append([*(e for g in near for e in g), entry])
    return groups


def _distinct(entries: list[Entry]) -> list[Entry]:
    """Entries from the top down, one for each colour."""
    unique: list[Entry] = []
    for entry in sorted(entries, key=lambda e: (round(e.text.center[1] / 6), e.text.box[0])):
        if all(np.linalg.norm(entry.color - e.color) > 12 for e in unique):
            unique.append(entry)
    return unique


def _entry(canvas: Canvas, text: Text, side: str) -> Entry | None:
    height = max(text.height, 6.0)
    x0, y0, x1, y1 = text.box
    edge = x0 - 0.22 * height if side == "left" else x1 + 0.22 * height
    patch = _patch_beside(canvas, edge, (y0 + y1) / 2, height, side)
    if patch is None:
        return None
    mask, box = patch
    piece = canvas.rgb[box[1] : box[3], box[0] : box[2]]
    color = _fill(canvas, box)
    # The frame of a key is no fill.
    if color is None or (is_grey(color) and hued(piece)[mask].all()):
        color = _strongest(piece[mask], canvas.backgrounds)
    return None if color is None else Entry(text, color, box)


def _patch_beside(
    canvas: Canvas, edge: float, middle: float, height: float, side: str
) -> tuple[Mask, tuple[int, int, int, int]] | None:
    """The patch that ends at an edge of a text: its mask and box; None if nothing small is."""
    rows, columns = canvas.drawn.shape
    top, bottom = max(0, int(middle - 0.42 * height)), min(rows, int(middle + 0.42 * height) + 1)
    if side == "left":
        left, right = max(0, int(edge - _REACH * height)), min(columns, int(edge) + 1)
    else:
        left, right = max(0, int(edge)), min(columns, int(edge + _REACH * height) + 1)
    if right - left < 3 or bottom - top < 3:
        return None
    shown = _without_frames(canvas, (left, top, right, bottom), height)
    colored = shown & hued(canvas.rgb[top:bottom, left:right])
    # Where there is colour, grey is text and lines; but a swatch may be grey beside another's hue.
    for ink in (colored, shown) if colored.sum() > 6 else (shown,):
        run = _run_beside(ink, side, height)
        if run is None or (run[1] >= right - left and left > 0 and right < columns):
            continue
        start, end = (right - left - run[1], right - left - run[0]) if side == "left" else run
        rows_of = np.flatnonzero(ink[:, start + (end - start) // 2])
        at = top + int(np.median(rows_of)) if len(rows_of) else round(middle)
        if _tall(canvas, left + (start + end) // 2, at) <= _TALLEST * height:
            return ink[:, start:end], (left + start, top, left + end, bottom)
    return None


def _run_beside(shown: Mask, side: str, height: float) -> tuple[int, int] | None:
    """Away from the text: a gap, the patch [near, far), then nothing for a while."""
    filled = np.asarray(shown.any(axis=0), np.bool_)
    run = first_run(filled[::-1] if side == "left" else filled, allowed=max(2.0, 0.35 * height))
    if run is None or run[0] > _GAP * height or not 3 <= run[1] - run[0] <= _WIDEST * height:
        return None
    return run


def _without_frames(canvas: Canvas, box: tuple[int, int, int, int], height: float) -> Mask:
    """What is drawn in a box besides upright lines that go on above and below it."""
    left, top, right, bottom = box
    shown = canvas.drawn[top:bottom, left:right].copy()
    lines = canvas.drawn | canvas.guides
    reach = round(0.8 * height)
    above, below = max(0, top - reach), min(len(lines), bottom + reach)
    through = lines[above:below, left:right].mean(axis=0) > 0.95
    for start, end in runs_of(through):
        if end - start <= 3:
            shown[:, start:end] = False
    return shown


def first_run(filled: Mask, allowed: float) -> tuple[int, int] | None:
    """First stretch of filled places, which gaps up to a length do not end: [start, end)."""
    places = np.flatnonzero(filled)
    if not len(places):
        return None
    breaks = np.flatnonzero(np.diff(places) > allowed + 1)
    last = places[breaks[0]] if len(breaks) else places[-1]
    end = int(last) + 1
    if not len(breaks) and len(filled) - end <= allowed:
        end = len(filled)
    return int(places[0]), end


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


def _fill(canvas: Canvas, box: tuple[int, int, int, int]) -> Floats | None:
    """The colour that most of a patch has, whatever its outline; None for strokes and marks."""
    import cv2

    x0, y0, x1, y1 = box
    piece = canvas.rgb[y0:y1, x0:x1]
    far = np.min([np.linalg.norm(piece - b, axis=-1) for b in canvas.backgrounds], axis=0) > 22
    if far.sum() < 12:
        return None
    names, counts = np.unique((piece[far] / 16).astype(np.int64), axis=0, return_counts=True)
    like = np.linalg.norm(piece - (names[counts.argmax()] * 16 + 8), axis=-1) < 20
    solid = cv2.erode((like & far).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    if like[far].mean() < 0.45 or np.asarray(solid).sum() < 4:
        return None
    return np.asarray(np.median(piece[like & far], axis=0))


def _strongest(pixels: Floats, backgrounds: Floats) -> Floats | None:
    """The colour of a patch: the commonest far from the background."""
    if len(pixels) < 4:
        return None
    far = np.min([np.linalg.norm(pixels - b, axis=-1) for b in backgrounds], axis=0)
    strong = pixels[far > 0.75 * far.max()]
    return np.asarray(np.median(strong, axis=0), np.float32)


def _aligned(a: Entry, b: Entry) -> bool:
    slack = max(6.0, 0.7 * a.text.height)
    wide = [e.swatch[2] - e.swatch[0] for e in (a, b)]
    alike = abs(wide[0] - wide[1]) <= max(4.0, 0.4 * a.text.height)
    middles = [(e.swatch[0] + e.swatch[2]) / 2 for e in (a, b)]
    column = abs(middles[0] - middles[1]) <= 4 and (
        abs(a.text.box[0] - b.text.box[0]) <= slack or abs(a.text.box[2] - b.text.box[2]) <= slack
    )
    row = abs(a.text.center[1] - b.text.center[1]) <= 4
    return alike and (column or row)


def is_patch(canvas: Canvas, entry: Entry) -> bool:
    """Whether an entry's swatch is filled, and no mere stroke or tick."""
    x0, y0, x1, y1 = entry.swatch
    return bool(canvas.drawn[y0:y1, x0:x1].mean() > 0.35)
