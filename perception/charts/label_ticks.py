"""Ticks right above the labels of an axis, which were read as a part of them."""

from dataclasses import replace

import numpy as np

from ..frame import Image
from .ink import runs_of
from .numbers import parse_number
from .text import Text, quad_of, text_reader

_THIN = 4
"""A tick is at most so wide, pixels."""
_LONGEST = 1.3
"""And at most so long, over the height of the number below it."""
_SHORT = 4
"""Longer labels stand too wide for a tick above them to matter."""


def without_label_ticks(texts: list[Text], image: Image) -> list[Text]:
    """Texts, of numbers below ticks the numbers alone.

    A short number and its tick are one upright shape, which is read sideways or not at all.
    """
    bare = {k: box for k, t in enumerate(texts) if (box := _below_tick(t, image)) is not None}
    quads = [quad_of(*box) for box in bare.values()]
    said = dict(zip(bare, text_reader().read_at(image, quads) if quads else [], strict=True))
    return [
        replace(said[k], text=said[k].text.strip())
        if k in said and parse_number(said[k].text) is not None
        else text
        for k, text in enumerate(texts)
    ]


def _below_tick(text: Text, image: Image) -> tuple[float, float, float, float] | None:
    """The box of what stands below a tick within a text; None where there is no tick."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    crop = image[y0:y1, x0:x1].astype(np.int64)
    if len(text.text) > _SHORT or min(crop.shape[:2], default=0) < 4:
        return None
    page = np.median(np.concatenate([crop[:, 0], crop[:, -1], crop[-1]]), axis=0)
    ink = np.abs(crop - page).max(axis=-1) > 60
    runs = runs_of(np.asarray(ink.any(axis=1)))
    if len(runs) < 2:
        return None
    (top, end), (start, bottom) = runs[0], (runs[1][0], runs[-1][1])
    tick, number = ink[top:end].any(axis=0), ink[start:bottom].any(axis=0)
    wide, tall = np.flatnonzero(tick), bottom - start
    if np.ptp(wide) >= _THIN or not 2 < end - top <= _LONGEST * tall or tall < 6:
        return None
    filled = np.flatnonzero(number)
    if not filled[0] - 2 <= wide.mean() <= filled[-1] + 2:
        return None
    gap = min(2.0, (start - end) / 2)
    left, right = x0 + filled[0] - 3, x0 + filled[-1] + 4
    return float(left), y0 + start - gap, float(right), float(y0 + bottom + 2)
