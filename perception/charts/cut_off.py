"""Where a plot ends, and what is drawn up to its very end: that may go on beyond it, unseen."""

from dataclasses import replace

import numpy as np

from .axis import Axis
from .bars import Bars
from .curves import Curve
from .ink import Canvas
from .layout import Box

_LONG = 0.45
"""Share of the plot's width that its frame takes up at least."""
_BETWEEN_BARS = 0.1
"""Share of a row that shows the panel, beside what is drawn on it."""
_AT_END_PX, _AT_TICK_PX = 1.6, 2.5
_STROKE_PX = 3.0
"""How far the middle of a line may be from the end that cuts it: strokes are some pixels thick."""
_BEYOND_PX = 6
_CORNER_PX = 4
"""How far from the ends of its upper line the upright ones of a frame stand at most."""
_FLAT_PX, _MOSTLY = 12, 0.7
"""A line that runs so far along the plot's end, each way, was cut there; a peak was not."""


Ends = tuple[float, float]
"""Rows at which a plot ends above and below."""


def cut_bars(bars: Bars, axis: Axis, ends: Ends) -> dict[int, bool]:
    """Of bars, by id, that reach the end of the plot: whether a tick stands there as well.

    What ends where a tick is may have just that value; what ends elsewhere goes on unseen.
    """
    found = {}
    for bar in bars.bars:
        far, end = bar.end(bars.base), ends[0] if bar.rises(bars.base) else ends[1]
        if abs(far - end) <= _AT_END_PX < abs(end - bars.base):
            found[id(bar)] = any(abs(far - at) <= _AT_TICK_PX for at, _ in axis.ticks)
    # Where all end at the same tick, shares of a whole for instance, nothing is cut.
    tops = {round(bar.middle) for bar in bars.bars if id(bar) in found}
    whole = tops == {round(bar.middle) for bar in bars.bars} and all(found.values())
    return {} if whole else found


def runs_along(curve: Curve, column: float, ends: Ends) -> bool:
    """Whether a line runs along the plot's end at a column, as one does that was cut there."""
    near = np.abs(curve.x - column) <= _FLAT_PX
    along = [np.abs(curve.y[near] - end) <= _STROKE_PX for end in ends]
    return any(close.size > 0 and float(close.mean()) > _MOSTLY for close in along)


def plot_ends(canvas: Canvas, window: Box, *, upright: bool = True) -> Ends:
    """Where the plot ends, by its frame, its panel or the picture; grid lines lie within it.

    Args:
        canvas: the chart.
        window: (x0, y0, x1, y1) of the plot, pixels.
        upright: False to exchange x and y, as of level bars.
    """
    if not upright:
        canvas, window = _turned(canvas, window)
    upside_down = replace(
        canvas, rgb=canvas.rgb[::-1], guides=canvas.guides[::-1], drawn=canvas.drawn[::-1]
    )
    height = len(canvas.drawn)
    x0, y0, x1, y1 = window
    below = _end_above(upside_down, (x0, height - y1, x1, height - y0))
    return _end_above(canvas, window), height - below


def _end_above(canvas: Canvas, window: Box) -> float:
    """Row at which the plot ends above: the picture's first, where nothing else shows it."""
    x0, x1 = max(round(window[0]), 0), min(round(window[2]), canvas.drawn.shape[1])
    if x1 - x0 < 8:
        return 0.0
    guides = canvas.guides[:, x0:x1]
    level = np.flatnonzero(guides.mean(axis=1) > _LONG)
    if len(level):
        top = int(level[0])
        thick = next((k for k in range(1, 6) if top + k not in level), 1)
        under = guides[top + thick : top + thick + len(guides) // 4].mean(axis=0) > 0.8
        over = guides[max(top - _BEYOND_PX, 0) : max(top - 1, 0)].any(axis=0)
        line = np.flatnonzero(guides[top])
        corners = np.r_[line[0] : line[0] + _CORNER_PX, line[-1] - _CORNER_PX + 1 : line[-1] + 1]
        if (under & ~over)[corners].any():
            return float(top)
    if len(canvas.backgrounds) > 1:
        panel = np.linalg.norm(canvas.rgb[:, x0:x1] - canvas.backgrounds[1], axis=-1) < 8
        rows = np.flatnonzero(panel.mean(axis=1) > _BETWEEN_BARS)
        if len(rows):
            return float(rows[0])
    return 0.0


def _turned(canvas: Canvas, window: Box) -> tuple[Canvas, Box]:
    """With x and y exchanged."""
    turned = replace(
        canvas,
        rgb=canvas.rgb.transpose(1, 0, 2),
        guides=canvas.guides.T,
        drawn=canvas.drawn.T,
        text=canvas.text.T,
    )
    x0, y0, x1, y1 = window
    return turned, (y0, x0, y1, x1)
