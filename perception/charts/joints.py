"""Joints: where one segment of a stacked bar ends and the next one begins."""

from dataclasses import replace

import numpy as np

from .bars import Bar, Bars
from .ink import Floats

_GAP = 7.0
"""Segments further apart than this, pixels, do not stand on each other."""
_OWN_SHARE, _OWN = 0.12, 7.0
"""How far a row of pixels of a segment is from its colour: share of the colours' distance, RGB."""
_MIXED_SHARE = 0.2
"""How far a mixture lies from the line between both colours: share of their distance."""
_AWAY = 4.0
"""So many pixels from a joint a segment shows its own colour, no stroke and no mixture."""


def sealed(bars: Bars, rgb: Floats) -> Bars:
    """Stacked bars with one edge for both segments wherever two touch.

    What is drawn between two segments, an outline, a white gap, or the mixture of both colours
    in one row of pixels, is shared between them: the table says nothing of it.

    Args:
        bars: as if upright.
        rgb: [H, W, 3] float32, the chart as it is.
    """
    if not bars.stacked:
        return bars
    image = rgb if bars.upright else rgb.transpose(1, 0, 2)
    found = sorted(bars.bars, key=lambda bar: bar.y0)
    for i, upper in enumerate(found):
        for j in range(i + 1, len(found)):
            upper, lower = found[i], found[j]
            if abs(lower.y0 - upper.y1) > _GAP or _overlap(upper, lower) < 0.7:
                continue
            at = _joint(image, upper, lower)
            if upper.y0 < at < lower.y1:
                found[i], found[j] = replace(upper, y1=at), replace(lower, y0=at)
            break
    order = sorted(found, key=lambda bar: (bar.middle, -bar.y1))
    return replace(bars, bars=tuple(order))


def _overlap(a: Bar, b: Bar) -> float:
    """Shared width over that of the narrower bar."""
    return (min(a.x1, b.x1) - max(a.x0, b.x0)) / max(min(a.x1 - a.x0, b.x1 - b.x0), 1e-9)


def _joint(image: Floats, upper: Bar, lower: Bar) -> float:
    """The edge between two segments, one above the other, to a fraction of a pixel."""
    middle = (upper.y1 + lower.y0) / 2
    x0, x1 = max(upper.x0, lower.x0), min(upper.x1, lower.x1)
    columns = slice(round(x0 + 0.2 * (x1 - x0)), round(x1 - 0.2 * (x1 - x0)))
    first = max(round((upper.y0 + upper.y1) / 2), round(upper.y1 - 3 * _AWAY), 0)
    last = min(round((lower.y0 + lower.y1) / 2), round(lower.y0 + 3 * _AWAY), len(image) - 1)
    if columns.stop - columns.start < 2 or last - first < 1:
        return middle
    profile = np.median(image[first : last + 1, columns], axis=1)
    above = profile[: max(1, round(upper.y1 - _AWAY) - first)]
    below = profile[min(len(profile) - 1, round(lower.y0 + _AWAY) - first) :]
    one, other = np.median(above, axis=0), np.median(below, axis=0)
    along = other - one
    apart = float(np.linalg.norm(along))
    if apart < 2 * _OWN:
        return middle
    tolerance = max(_OWN, _OWN_SHARE * apart)
    of_one = np.linalg.norm(profile - one, axis=-1) < tolerance
    of_other = np.linalg.norm(profile - other, axis=-1) < tolerance
    if not of_one.any() or not of_other.any():
        return middle
    start = int(np.flatnonzero(of_one)[-1]) + 1
    rest = np.flatnonzero(of_other)
    if not (rest >= start).any():
        return middle
    end = int(rest[rest >= start][0])
    between = profile[start:end]
    share = (between - one) @ along / apart**2
    off = np.linalg.norm(between - one - share[:, None] * along, axis=-1)
    if len(between) == 1 and off[0] < _MIXED_SHARE * apart and -0.1 < share[0] < 1.1:
        at = first + start + 1 - float(np.clip(share[0], 0, 1))
    else:
        at = first + (start + end) / 2
    return at if abs(at - middle) <= _GAP else middle
