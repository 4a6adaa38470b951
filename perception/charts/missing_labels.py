"""Labels that were missed: looked for again where they must be, larger."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..frame import Image
from .categories import Label
from .ink import Canvas, runs_of
from .layout import anchor
from .pies import FARTHEST, Pie
from .text import Text, quad_of, text_reader

_MOST = 4
"""So many labels at most are looked for again: more are no oversight."""
_LEAST_SIDE = 24
_BESIDE = 20
"""Labels of the first and last mark reach so far beyond them, pixels."""
_LINE = 0.6, 1.6
"""How tall ink that may be text is, over the usual height of text."""
_OUTSIDE = 1.03
"""The soft edge of a pie ends at so many radii."""
_FEW = 0.2
"""A row with fewer pixels than such a share of a text's fullest row is none of its rows."""
_UNEVEN = 0.15
"""Labels are at most such a share of their distance off their places."""
_LEAST_SCORE = 0.7


def missed_texts(
    image: Image,
    places: list[float],
    labels: list[Label],
    used: list[Text],
    *,
    upright: bool,
) -> list[Text]:
    """Texts at those places along a category axis that have no label.

    Args:
        image: [H, W, 3] uint8.
        places: of the bars or groups along the axis, pixels; at least two.
        labels: that were found; at least half of all.
        used: the texts that they are made of.
        upright: True for an axis below the marks, False for one at their left.
    """
    if len(places) < 2 or not used or not len(places) / 2 <= len(labels) < len(places):
        return []
    pitch = float(np.median(np.diff(sorted(places))))
    bare = [p for p in places if all(abs(label.at - p) > 0.5 * pitch for label in labels)]
    found: list[Text] = []
    for place in bare[:_MOST]:
        x0, y0, x1, y1 = _region(image, place, pitch, used, upright=upright)
        if min(x1 - x0, y1 - y0) < _LEAST_SIDE:
            continue
        for text in text_reader().read(np.ascontiguousarray(image[y0:y1, x0:x1])):
            moved = _moved(text, x0, y0)
            at = anchor(moved)[0] if upright else moved.center[1]
            alike = any(c.isalnum() for c in text.text) and _turned_alike(moved, used)
            if alike and abs(at - place) < 0.4 * pitch and not any(_same(moved, t) for t in used):
                found.append(moved)
    return found


def even_places(at: list[float], span: tuple[float, float]) -> list[float]:
    """Places along an axis, as far apart as the nearest labels, from end to end of a line.

    Args:
        at: of the labels that were found, pixels.
        span: of the line.

    Returns:
        None at all, where the labels do not stand at such places.
    """
    apart = np.diff(sorted(at))
    if not len(apart) or apart.min() <= 1:
        return []
    count = round((span[1] - span[0]) / float(apart.min()))
    places = np.linspace(span[0], span[1], count + 1)
    off = [float(np.abs(places - a).min()) for a in at]
    return places.tolist() if count > 0 and max(off) < _UNEVEN * apart.min() else []


def missed_along(
    image: Image, end: float, span: tuple[float, float], *, upright: bool
) -> list[Text]:
    """Texts along a category axis of which few were found, read again in a strip of their own.

    Args:
        image: [H, W, 3] uint8.
        end: where the marks end: the lowest (upright charts) or leftmost pixel of them.
        span: pixels along the axis that the marks take up.
        upright: True for an axis below the marks, False for one at their left.
    """
    low, high = max(0, round(span[0]) - _BESIDE), round(span[1]) + _BESIDE
    if upright:
        x, y, strip = low, round(end) + 1, image[round(end) + 1 :, low:high]
    else:
        x, y, strip = 0, low, image[low:high, : max(0, round(end) - 1)]
    if min(strip.shape[:2]) < _LEAST_SIDE:
        return []
    found = text_reader().read(np.ascontiguousarray(strip))
    return [_moved(t, x, y) for t in found if any(c.isalnum() for c in t.text)]


def missed_around(canvas: Canvas, pie: Pie, texts: list[Text]) -> list[Text]:
    """Names around a pie that the finder of texts did not see, where there is ink like text.

    Args:
        canvas: the chart taken apart.
        pie: its sectors.
        texts: that were found; they tell how tall text is.
    """
    import cv2

    if not texts:
        return []
    tall = float(np.median([t.height for t in texts]))
    y, x = np.indices(canvas.drawn.shape)
    off = np.hypot(x - pie.center[0], y - pie.center[1]) / pie.radius
    ink = canvas.drawn & (off > _OUTSIDE) & (off < FARTHEST)
    wide = np.ones((1, max(3, round(0.6 * tall))), np.uint8)
    lines = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_CLOSE, wide)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    quads = []
    for k, (left, top, across, down, _) in enumerate(np.asarray(stats)[1:].tolist(), start=1):
        first, last = 0, down
        if down > _LINE[1] * tall:
            # A line that leads to a name from above or below has few pixels in a row.
            piece = labels[top : top + down, left : left + across] == k
            first, last = _fullest_rows(
                (piece & ink[top : top + down, left : left + across]).sum(1)
            )
        fits = _LINE[0] * tall <= last - first <= _LINE[1] * tall and across >= last - first
        box = (left - 3, top + first - 3, left + across + 3, top + last + 3)
        # What is beside a text that was found is a piece of it.
        if fits and not any(_meet(box, t.box) for t in texts):
            quads.append(quad_of(*box))
    found = text_reader().read_at(canvas.rgb.astype(np.uint8), quads)
    # A line that leads to a name is read as a single sign of another script.
    words = [t for t in found if len(t.text) > 1 or t.text.isascii()]
    return [t for t in words if t.score >= _LEAST_SCORE and any(c.isalpha() for c in t.text)]


def _fullest_rows(counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    """First and one past the last of the rows around the fullest that are not nearly empty."""
    middle = int(counts.argmax())
    runs = runs_of(counts > _FEW * counts.max())
    return next((a, b) for a, b in runs if a <= middle < b)


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Whether two boxes overlap."""
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _region(
    image: Image, place: float, pitch: float, used: list[Text], *, upright: bool
) -> tuple[int, int, int, int]:
    """Where the label of a place may be: as far from the axis as the others reach."""
    height, width = image.shape[:2]
    slack = max(t.height for t in used)
    if not upright:
        low, high = place - 0.6 * pitch, place + 0.6 * pitch
        left = min(t.box[0] for t in used) - 8 * slack
        right = max(t.box[2] for t in used) + 4
        return max(0, round(left)), max(0, round(low)), round(right), min(height, round(high))
    top, bottom = min(t.box[1] for t in used) - 4, max(t.box[3] for t in used) + slack
    # Slanted labels reach to one side, as far as they reach down.
    reach = [anchor(t)[0] - t.box[0] for t in used], [t.box[2] - anchor(t)[0] for t in used]
    slanted = not all(t.is_level for t in used)
    left = place - (max(reach[0]) + slack if slanted else 0.6 * pitch)
    right = place + (max(reach[1]) + slack if slanted else 0.6 * pitch)
    x0, y0 = max(0, round(left)), max(0, round(top))
    return x0, y0, min(width, round(right)), min(height, round(bottom))


def _turned_alike(text: Text, used: list[Text]) -> bool:
    return abs(text.angle - float(np.median([t.angle for t in used]))) < 15


def _same(a: Text, b: Text) -> bool:
    """Whether two texts are at one place."""
    near = abs(a.center[0] - b.center[0]) < 0.8 * a.height
    return near and abs(a.center[1] - b.center[1]) < 0.8 * a.height


def _moved(text: Text, x: int, y: int) -> Text:
    x0, y0, x1, y1 = text.box
    corners = tuple((a + x, b + y) for a, b in text.corners)
    return replace(text, box=(x0 + x, y0 + y, x1 + x, y1 + y), corners=corners)
