"""Bars of two series drawn over each other, see-through: where they overlap is no third series."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .bars import Bar, Bars
from .ink import Floats, Ink

_OFF_RAY = 18.0
"""How far a mixed colour may be from what see-through colours make, in RGB."""


def told_from_overlap(bars: Bars, inks: tuple[Ink, ...], backgrounds: Floats) -> Bars:
    """Bars each as long as its series', where they were drawn over each other.

    Two series are, if every column begins with the mixture of their colours, and goes on in that
    of the longer bar.
    """
    columns = _columns(bars)
    owners = sorted({bar.ink for bar in bars.bars})
    if not bars.stacked or len(owners) != 3:
        return bars
    for mixed in owners:
        a, b = (k for k in owners if k != mixed)
        colors = inks[mixed].color, inks[a].color, inks[b].color
        if not any(_is_mixture(*colors, page) for page in backgrounds):
            continue
        parts = [_two_of(column, mixed, a, b, bars.base) for column in columns]
        tops = {bar.ink for column in columns for bar in column if bar.ink != mixed}
        if tops == {a, b} and all(part is not None for part in parts):
            found = tuple(bar for part in parts for bar in part or [])
            return replace(bars, bars=found, stacked=False, mixed=mixed)
    return bars


def _columns(bars: Bars) -> list[list[Bar]]:
    found: list[list[Bar]] = []
    for bar in sorted(bars.bars, key=lambda bar: bar.middle):
        if found and abs(bar.middle - found[-1][0].middle) < 0.3 * (bar.x1 - bar.x0):
            found[-1].append(bar)
        else:
            found.append([bar])
    return found


def _two_of(column: list[Bar], mixed: int, a: int, b: int, base: float) -> list[Bar] | None:
    """The two bars that a column shows; None where it shows something else."""
    low = [bar for bar in column if bar.ink == mixed]
    high = [bar for bar in column if bar.ink != mixed]
    if len(low) != 1 or len(high) > 1:
        return None
    rises = abs(low[0].y1 - base) < abs(low[0].y0 - base)
    longer = high[0].ink if high else a
    ends = [low[0], *high]
    whole = replace(
        low[0],
        ink=longer,
        y0=min(bar.y0 for bar in ends) if rises else low[0].y0,
        y1=low[0].y1 if rises else max(bar.y1 for bar in ends),
    )
    return [whole, replace(low[0], ink=b if longer == a else a)]


def _is_mixture(
    mixed: npt.NDArray[np.float32],
    a: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    page: npt.NDArray[np.float32],
) -> bool:
    """Whether a colour is what one gives that is drawn see-through over another."""
    for over, under in ((a, b), (b, a)):
        along = under - page
        off = mixed - over
        share = float(off @ along / max(float(along @ along), 1.0))
        if 0.1 < share < 0.98 and float(np.linalg.norm(off - share * along)) < _OFF_RAY:
            return True
    return False
