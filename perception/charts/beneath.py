"""Bars that a legend lies on: where they end beneath it, or that it hides their ends."""

from dataclasses import replace

import numpy as np

from .bars import Bar, Bars
from .ink import Floats
from .layout import Box
from .legend import Entry

_PAD, _TITLE = 0.9, 2.2
"""How far a legend's box reaches beyond its entries, in heights of text; above, with a title."""
_SHADES = (0.07, 0.7)
"""How strong a colour is beneath a legend that is see-through, over what it is beside it."""
_OFF_SHADE, _OFF_SHARE = 4.0, 0.35
"""How far a mixture of two colours may be from the line between them, in RGB: always, and of its
distance from the weaker one."""
_SHOWN = 0.3
"""Share of a bar's row that shows at least; the legend's own text and swatches hide the rest."""
_HIDDEN = 2.5
"""Rows in a row that may be hidden so, in heights of text."""
_LEAST_PX, _FRAME_PX, _EDGE_PX = 3, 6, 4
_OTHER, _MOSTLY = 12.0, 0.7
"""How far, in RGB, the edge of a legend is from what is before it, and along which share."""


def uncovered(bars: Bars, legend: list[Entry], rgb: Floats) -> Bars:
    """Bars drawn out to where they end beneath the legend; hidden are those that it cuts off.

    Args:
        bars: of the chart.
        legend: its entries; those in the plot lie on bars.
        rgb: [H, W, 3] the chart.
    """
    if not legend:
        return bars
    tall = float(np.median([entry.text.height for entry in legend]))
    box = _box(legend, tall)
    if not bars.upright:
        rgb, box = rgb.transpose(1, 0, 2), (box[1], box[0], box[3], box[2])
    found = []
    for bar in bars.bars:
        if _ends_in(bar, bars.base, box) and not any(_goes_on(bar, o, bars) for o in bars.bars):
            longer = _drawn_out(bar, bars.base, box, rgb, tall)
            bar = longer or replace(bar, hidden=_is_cut(bar, bars.base, rgb))
        found.append(bar)
    return replace(bars, bars=tuple(found))


def _box(legend: list[Entry], tall: float) -> Box:
    """Around a legend's texts and swatches, with a margin."""
    boxes = np.array([b for e in legend for b in (e.text.box, e.swatch)], np.float64)
    x0, y0 = boxes[:, :2].min(axis=0) - _PAD * tall
    x1, y1 = boxes[:, 2:].max(axis=0) + _PAD * tall
    return float(x0), float(y0 - (_TITLE - _PAD) * tall), float(x1), float(y1)


def _goes_on(bar: Bar, other: Bar, bars: Bars) -> bool:
    """Whether another segment of a stack begins where a bar ends."""
    foot = other.y1 if bar.rises(bars.base) else other.y0
    level = abs(foot - bar.end(bars.base)) < _LEAST_PX
    return other is not bar and level and other.x0 < bar.middle < other.x1


def _ends_in(bar: Bar, base: float, box: Box) -> bool:
    """Whether a bar's end lies within the legend's box, or right at its edge."""
    across = min(bar.x1, box[2]) - max(bar.x0, box[0]) > 0.5 * bar.width
    return across and box[1] < bar.end(base) < box[3]


def _is_cut(bar: Bar, base: float, rgb: Floats) -> bool:
    """Whether something begins where a bar ends, and goes on at both its sides: a legend's edge."""
    end, step = round(bar.end(base)), 1 if bar.rises(base) else -1
    columns = np.r_[round(bar.x0) - 9 : round(bar.x0) - 2, round(bar.x1) + 2 : round(bar.x1) + 9]
    columns = columns[(columns >= 0) & (columns < rgb.shape[1])]
    rows = np.clip(end + step * np.arange(-_EDGE_PX, _EDGE_PX), 0, len(rgb) - 1)
    before = rgb[np.clip(end + step * 3 * _EDGE_PX, 0, len(rgb) - 1), columns]
    other = np.linalg.norm(rgb[rows[:, None], columns] - before, axis=-1) > _OTHER
    return bool(other.mean(axis=1).max(initial=0.0) > _MOSTLY)


def _drawn_out(bar: Bar, base: float, box: Box, rgb: Floats, tall: float) -> Bar | None:
    """A bar with what shows of it through the legend; None where its end cannot be told."""
    rises = bar.rises(base)
    left, right = round(bar.x0 + 0.2 * bar.width), round(bar.x1 - 0.2 * bar.width)
    first, last = (round(bar.y0) - 1, round(box[1])) if rises else (round(bar.y1), round(box[3]))
    step = -1 if rises else 1
    rows = np.arange(first, last, step)
    rows = rows[(rows >= 0) & (rows < len(rgb))]
    body = rgb[round(bar.y0) + 2 : round(bar.y1) - 1, left:right]
    if not len(rows) or not body.size:
        return None
    inside = rgb[round(max(box[1], 0)) : round(box[3]), round(max(box[0], 0)) : round(box[2])]
    page, own = _commonest(inside), np.median(body, axis=(0, 1))
    at = np.flatnonzero(_is_shade(rgb[rows, left:right], own, page).mean(axis=1) > _SHOWN)
    gaps = np.flatnonzero(np.diff(at, prepend=-1) > _HIDDEN * tall)
    at = at[: gaps[0]] if len(gaps) else at
    # The legend's frame and soft edges are not the bar.
    if len(at) < _FRAME_PX:
        return None
    end = int(rows[at[-1]])
    return replace(bar, y0=float(end)) if rises else replace(bar, y1=float(end + 1))


def _commonest(pixels: Floats) -> Floats:
    """The colour that most of some pixels have."""
    names, counts = np.unique(pixels.reshape(-1, 3) // 8, axis=0, return_counts=True)
    like = (pixels.reshape(-1, 3) // 8 == names[counts.argmax()]).all(axis=1)
    return np.asarray(np.median(pixels.reshape(-1, 3)[like], axis=0), np.float32)


def _is_shade(pixels: Floats, own: Floats, page: Floats) -> Floats:
    """[...] bool: which pixels [..., 3] are a mixture of a colour with a little of another."""
    along = own - page
    long = float(np.linalg.norm(along))
    share = (pixels - page) @ along / max(long**2, 1.0)
    off = np.linalg.norm(pixels - page - share[..., None] * along, axis=-1)
    near = off < np.maximum(_OFF_SHADE, _OFF_SHARE * share * long)
    return np.asarray((share > _SHADES[0]) & (share < _SHADES[1]) & near)
