"""A value axis where none is drawn: told from values that are printed at bars."""

import numpy as np

from .axis import Axis, Tick
from .bars import Bar, Bars
from .layout import number_of
from .text import Text

_LEAST = 3
_LEAST_SHARE = 0.7
_OFF_SHARE, _OFF_PX = 0.03, 1.5
"""How far a bar's length may be from what its value asks for: share of it, and pixels."""
_SHORTEST = 8.0


def printed_axis(bars: Bars, texts: list[Text]) -> Axis | None:
    """The axis on which the bars are as long as their printed values say.

    Args:
        bars: as if upright.
        texts: that may be values of bars.

    Returns:
        The axis; None unless at least three bars, and most, have a value in proportion to
        their length.
    """
    if bars.stacked or len(bars.bars) < _LEAST:
        return None
    pairs = [
        (k, bar.y1 - bar.y0, value)
        for k, bar in enumerate(bars.bars)
        for value in _values_at(bar, texts, upright=bars.upright)
    ]
    best: list[tuple[int, float, float]] = []
    for _, length, value in pairs:
        if length < _SHORTEST or value <= 0:
            continue
        scale = value / length
        agreeing = {}
        for k, other, said in pairs:
            if abs(abs(said) / scale - other) <= _OFF_SHARE * other + _OFF_PX:
                agreeing[k] = (k, other, abs(said))
        if len(agreeing) > len(best):
            best = list(agreeing.values())
    if len(best) < max(_LEAST, _LEAST_SHARE * len(bars.bars)):
        return None
    lengths, values = np.array([p[1:] for p in best]).T
    if np.ptp(values) < 0.05 * values.max():
        return None
    scale = float(values @ lengths / (lengths @ lengths))
    slope = -scale if bars.upright else scale
    foot = bars.base - 0.5
    ticks: list[Tick] = [(foot, 0.0)]
    ticks += [(foot + v / slope, float(v)) for v in values]
    return Axis("linear", slope, -slope * foot, tuple(ticks), len(best) / len(bars.bars))


def _values_at(bar: Bar, texts: list[Text], *, upright: bool) -> list[float]:
    """The numbers that are printed in a bar, or close to its ends."""
    found = []
    for text in texts:
        number = number_of(text)
        if number is None:
            continue
        x, y = text.center if upright else text.center[::-1]
        reach = 1.6 * text.height if upright else 0.6 * (text.box[2] - text.box[0]) + text.height
        if bar.x0 - 2 <= x <= bar.x1 + 2 and bar.y0 - reach <= y <= bar.y1 + reach:
            found.append(number.value)
    return found
