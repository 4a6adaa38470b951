"""From bars to rows: which category each stands for, and how tall it is."""

from dataclasses import replace

import numpy as np

from .axis import Axis
from .bars import Bar, Bars
from .categories import Label
from .chart import ChartRow
from .cut_off import Ends, cut_bars
from .layout import number_of
from .text import Text

_NEAR_SHARE = 0.04
"""A printed value may differ from the measured one by this share of the axis, or of itself."""

_DOUBTED = 0.6
"""Trust in the value of what stops at the end of the plot, over that in others."""


def bar_rows(
    bars: Bars,
    names: tuple[str, ...],
    axis: Axis,
    labels: list[Label],
    printed: list[Text],
    ends: Ends = (-np.inf, np.inf),
) -> tuple[list[ChartRow], list[str]]:
    """The table behind bars, and what of it could not be read.

    Args:
        bars: as if upright.
        names: of the inks, from the legend.
        axis: of the values.
        labels: along the other axis.
        printed: numbers that stand free and may be values of bars.
        ends: of the plot, as if the bars were upright; what reaches them may go on beyond.
    """
    bars = _grounded(bars, axis)
    columns = _columns(bars, len(set(names)) > 1)
    places = [float(np.mean([b.middle for b in column])) for column in columns]
    texts = _labelled(columns, places, labels)
    many = len(set(names)) > 1
    measured = {id(b): _value(b, bars, axis) for b in bars.bars}
    values = _printed_values(bars, measured, axis, printed)
    cut = cut_bars(bars, axis, ends)
    rows, unread = [], []
    seen: set[tuple[str, str | float]] = set()
    for column, label in zip(columns, texts, strict=True):
        if label is None:
            place = float(np.mean([b.middle for b in column]))
            unread.append(f"the name of the bar at pixel {place:.0f}")
        for bar in column:
            value, sure = values.get(id(bar), (None, 0.0))
            if value is None:
                value, sure = _rounded(bar, measured[id(bar)], bars, axis), 0.85 * axis.agreed
            name = names[bar.ink] if many else ""
            told = label.score if label else 0.3
            what = " ".join(w for w in (name, label.text if label else "") if w) or "a bar"
            if bar.hidden and id(bar) not in values:
                unread.append(f"the value of {what}: the legend lies on its end")
                seen.add((name, label.text if label else ""))
                continue
            if id(bar) in cut and id(bar) not in values:
                if not cut[id(bar)]:
                    unread.append(f"the value of {what}: it goes on beyond the plot")
                    continue
                unread.append(f"whether {what} goes on beyond the plot, at whose end it stops")
                sure *= _DOUBTED
            rows.append(ChartRow(name, label.text if label else "", value, sure * told))
    seen |= {(row.series, row.x) for row in rows}
    if many:
        rows.sort(key=lambda row: names.index(row.series))
        drawn = {bar.ink for bar in bars.bars}
        for name in (n for k, n in enumerate(names) if k in drawn):
            found = {x for series, x in seen if series == name}
            lacking = [t.text for t in texts if t is not None and t.text not in found]
            unread += [f"the bar of {name} at {x}: none can be seen" for x in lacking]
    else:
        shown = {t.text for t in texts if t is not None}
        unread += [
            f"the bar at {label.text}: none can be seen"
            for label in labels
            if label.text not in shown
        ]
    return rows, unread


def _grounded(bars: Bars, axis: Axis) -> Bars:
    """Bars whose feet something hides, an axis line or a label, stand on the zero line."""
    if axis.scale != "linear":
        return bars
    zero = axis.pixel(0.0) + 0.5
    # A short first segment is measured from where the axis says that it begins.
    least = 0.0 if bars.stacked and axis.marked else 1.5
    if not least < abs(bars.base - zero) < 14:
        return bars
    moved = []
    for bar in bars.bars:
        if abs(bar.y1 - bars.base) <= 3 and bar.y0 < zero:
            bar = replace(bar, y1=zero)
        elif abs(bar.y0 - bars.base) <= 3 and bar.y1 > zero:
            bar = replace(bar, y0=zero)
        moved.append(bar)
    return Bars(tuple(moved), bars.upright, zero, bars.stacked)


def _columns(bars: Bars, grouped: bool) -> list[list[Bar]]:
    """Bars that stand for the same category: on each other, or in a group side by side."""
    ordered = sorted(bars.bars, key=lambda b: b.middle)
    columns: list[list[Bar]] = []
    width = float(np.median([b.x1 - b.x0 for b in ordered]))
    for bar in ordered:
        if columns and _together(columns[-1], bar, width, grouped, bars.stacked):
            columns[-1].append(bar)
        else:
            columns.append([bar])
    return columns


def _together(column: list[Bar], bar: Bar, width: float, grouped: bool, stacked: bool) -> bool:
    if stacked:
        return abs(column[0].middle - bar.middle) < 0.5 * width
    if not grouped or any(other.ink == bar.ink for other in column):
        return False
    return bar.x0 - max(b.x1 for b in column) < 0.45 * width


def _labelled(
    columns: list[list[Bar]], places: list[float], labels: list[Label]
) -> list[Label | None]:
    """The label of each column: the nearest, or, where they are as many, the one in its turn."""
    if not labels:
        return [None] * len(columns)
    ordered = sorted(labels, key=lambda label: label.at)
    if len(ordered) == len(columns):
        return list(ordered)
    pitch = _pitch(places)
    found: list[Label | None] = []
    for column, place in zip(columns, places, strict=True):
        low, high = min(b.x0 for b in column), max(b.x1 for b in column)
        near = min(ordered, key=lambda label: abs(label.at - place))
        reach = max(0.5 * pitch, 0.6 * (high - low))
        found.append(near if abs(near.at - place) <= reach else None)
    return found


def _pitch(places: list[float]) -> float:
    gaps = np.diff(np.sort(places))
    return float(np.median(gaps)) if len(gaps) else 0.0


def _value(bar: Bar, bars: Bars, axis: Axis) -> float:
    """Height of a bar in the axis' units; of a stacked segment its own."""
    if axis.scale == "log":
        return axis.value(_edge(bar.end(bars.base)))
    length = abs(axis.slope) * (bar.y1 - bar.y0)
    if bars.stacked:
        return length
    far = bar.end(bars.base)
    zero = axis.pixel(0.0) + 0.5
    from_zero = abs(zero - bars.base) <= max(
        3.0, 0.012 * abs(axis.pixel(axis.step) - axis.pixel(0.0))
    )
    if from_zero:
        up = axis.value(_edge(far)) >= axis.value(_edge(bars.base))
        return length if up else -length
    return axis.value(_edge(far))


def _edge(pixel: float) -> float:
    """Pixel i has its middle at i, so that the edge before it lies at i - 0.5."""
    return pixel - 0.5


def _rounded(bar: Bar, value: float, bars: Bars, axis: Axis) -> float:
    return axis.rounded(value, bar.end(bars.base))


def _printed_values(
    bars: Bars, measured: dict[int, float], axis: Axis, printed: list[Text]
) -> dict[int, tuple[float, float]]:
    """The values that are printed at bars, where they agree with what is measured."""
    span = abs(max(v for _, v in axis.ticks) - min(v for _, v in axis.ticks)) or 1.0
    pairs = []
    for t, text in enumerate(printed):
        number = number_of(text, axis.notation)
        if number is None:
            continue
        x, y = text.center if bars.upright else text.center[::-1]
        reach = 2.2 * text.height if bars.upright else 0.75 * (text.box[2] - text.box[0]) + 14
        for bar in bars.bars:
            inside = bar.x0 - 4 <= x <= bar.x1 + 4 and bar.y0 - reach <= y <= bar.y1 + reach
            gap = abs(number.value - measured[id(bar)])
            if axis.scale == "log":
                near = gap <= 0.25 * abs(number.value)
            else:
                near = gap <= max(_NEAR_SHARE * span, 0.06 * abs(number.value))
            if inside and near:
                pairs.append((gap / span, t, bar, number.value))
    found: dict[int, tuple[float, float]] = {}
    taken: set[int] = set()
    for _, t, bar, value in sorted(pairs, key=lambda pair: pair[0]):
        if t not in taken and id(bar) not in found:
            taken.add(t)
            found[id(bar)] = (value, 0.98 * printed[t].score)
    return found
