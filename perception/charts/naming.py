"""What a chart and its axes are called: title, names, units."""

import re
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from .chart import Chart, ChartKind, ChartSeries, Color
from .ink import Ink
from .layout import Box, Layout, number_of, said_by, unit_of
from .numbers import Notation, doubt, notations
from .parts import Parts
from .text import Text

_WIDE = 0.2
"""Share of the plot's columns in which a series shows at least, or over which its marks do."""
_SOLID, _MARKS, _STROKES = 0.3, 0.15, 0.5
"""Of marks: how much lies within larger areas. How much there is of them, and of what else is
scattered, over the least series."""
_AGREES = 0.03
"""A printed value may differ from a row's by this share of it."""
_ARROWS = " ↑↓→←"
"""What points along an axis beside its name, and tells which one's it is."""
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
    axes = parts.layout.x_axis, parts.layout.y_axis
    across_axis, values = axes[::-1] if flat else axes
    if values is None:
        unit, open_yet = _of_printed(chart, [t for t in parts.layout.free if t not in taken])
    else:
        unit, open_yet = values.unit, values.doubt
    doubts = [open_yet, across_axis.doubt if across_axis else ""]
    series = tuple(
        ChartSeries(name, _color(ink)) for name, ink in zip(parts.names, parts.inks, strict=True)
    )
    return replace(
        chart,
        kind=_kind(chart, series),
        title=title,
        x_label=x_label,
        y_label=y_label,
        x_unit=(across_axis.unit if across_axis else "") or _unit(x_label),
        y_unit=unit or _unit(y_label),
        series=series if any(s.name for s in series) else series[:1],
        unread=(*chart.unread, *(d for d in doubts if d), *_nameless(chart, series)),
    )


def _kind(chart: Chart, series: tuple[ChartSeries, ...]) -> ChartKind:
    """The kind of a chart; plain bars of several colours, two at a name, are groups of bars."""
    plain = chart.kind in ("bar", "bar_horizontal") and len(series) > 1
    return "bar_grouped" if plain and _several_at_a_name(chart) else chart.kind


def _several_at_a_name(chart: Chart) -> bool:
    """Whether rows cannot be told apart by their series and their category."""
    named = [(row.series, row.x) for row in chart.rows if row.x != ""]
    return len(set(named)) < len(named)


def _nameless(chart: Chart, series: tuple[ChartSeries, ...]) -> list[str]:
    """What to say of several series of which some have no name.

    Bars may have a colour each without being series: they are where several have one name.
    """
    nameless = sum(not s.name for s in series)
    if len(series) < 2 or not nameless:
        return []
    if chart.kind in ("line", "scatter") or _several_at_a_name(chart):
        return [f"the names of {nameless} of the {len(series)} series"]
    return []


def _of_printed(chart: Chart, texts: list[Text]) -> tuple[str, str]:
    """Unit of the values that are printed at the marks of a chart, and what they leave open."""
    ways = notations([said_by(t) for t in texts])
    units = [unit_of(_printed(chart, texts, notation), notation) for notation in ways]
    own, said = _printed(chart, texts, ways[0]), [said_by(t) for t in texts]
    return max(units, key=len), doubt([said_by(t) for t in own], said)


def _printed(chart: Chart, texts: list[Text], notation: Notation) -> list[Text]:
    """The numbers of which each is the value of a row."""
    values = [row.y for row in chart.rows]
    return [
        text
        for text in texts
        if (n := number_of(text, notation)) is not None
        and any(abs(n.value - value) <= _AGREES * abs(value) for value in values)
    ]


def left_out(parts: Parts, shown: Collection[int | None]) -> list[str]:
    """What to say of the inks that no row of the table comes from, if they are more than dust.

    Args:
        parts: the chart.
        shown: which of its inks the table's rows come from.
    """
    wide = _WIDE * (parts.window[2] - parts.window[0])
    least = min((int(parts.inks[k].mask.sum()) for k in shown if k is not None), default=0)
    said = []
    for k, (ink, name) in enumerate(zip(parts.inks, parts.names, strict=True)):
        columns = np.flatnonzero(ink.mask.any(axis=0))
        area = int(ink.mask.sum())
        much = area > (_MARKS if ink.solid > _SOLID else _STROKES) * least
        spread = len(columns) > wide or (much and np.ptp(columns) > wide)
        if k not in shown and not ink.grey and spread:
            color = "#{:02x}{:02x}{:02x}".format(*_color(ink))
            said.append(f"the series {name or f'drawn in {color}'}")
    entries = [entry.text.text for entry in parts.legend]
    return said + [f"the series {name}" for name in entries if name not in parts.names]


def _unit(label: str) -> str:
    match = _UNIT.search(label)
    return match[1].strip() if match else ""


def _color(ink: Ink) -> Color:
    r, g, b = (round(float(v)) for v in ink.color)
    return r, g, b


def _names_of_axes(layout: Layout, plot: Box, used: list[Text]) -> tuple[str, str, str]:
    """Title, name of the horizontal axis, name of the vertical one."""
    free = [t for t in layout.free if t not in used]
    up = next((t for t in free if t.text.strip()[:1] in ("↑", "↓")), None)
    right = next((t for t in free if t.text.strip()[-1:] in ("→", "←")), None)
    free = [t for t in free if t is not up and t is not right]
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
    names = [t.text.strip(_ARROWS) if t else "" for t in (right or x_name, up or y_name)]
    return words, names[0], names[1]


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
