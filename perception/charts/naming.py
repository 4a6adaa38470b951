"""What a chart and its axes are called: title, names, units."""

import re
from dataclasses import replace

import numpy as np

from .chart import Chart, ChartSeries, Color
from .ink import Ink
from .layout import Box, Layout, number_of
from .parts import Parts
from .text import Text

_UNIT = re.compile(r"[(\[]\s*([^()\[\]]{1,14})\s*[)\]]\s*$")


def named(chart: Chart, parts: Parts, used: list[Text], *, flat: bool = False) -> Chart:
    """The chart with its title, its axes' names and units, and its series."""
    taken = [*used, *(entry.text for entry in parts.legend)]
    window = parts.window
    ys = np.concatenate([np.flatnonzero(ink.mask.any(axis=1)) for ink in parts.inks])
    xs = np.concatenate([np.flatnonzero(ink.mask.any(axis=0)) for ink in parts.inks])
    ticks = parts.layout.y_axis.ticks if parts.layout.y_axis else ()
    top = min([float(ys.min()), *(p for p, _ in ticks)])
    bottom = max([float(ys.max()), *(t.box[3] for t in [*used, *parts.layout.x_texts] if not flat)])
    if flat:
        bottom = max([bottom, *(t.box[3] for t in parts.layout.x_texts)])
    left = max(window[0], 0.0) if not flat else float(xs.min())
    plot = (left, top, float(xs.max()), bottom)
    title, across, upward = _names_of_axes(parts.layout, plot, taken)
    x_label, y_label = (upward, across) if flat else (across, upward)
    values = parts.layout.x_texts if flat else parts.layout.y_texts
    units = {n.unit for t in values if (n := number_of(t)) and n.unit}
    series = tuple(
        ChartSeries(name, _color(ink)) for name, ink in zip(parts.names, parts.inks, strict=True)
    )
    return replace(
        chart,
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_unit=_unit(x_label),
        y_unit=units.pop() if len(units) == 1 else _unit(y_label),
        series=series if any(s.name for s in series) else series[:1],
        unread=(*chart.unread, *_nameless(chart, series)),
    )


def _nameless(chart: Chart, series: tuple[ChartSeries, ...]) -> list[str]:
    """What to say of several lines or kinds of points of which some have no name.

    Bars may have a colour each without being series.
    """
    nameless = sum(not s.name for s in series)
    if chart.kind not in ("line", "scatter") or len(series) < 2 or not nameless:
        return []
    return [f"the names of {nameless} of the {len(series)} series"]


def _unit(label: str) -> str:
    match = _UNIT.search(label)
    return match[1].strip() if match else ""


def _color(ink: Ink) -> Color:
    r, g, b = (round(float(v)) for v in ink.color)
    return r, g, b


def _names_of_axes(layout: Layout, plot: Box, used: list[Text]) -> tuple[str, str, str]:
    """Title, name of the horizontal axis, name of the vertical one."""
    free = [t for t in layout.free if t not in used]
    x0, y0, x1, y1 = plot
    below = [t for t in free if t.is_level and t.box[1] > y1 - 2 and t.center[0] > x0 - 10]
    x_name = _middlemost(below, (x0 + x1) / 2, 0)
    sides = [
        t for t in free if abs(abs(t.angle) - 90) < 15 and (t.box[2] < x0 + 5 or t.box[0] > x1)
    ]
    y_name = _middlemost(sides, (y0 + y1) / 2, 1)
    above = [t for t in free if t.is_level and t.box[3] < y0 + 6 and t is not x_name]
    above = [t for t in above if t.score > 0.5]
    title = max(above, key=lambda t: (round(t.height / 3), -t.box[1]), default=None)
    lines = [] if title is None else _title_lines(title, above)
    words = " ".join(t.text for t in lines)
    return words, x_name.text if x_name else "", y_name.text if y_name else ""


def _title_lines(title: Text, above: list[Text]) -> list[Text]:
    """The title with its further lines of the same size."""
    alike = [
        t
        for t in above
        if abs(t.height - title.height) < 0.18 * title.height
        and abs(t.box[1] - title.box[1]) < 2.6 * title.height
        and (abs(t.center[0] - title.center[0]) < 30 or abs(t.box[0] - title.box[0]) < 6)
    ]
    return sorted(alike, key=lambda t: t.box[1])


def _middlemost(texts: list[Text], middle: float, axis: int) -> Text | None:
    return min(texts, key=lambda t: abs(t.center[axis] - middle), default=None)
