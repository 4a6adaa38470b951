"""read_flat: from an image that a chart fills to its table.

Text is read first; numbers that stand in line make the axes; what is drawn is sorted by colour
and taken for bars, curves, points or sectors. What is measured is checked against what is
printed, and what cannot be told is said so: no value is invented.
"""

import re
from dataclasses import replace

import numpy as np

from ..errors import ImageError
from ..frame import Image, Mask
from .bars import Bars, find_bars
from .beneath import uncovered
from .categories import Label, all_named, category_labels, numbered
from .chart import Chart, ChartRow
from .curves import bridged, find_points, is_thick, trace
from .cut_off import plot_ends
from .direct_labels import named_at_ends
from .display import read_display
from .edges import upper_edge, without_sides
from .gauge import Dial, find_dial, gauge_chart
from .hatching import hatchings, in_own_colors, unhatched
from .ink import Canvas, is_grey, take_apart
from .joints import sealed
from .label_ticks import without_label_ticks
from .layout import Layout, further_axis, lay_out, number_of, zero_told
from .legend import find_legend, is_patch
from .missing_labels import even_places, missed_along, missed_around, missed_texts
from .months import with_months_between
from .naming import left_out, named
from .overlaid import told_from_overlap
from .parts import Parts, parts_of
from .pies import find_pie
from .printed_axis import printed_axis
from .read_bars import bar_rows
from .read_curves import curve_rows, is_rounded
from .read_pie import pie_chart
from .rims import without_rims
from .shading import unshaded
from .splitting import column_places, split_at
from .swatches import unseen_names
from .text import Text, text_reader
from .ticks import snapped
from .true_texts import of_one_script, rings_among_labels, true_texts, without_dots

_AREA_SIDE_SHARE = 0.05
"""Of a picture's longer side: what is filled and as long each way is no stroke and no marker."""
_LEAST_PRINTED = 3
"""Fewer numbers than these besides an axis' own are no values of all bars."""
_FEW, _FOOT_PX = 3, 7
"""How far the feet of bars may be from what they stand on: an axis line hides them."""
_SHADES = 5
"""Stacked bars in more colours than that, all without a name, are a map of some kind."""
_LEAST_TICKS = 3
"""Labels along which bars are numbered at least, where some have names of their own."""
_DATE = re.compile(
    r"^(?:(?:19|20)\d\d(?:[-/. ](?:0?[1-9]|1[0-2]|Q[1-4])(?:[-/.]\d{1,2})?)?|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?: ?\d{2,4})?|"
    r"Q[1-4] ?(?:\d{2,4})?)$",
    re.IGNORECASE,
)


def read_flat(image: Image) -> Chart:
    """Read the chart that fills an image; arguments and errors are those of `read_chart`."""
    if min(image.shape[:2]) < 48:
        raise ImageError(
            f"an image of {image.shape[1]} × {image.shape[0]} pixels is too small for a chart; "
            "48 × 48 is the least"
        )
    hatched = hatchings(image)
    return in_own_colors(_read(unhatched(image, hatched)), hatched)


def _read(image: Image) -> Chart:
    texts = without_label_ticks(true_texts(text_reader().read(image), image), image)
    texts += unseen_names(image, texts)
    layout = lay_out(texts)
    told = zero_told(texts, layout)
    if told != texts:
        texts, layout = told, lay_out(told)
    texts = without_dots(texts, layout)
    canvas = take_apart(image, texts)
    layout = _without_legend(canvas, texts, layout)
    layout = _without_values(image, canvas, texts, layout)
    if layout.x_axis:
        layout.x_axis = snapped(layout.x_axis, layout.x_texts, canvas.rgb, upright=False)
    if layout.y_axis:
        layout.y_axis = snapped(layout.y_axis, layout.y_texts, canvas.rgb, upright=True)
    ticks = [len(a.ticks) if a else 0 for a in (layout.x_axis, layout.y_axis)]
    pie = find_pie(canvas) if min(ticks) < 3 else None
    # Shares printed in a circle may happen to rise evenly, as a dial's numbers do.
    if max(ticks) < 3 and (pie is None or len(pie.sectors) < 2):
        dial = find_dial(texts)
        if dial is not None:
            return _of_dial(image, dial, texts, canvas, layout)
    if pie is not None:
        texts += missed_around(canvas, pie, texts)
        return pie_chart(canvas, pie, of_one_script(texts))
    if max(ticks) < 3:
        display = read_display(image)
        if display is not None:
            return display
    bare = unshaded(image, canvas, layout)
    if bare is not image:
        image, canvas = bare, take_apart(bare, texts)
    parts = parts_of(image, canvas, layout)
    if max(ticks) < 2:
        chart = _of_printed_values(parts)
        if chart is not None:
            return chart
        raise ImageError(
            "no chart found: there is neither a circle of sectors, a dial, a display of digits "
            f"nor an axis with readable numbers ({len(texts)} lines of text were read)"
        )
    return _of_axes(parts)


def _of_dial(image: Image, dial: Dial, texts: list[Text], canvas: Canvas, layout: Layout) -> Chart:
    """A gauge; or bars, whose printed values may happen to stand around a middle, too."""
    try:
        return gauge_chart(image, dial, texts)
    except ImageError:
        chart = _of_printed_values(parts_of(image, canvas, layout))
        if chart is None:
            raise
        return chart


def _without_legend(canvas: Canvas, texts: list[Text], layout: Layout) -> Layout:
    """The layout without axes made of a legend's names: years of series stand evenly, too."""
    for labels in (layout.x_texts, layout.y_texts):
        # Swatches have hues, or are filled; ticks and grid lines beside numbers are grey strokes.
        found = find_legend(canvas, labels)
        entries = [e for e in found if not is_grey(e.color) or is_patch(canvas, e)]
        if len(entries) > 1 and len(entries) >= len(labels) - 1:
            rest = lay_out([t for t in texts if t not in labels])
            rest.free += labels
            return rest
    return layout


def _without_values(image: Image, canvas: Canvas, texts: list[Text], layout: Layout) -> Layout:
    """The layout without an axis made of values printed at bars that run the other way."""
    upright = layout.y_axis is not None
    numbers = sum(number_of(t) is not None for t in layout.free)
    if upright == (layout.x_axis is not None) or numbers < _LEAST_PRINTED:
        return layout
    inks = tuple(replace(ink, mask=ink.mask.copy()) for ink in canvas.inks)
    bare = Layout(free=list(texts))
    parts = parts_of(image, replace(canvas, inks=inks), bare)
    bars = find_bars(parts.canvas, parts.inks, not upright) if parts.inks else None
    if bars is None or printed_axis(bars, bare.free) is None:
        return layout
    own = layout.y_texts if upright else layout.x_texts
    # Numbers on the other side of the base name the bars: years, for instance.
    beyond = [t.box[0] > bars.base if upright else t.box[3] < bars.base for t in own]
    return bare if all(beyond) else layout


def _of_printed_values(parts: Parts) -> Chart | None:
    """Bars without a value axis that have their values printed; None where there are none."""
    bars = find_bars(parts.canvas, parts.inks, None) if parts.inks else None
    if bars is None or printed_axis(bars, parts.layout.free) is None:
        return None
    return _bar_chart(parts, bars)


def _of_axes(parts: Parts) -> Chart:
    layout = parts.layout
    if not parts.inks:
        raise ImageError("no chart found: there are axes, but nothing is drawn between them")
    further = further_axis(layout)
    if further is not None:
        raise ImageError(
            f"there are two axes of numbers, one {further}: which of them a series belongs to "
            "cannot be told; give each chart as a picture of its own"
        )
    ways = {(True, False): False, (False, True): True}
    upright = ways.get((layout.x_axis is not None, layout.y_axis is not None))
    bars = find_bars(parts.canvas, parts.inks, upright)
    if bars is not None and _is_grounded(parts, bars):
        return _bar_chart(parts, bars)
    if layout.x_axis is None or layout.y_axis is None:
        chart = _of_printed_values(parts)
        if chart is not None:
            return chart
    if layout.y_axis is None:
        raise ImageError("the value axis cannot be read: no numbers stand beside it in line")
    filled = [k for k in parts.inks if upper_edge(k.mask) is None]
    if any(_is_area(ink.mask) or is_thick(ink.mask) for ink in filled):
        raise ImageError("what is drawn between the axes is neither bars nor lines nor points")
    span = max(parts.window[2] - parts.window[0], 1.0)
    if any(_is_curve(ink.mask, span) for ink in parts.inks):
        return _line_chart(parts)
    return _scatter_chart(parts)


def _is_grounded(parts: Parts, bars: Bars) -> bool:
    """Whether bars stand on zero, on a line, or on the end of the plot or of its axis.

    That several have a common base tells as much.
    """
    axis = parts.layout.y_axis if bars.upright else parts.layout.x_axis
    if axis is None or len(bars.bars) >= _FEW:
        return True
    ticks = [p for p, _ in axis.ticks]
    places = [axis.pixel(0.0), min(ticks), max(ticks)]
    places += plot_ends(parts.canvas, parts.window, upright=bars.upright)
    guides = parts.canvas.guides if bars.upright else parts.canvas.guides.T
    first, last = min(b.x0 for b in bars.bars), max(b.x1 for b in bars.bars)
    at = round(bars.base)
    near = guides[max(at - _FOOT_PX, 0) : at + _FOOT_PX, round(first) : round(last)]
    lined = len(bars.bars) > 1 and near.size > 0 and near.mean(axis=1).max() > 0.5
    return lined or any(abs(bars.base - place) < 2 * _FOOT_PX for place in places)


def _is_area(mask: Mask) -> bool:
    """Whether it fills a good part of the plot, as no stroke and no marker does."""
    import cv2

    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    wide = _AREA_SIDE_SHARE * max(mask.shape)
    return any(min(w, h) > wide and area > 0.7 * w * h for _, _, w, h, area in stats[1:count])


def _is_curve(mask: Mask, span: float) -> bool:
    """Whether one connected stroke runs over a good part of the plot."""
    import cv2

    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(closed), connectivity=8)
    if any(stats[k][2] > 0.22 * span for k in range(1, count)):
        return True
    # Grid lines may cut a thin stroke to pieces: it then still has one run in most columns.
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns) or np.ptp(columns) < 0.3 * span:
        return False
    part = mask[:, columns[0] : columns[-1] + 1].astype(np.int8)
    runs = (np.diff(part, axis=0, prepend=0) == 1).sum(axis=0)
    return bool((runs > 0).mean() > 0.7 and runs[runs > 0].mean() < 1.5)


def _bar_chart(parts: Parts, bars: Bars) -> Chart:
    layout = parts.layout
    bars = told_from_overlap(bars, parts.inks, parts.canvas.backgrounds)
    bars = sealed(bars, parts.canvas.rgb)
    bars = uncovered(bars, parts.legend, parts.canvas.rgb)
    values = layout.y_axis if bars.upright else layout.x_axis
    if values is None:
        values = printed_axis(bars, layout.free)
    if values is None:
        raise ImageError("the value axis of the bars cannot be read: no numbers stand in line")
    low = max(max(b.y1, b.y0) for b in bars.bars)
    span = min(b.x0 for b in bars.bars), max(b.x1 for b in bars.bars)
    if bars.upright:
        lowest = max(p for p, _ in values.ticks)
        layout.free = split_at(parts.image, layout.free, column_places(bars), lowest)
    own = layout.x_texts if bars.upright else layout.y_texts
    end = low if bars.upright else min(min(b.y0, b.y1) for b in bars.bars)
    free = [*layout.free, *own]
    free = [t for t in free if all(t is not e.text for e in parts.legend)]
    labels, used = category_labels(free, end, span, upright=bars.upright)
    places = column_places(bars)
    if 2 * len(labels) < len(places):
        more = missed_along(parts.image, end, span, upright=bars.upright)
        free = [t for t in free if all(t is not u for u in used)] if more else free
    else:
        more = missed_texts(parts.image, places, labels, used, upright=bars.upright)
    if more:
        layout.free = [*layout.free, *more]
        labels, used = category_labels([*free, *more], end, span, upright=bars.upright)
    across = layout.x_axis if bars.upright else layout.y_axis
    ticked = across is not None and len(across.ticks) >= _LEAST_TICKS
    if across is not None and (not labels or (ticked and not all_named(places, labels))):
        labels, used = numbered(across, places), own
    printed = [t for t in layout.free if t not in used and number_of(t) is not None]
    ends = plot_ends(parts.canvas, parts.window, upright=bars.upright)
    rows, unread = bar_rows(bars, parts.names, values, labels, printed, ends)
    unread += left_out(parts, {bar.ink for bar in bars.bars} | {bars.mixed})
    if bars.stacked and len(parts.inks) > _SHADES and not any(parts.names):
        raise ImageError("what is drawn are areas in many colours, which no legend explains")
    kind = "bar" if bars.upright else "bar_horizontal"
    if bars.stacked:
        kind = "bar_stacked"
    elif bars.mixed is not None or len(set(parts.names)) > 1:
        kind = "bar_grouped"
    chart = Chart(kind, tuple(rows), unread=tuple(unread), y_scale=values.scale)  # type: ignore[arg-type]
    chart = replace(chart, x_scale="date" if _are_dates([str(r.x) for r in rows]) else "category")
    return named(chart, parts, used, flat=not bars.upright)


def _line_chart(parts: Parts) -> Chart:
    layout = parts.layout
    areas = [ink.mask for ink in parts.canvas.inks]
    traced = [trace(mask) for mask in without_sides([ink.mask for ink in parts.inks], areas)]
    drawn = [(n, curve) for n, curve in zip(parts.names, traced, strict=True) if curve]
    if layout.y_axis is None or not drawn:
        raise ImageError("the lines of this chart cannot be followed")
    beside = (
        named_at_ends([c for _, c in drawn], layout.free, layout.y_axis)
        if not parts.legend
        else None
    )
    if beside is not None:
        layout.free = [t for t in layout.free if all(t is not b for b in beside)]
        names = tuple(t.text for t in beside)
        if len(names) == len(parts.inks):
            parts = replace(parts, names=names)
        drawn = [(name, curve) for name, (_, curve) in zip(names, drawn, strict=True)]
    labels: list[Label] = []
    used: list[Text] = []
    if layout.x_axis is None:
        span = min(float(c.x[0]) for _, c in drawn), max(float(c.x[-1]) for _, c in drawn)
        corners = sorted(v for _, c in drawn if c.marked or not is_rounded(c) for v in c.vertices)
        places = [v for i, v in enumerate(corners) if i == 0 or v - corners[i - 1] > 8]
        lowest = max(p for p, _ in layout.y_axis.ticks)
        layout.free = split_at(parts.image, layout.free, places, lowest)
        free = [t for t in layout.free if all(t is not e.text for e in parts.legend)]
        labels, used = category_labels(free, lowest, span, upright=True)
        even = even_places([label.at for label in labels], span)
        more = missed_texts(parts.image, even, labels, used, upright=True)
        if more:
            layout.free = [*layout.free, *more]
            labels, used = category_labels([*free, *more], lowest, span, upright=True)
        labels = with_months_between(labels, [curve for _, curve in drawn])
    ends = plot_ends(parts.canvas, parts.window)
    covered = _covered(parts)
    rows, unread = curve_rows(drawn, layout.x_axis, layout.y_axis, labels, ends, covered)
    unread += left_out(parts, {k for k, curve in enumerate(traced) if curve})
    if not rows:
        raise ImageError("the lines of this chart cannot be read: " + "; ".join(unread))
    chart = Chart("line", tuple(rows), unread=tuple(unread), y_scale=layout.y_axis.scale)
    if layout.x_axis is not None:
        years = _are_dates([t.text for t in layout.x_texts])
        chart = replace(chart, x_scale="date" if years else layout.x_axis.scale)
    elif _are_dates([str(row.x) for row in rows]):
        chart = replace(chart, x_scale="date")
    return named(chart, parts, used)


def _covered(parts: Parts) -> Mask:
    """[H, W] where text, lines of the grid or another line may hide a line."""
    import cv2

    inks = np.any([ink.mask for ink in parts.canvas.inks], axis=0)
    hidden = (parts.canvas.text | parts.canvas.guides | inks).astype(np.uint8)
    return np.asarray(cv2.dilate(hidden, np.ones((3, 3), np.uint8))) > 0


def _scatter_chart(parts: Parts) -> Chart:
    layout = parts.layout
    if layout.y_axis is None or layout.x_axis is None:
        raise ImageError("the points have no place: one of the axes has no readable numbers")
    rows = []
    for name, ink in zip(parts.names, without_rims(parts.inks), strict=True):
        for px, py in find_points(bridged(ink.mask, parts.canvas.guides)):
            x, y = layout.x_axis.rounded_at(px), layout.y_axis.rounded_at(py)
            sure = min(layout.x_axis.agreed, layout.y_axis.agreed)
            rows.append(ChartRow(name, x, y, 0.9 * sure))
    if not rows:
        raise ImageError("no points were found between the axes")
    lost = len(rings_among_labels(layout.free, parts.window))
    unread = (f"{lost} points that touch the labels",) if lost else ()
    ordered = tuple(sorted(rows, key=lambda r: (r.series, r.x)))
    chart = Chart("scatter", ordered, unread=unread)
    chart = replace(chart, x_scale=layout.x_axis.scale, y_scale=layout.y_axis.scale)
    return named(chart, parts, [])


def _are_dates(texts: list[str]) -> bool:
    return bool(texts) and all(_DATE.match(text.strip()) for text in texts)
