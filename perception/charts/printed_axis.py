"""A value axis where none is drawn: told from values that are printed at bars."""

import numpy as np

from .axis import Axis, Tick
from .bars import Bar, Bars
from .layout import number_of, said_by
from .numbers import USUAL, Notation, leaning, notations
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
        (k, bar.y1 - bar.y0, text)
        for k, bar in enumerate(bars.bars)
        for text in _numbers_at(bar, texts, upright=bars.upright)
    ]
    said = [said_by(text) for text in texts]
    best: dict[int, tuple[float, float]] = {}
    best_rank, best_notation = (0, False), USUAL
    for notation in notations([said_by(text) for _, _, text in pairs]):
        found, own = _in_proportion(pairs, notation)
        rank = (len(found), leaning([said_by(t) for t in own], said) == notation.decimal)
        if rank > best_rank:
            best, best_rank, best_notation = found, rank, notation
    if len(best) < max(_LEAST, _LEAST_SHARE * len(bars.bars)):
        return None
    lengths, values = np.array(list(best.values())).T
    if np.ptp(values) < 0.05 * values.max():
        return None
    scale = float(values @ lengths / (lengths @ lengths))
    slope = -scale if bars.upright else scale
    foot = bars.base - 0.5
    ticks: list[Tick] = [(foot, 0.0)]
    ticks += [(foot + v / slope, float(v)) for v in values]
    agreed = len(best) / len(bars.bars)
    return Axis("linear", slope, -slope * foot, tuple(ticks), agreed, notation=best_notation)


def _in_proportion(
    pairs: list[tuple[int, float, Text]], notation: Notation
) -> tuple[dict[int, tuple[float, float]], list[Text]]:
    """The bars, (length, value) by number, whose values agree with their lengths, and the texts."""
    valued = [
        (k, length, n.value, text)
        for k, length, text in pairs
        if (n := number_of(text, notation)) is not None
    ]
    best: list[tuple[int, float, float, Text]] = []
    for _, length, value, _ in valued:
        if length < _SHORTEST or value <= 0:
            continue
        agreeing = {
            k: (k, other, abs(said), text)
            for k, other, said, text in valued
            if abs(abs(said) * length / value - other) <= _OFF_SHARE * other + _OFF_PX
        }
        if len(agreeing) > len(best):
            best = list(agreeing.values())
    return {k: (length, value) for k, length, value, _ in best}, [text for *_, text in best]


def _numbers_at(bar: Bar, texts: list[Text], *, upright: bool) -> list[Text]:
    """The numbers that are printed in a bar, or close to its ends."""
    found = []
    for text in texts:
        if number_of(text) is None:
            continue
        x, y = text.center if upright else text.center[::-1]
        reach = 1.6 * text.height if upright else 0.6 * (text.box[2] - text.box[0]) + text.height
        if bar.x0 - 2 <= x <= bar.x1 + 2 and bar.y0 - reach <= y <= bar.y1 + reach:
            found.append(text)
    return found
