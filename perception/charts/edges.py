"""Areas that are filled under a line, as against strokes."""

import numpy as np

from ..frame import Mask

_AREA_SHARE = 0.05
"""Of the image's height: what is as thick as this is no stroke."""

_RIM_SHARE = 0.02
"""Of the image's height: farther below an area's edge than this, what is outlined is its side."""
_AS_WIDE = 0.6
_RIM_PX = 4
"""How far an outline reaches into the area at its sides."""
_LEAP_SHARE = 0.03
"""Of the image's height: how far the edge of an area goes from one column to the next at most."""


def upper_edge(mask: Mask) -> Mask | None:
    """The line that an area is filled under: its edge; None for what is no such area.

    An area has one level base, and is far thicker than a stroke over most of its width.
    """
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns) < 0.15 * mask.shape[1]:
        return None
    part = mask[:, columns[0] : columns[-1] + 1]
    shown = part.any(axis=0)
    tops, lows = part.argmax(axis=0), len(part) - 1 - part[::-1].argmax(axis=0)
    base = int(np.median(lows[shown]))
    filled = part.sum(axis=0) > 0.75 * (lows - tops + 1)
    stands = shown & filled & (np.abs(lows - base) <= 3)
    if stands.mean() < 0.8 or np.median(lows - tops) < _AREA_SHARE * len(mask):
        return None
    # Bars have gaps between them, or flat tops with leaps from one to the next.
    leaps = int((np.abs(np.diff(tops)) > _LEAP_SHARE * len(mask)).sum())
    flat = np.ptp(np.percentile(tops[shown], [2, 98])) < _LEAP_SHARE * len(mask)
    if shown.mean() < 0.97 or leaps > 2 or flat:
        return None
    out = np.zeros_like(mask)
    places = np.flatnonzero(shown & filled)
    for down in range(2):
        out[np.minimum(tops[places] + down, len(mask) - 1), columns[0] + places] = True
    return out


def is_as_wide(line: Mask, area: Mask) -> bool:
    """Whether a line goes on over most of an area's width, as one along its edge does."""
    return bool(line.any(axis=0).sum() > _AS_WIDE * area.any(axis=0).sum())


def without_sides(lines: list[Mask], areas: list[Mask]) -> list[Mask]:
    """Lines without the sides of the areas that they are drawn around."""
    filled = [area for area in areas if upper_edge(area) is not None]
    found = []
    for line in lines:
        own = any(line is area for area in filled)
        under = [] if own else [area for area in filled if is_as_wide(line, area)]
        found.append(_along_edge(line, under[0]) if under else line)
    return found


def _along_edge(line: Mask, area: Mask) -> Mask:
    """A line without what is drawn far below an area's edge at the area's ends: its sides."""
    columns, across = np.flatnonzero(area.any(axis=0)), np.arange(area.shape[1])
    tops = np.interp(across, columns, area.argmax(axis=0)[columns])
    below = np.arange(len(area))[:, None] > tops + max(_RIM_SHARE * len(area), 4.0)
    ends = (across < columns[0] + _RIM_PX) | (across > columns[-1] - _RIM_PX)
    return np.asarray(line & ~(below & ends))
