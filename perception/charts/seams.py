"""Bars that touch or nearly do: one piece of ink that is several rectangles, taken apart again."""

import itertools

import numpy as np

from ..frame import Mask
from .ink import runs_of

Rectangle = tuple[int, int, int, int]
"""(x, y, width, height), pixels."""
_FLAT_PX, _LEVEL_PX = 1.5, 2.5
"""How far the top of one bar goes up and down, and the feet of all."""
_LEAST_PX = 3
"""A bar is as wide at least."""
_FILLED = 0.93
"""Of each column between its top and its foot, and of all columns."""


def taken_apart(shown: Mask, hidden: Mask, others: Mask) -> list[Rectangle] | None:
    """The rectangles that a piece of ink consists of; None where it is one alone, or of none.

    Args:
        shown: [h, w] the piece.
        hidden: [h, w] where lines and text may cover it.
        others: [h, w] where other ink is.
    """
    for turned in (False, True):
        piece, cover, other = (m.T if turned else m for m in (shown, hidden, others))
        found = _at_gaps(piece, cover, other) or _at_steps(piece | cover | other)
        if found is not None:
            return [(y, x, h, w) for x, y, w, h in found] if turned else found
    return None


def _at_gaps(piece: Mask, cover: Mask, other: Mask) -> list[Rectangle] | None:
    """Rectangles between columns of the page that run all through a piece."""
    full = (piece | other).any(axis=0) | (cover.mean(axis=0) > 0.5)
    if full.all():
        return None
    found = []
    for first, last in runs_of(full):
        rows = np.flatnonzero(piece[:, first:last].any(axis=1))
        if last - first >= _LEAST_PX and len(rows):
            found.append((first, int(rows[0]), last - first, int(np.ptp(rows)) + 1))
    return found if len(found) > 1 else None


def _at_steps(piece: Mask) -> list[Rectangle] | None:
    """Rectangles of a skyline that stands on one level, or hangs from it, each with a flat top."""
    height, width = piece.shape
    tops = piece.argmax(axis=0)
    lows = height - piece[::-1].argmax(axis=0)
    if np.ptp(tops) <= _LEVEL_PX < np.ptp(lows):
        found = _at_steps(piece[::-1])
        return found and [(x, height - y - h, w, h) for x, y, w, h in found]
    filled = piece.sum(axis=0) >= _FILLED * (lows - tops)
    if np.ptp(lows) > _LEVEL_PX or filled.mean() < _FILLED or np.ptp(tops) <= 2 * _FLAT_PX:
        return None
    leaps = np.flatnonzero(np.abs(np.diff(tops)) > _FLAT_PX) + 1
    edges = [0, *leaps.tolist(), width]
    steps = [(a, b) for a, b in itertools.pairwise(edges) if b - a >= _LEAST_PX]
    flat = [(a, b) for a, b in steps if np.ptp(tops[a:b]) <= 2 * _FLAT_PX]
    if len(flat) < 2 or sum(b - a for a, b in flat) < _FILLED * width:
        return None
    unit = min(b - a for a, b in flat)
    found = []
    for a, b in flat:
        # Neighbours that are as high make one step of several widths.
        count = max(round((b - a) / unit), 1)
        if abs((b - a) / count - unit) > 0.2 * unit + 1:
            return None
        top = round(float(np.median(tops[a:b])))
        low = round(float(np.median(lows[a:b])))
        cuts = np.round(np.linspace(a, b, count + 1)).astype(int)
        found += [(int(p), top, int(q - p), low - top) for p, q in itertools.pairwise(cuts)]
    return found
