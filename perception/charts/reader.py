"""read_flat: from an image that a chart fills to its table.

Text is read first; numbers that stand in line make the axes; what is drawn is sorted by colour
and taken for bars, curves, points or sectors. What is measured is checked against what is
printed, and what cannot be told is said so: no value is invented.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ImageError
from ..frame import Image, Mask
from .axis import Axis
from .bars import Bars, find_bars
from .chart import Chart, ChartRow, ChartSeries, Color
from .curves import Curve, find_points, trace
from .ink import Canvas, Floats, Ink, take_apart
from .layout import Box, Label, Layout, category_labels, lay_out, names_of_axes, number_of
from .legend import Entry, find_legend, trimmed
from .pies import find_pie
from .read_bars import bar_rows
from .read_curves import curve_rows
from .read_pie import pie_chart
from .splitting import column_places, split_at
from .text import Text, text_reader

_DATE = re.compile(
    r"^(?:(?:19|20)\d\d(?:[-/. ](?:0?[1-9]|1[0-2]|Q[1-4])(?:[-/.]\d{1,2})?)?|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?: ?\d{2,4})?|"
    r"Q[1-4] ?(?:\d{2,4})?)$",
    re.IGNORECASE,
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MARKS = "oO0QcCaeéèêDxX+°.·•*-_~: 268口〇一"
"""What rings, dots and crosses are read as."""
_UNIT = re.compile(r"[(\[]\s*([^()\[\]]{1,14})\s*[)\]]\s*$")


@dataclass(frozen=True, eq=False)
class Parts:
    """A chart taken apart, with what its texts are.

    Attributes:
        canvas: background, guides and inks; without the legend's swatches.
        layout: numeric axes and their texts.
        legend: its entries.
        inks: those that show data, in the legend's order where there is one.
        names: of each of these inks, "" where there is no legend.
        window: (x0, y0, x1, y1) of the plot, pixels.
        image: [H, W, 3] uint8.
    """

    image: Image
    canvas: Canvas
    layout: Layout
    legend: list[Entry]
    inks: tuple[Ink, ...]
    names: tuple[str, ...]
    window: Box


def read_flat(image: Image) -> Chart:
    """Read the chart that fills an image.

    Args:
        image: [H, W, 3] uint8 RGB, at least 48 pixels each way.

    Returns:
        The chart; its `unread` says what could not be told.

    Raises:
        ImageError: the image shows no chart that can be read; says what is missing.
        ModelError: the text reader is not installed.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ImageError(
            f"a chart image is [H, W, 3] uint8 RGB; this one is {image.shape} {image.dtype}"
        )
    if min(image.shape[:2]) < 48:
        raise ImageError(
            f"an image of {image.shape[1]} × {image.shape[0]} pixels is too small for a chart; "
            "48 × 48 is the least"
        )
    texts = _true_texts(text_reader().read(image), image)
    layout = lay_out(texts)
    canvas = take_apart(image, texts)
    ticks = [len(a.ticks) if a else 0 for a in (layout.x_axis, layout.y_axis)]
    if min(ticks) < 3:
        pie = find_pie(canvas)
        if pie is not None:
            return pie_chart(canvas, pie, texts)
    if max(ticks) < 2:
        raise ImageError(
            "no chart found: there is neither a circle of sectors nor an axis with readable "
            f"numbers ({len(texts)} lines of text were read)"
        )
    return _of_axes(_parts(image, canvas, layout))


def _true_texts(texts: list[Text], image: Image) -> list[Text]:
    """Texts without what is no text: rings that look like an O, a bar that looks like a dash."""
    texts = _of_one_script(texts)
    usual = float(np.median([t.height for t in texts])) if texts else 0.0
    hues = [_hue(t, image) for t in texts if len(t.text) > 2]
    limit = 45 + (float(np.median(hues)) if hues else 0.0)
    kept = [t for t in texts if len(t.text) > 3 or t.height < 3 * usual]
    return [trimmed(t, image) for t in kept if not _is_mark(t, image, limit)]


def _of_one_script(texts: list[Text]) -> list[Text]:
    """In a chart of Latin script, single signs of others are specks that were taken for them."""
    letters = "".join(t.text for t in texts)
    if sum(not c.isascii() and c.isalpha() for c in letters) > 0.15 * max(len(letters), 1):
        return texts
    cleaned = [replace(t, text=_CJK.sub("", t.text).strip()) for t in texts]
    return [t for t in cleaned if t.text]


def _is_mark(text: Text, image: Image, limit: float) -> bool:
    """Whether what was read is a mark of the plot, more coloured than text is."""
    if any(c.isalnum() for c in text.text) and len(text.text) > 2:
        return False
    if not any(c.isalnum() for c in text.text):
        return True
    foreign = len(text.text) == 1 and not text.text.isascii()
    return (foreign or set(text.text) <= set(_MARKS)) and _hue(text, image) > limit


def _hue(text: Text, image: Image) -> float:
    """How coloured the strongest pixels of a text are, 0..255."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    patch = image[y0:y1, x0:x1].reshape(-1, 3).astype(int)
    return float(np.percentile(np.ptp(patch, axis=1), 93)) if len(patch) else 0.0


def _parts(image: Image, canvas: Canvas, layout: Layout) -> Parts:
    legend = find_legend(canvas, layout.free)
    window = _window(canvas, layout)
    for entry in legend:
        x0, y0, x1, y1 = entry.swatch
        for ink in canvas.inks:
            ink.mask[max(y0 - 2, 0) : y1 + 2, max(x0 - 3, 0) : x1 + 3] = False
    inks = [replace(ink, mask=_within(ink.mask, window)) for ink in canvas.inks]
    inks = [ink for ink in inks if int(ink.mask.sum()) >= 10]
    matched = _matched(legend, inks)
    hues = [ink for ink in inks if not ink.grey and ink.mask.sum() > 40]
    if matched and (len(matched) > 1 or len(hues) < 2):
        names = [entry.text.text for entry, _ in matched]
        shown = [ink for _, ink in matched]
        # What a legend does not name is data too, if there is much of it.
        least = 0.25 * min(int(ink.mask.sum()) for ink in shown)
        rest = [
            k
            for k in hues
            if all(k is not i for i in shown) and k.mask.sum() > least and k.solid > 0.5
        ]
        names += [""] * len(rest)
        return Parts(image, canvas, layout, legend, (*shown, *rest), tuple(names), window)
    inks = _one_of_a_hue(inks)
    hued = max((int(ink.mask.sum()) for ink in inks if not ink.grey), default=0)
    strong = [ink for ink in inks if not ink.grey or int(ink.mask.sum()) > max(1.5 * hued, 40)]
    return Parts(image, canvas, layout, [], tuple(strong), ("",) * len(strong), window)


def _one_of_a_hue(inks: list[Ink]) -> list[Ink]:
    """Without a legend, shades of one hue that are no areas are one stroke with its rims."""
    kept: list[Ink] = []
    for ink in inks:
        like = [
            o
            for o in kept
            if not ink.grey and not o.grey and _hue_likeness(ink.color, o.color) > 0.97
        ]
        if like and ink.solid < 0.5:
            like[0].mask[ink.mask] = True
        else:
            kept.append(ink)
    return kept


def _hue_likeness(a: Floats, b: Floats) -> float:
    """Cosine between what two colours have besides grey."""
    a, b = a - a.min(), b - b.min()
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6))


def _matched(legend: list[Entry], inks: list[Ink]) -> list[tuple[Entry, Ink]]:
    """Each entry with the ink of its colour, if the plot has it."""
    found: list[tuple[Entry, Ink]] = []
    for entry in legend:
        free = [ink for ink in inks if all(ink is not other for _, other in found)]
        near = max(free, key=lambda ink: _likeness(ink, entry), default=None)
        if near is not None and _likeness(near, entry) > -1e6:
            found.append((entry, near))
    return found


def _likeness(ink: Ink, entry: Entry) -> float:
    """How well an ink fits a legend's entry: alike in colour, and not a mere edge of another."""
    apart = float(np.linalg.norm(ink.color - entry.color))
    if apart < 230 and _hue_likeness(ink.color, entry.color) > 0.985 and not ink.grey:
        return float(np.log(ink.mask.sum()) - 0.05 * apart)
    return float(np.log(ink.mask.sum()) - 0.14 * apart) if apart < 48 else -1e9


def _within(mask: Mask, window: Box) -> Mask:
    x0, y0, x1, y1 = (round(v) for v in window)
    out = np.zeros_like(mask)
    out[max(y0, 0) : y1, max(x0, 0) : x1] = mask[max(y0, 0) : y1, max(x0, 0) : x1]
    return out


def _window(canvas: Canvas, layout: Layout) -> Box:
    """Where data may lie: between the tick labels and the image's other edges."""
    height, width = canvas.drawn.shape
    x0, y0, x1, y1 = 0.0, 0.0, float(width), float(height)
    if layout.y_axis and layout.y_texts:
        left = float(np.median([t.center[0] for t in layout.y_texts])) < width / 2
        if left:
            x0 = max(t.box[2] for t in layout.y_texts) + 1
        else:
            x1 = min(t.box[0] for t in layout.y_texts) - 1
        reach = sorted(p for p, _ in layout.y_axis.ticks)
        step = (reach[-1] - reach[0]) / max(len(reach) - 1, 1)
        y0, y1 = max(y0, reach[0] - 1.6 * step), min(y1, reach[-1] + 1.6 * step)
    if layout.x_axis and layout.x_texts:
        below = float(np.median([t.center[1] for t in layout.x_texts])) > height / 2
        if below:
            y1 = min(y1, min(t.box[1] for t in layout.x_texts) - 1)
        else:
            y0 = max(y0, max(t.box[3] for t in layout.x_texts) + 1)
    return x0, y0, x1, y1


def _of_axes(parts: Parts) -> Chart:
    layout = parts.layout
    if not parts.inks:
        raise ImageError("no chart found: there are axes, but nothing is drawn between them")
    ways = {(True, False): False, (False, True): True}
    upright = ways.get((layout.x_axis is not None, layout.y_axis is not None))
    bars = find_bars(parts.canvas, parts.inks, upright)
    if bars is not None:
        return _bar_chart(parts, bars)
    if layout.y_axis is None:
        raise ImageError("the value axis cannot be read: no numbers stand beside it in line")
    curves = [trace(ink.mask) for ink in parts.inks]
    span = max(parts.window[2] - parts.window[0], 1.0)
    if any(_is_curve(ink.mask, span) for ink in parts.inks):
        return _line_chart(parts, curves)
    return _scatter_chart(parts)


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
    values = layout.y_axis if bars.upright else layout.x_axis
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
    if not labels and own:
        axis = layout.x_axis if bars.upright else layout.y_axis
        labels = [Label(p, f"{v:g}", 0.9) for p, v in axis.ticks] if axis else []
        used = own
    printed = [t for t in layout.free if t not in used and number_of(t) is not None]
    rows, unread = bar_rows(bars, parts.names, values, labels, printed)
    kind = "bar" if bars.upright else "bar_horizontal"
    if bars.stacked:
        kind = "bar_stacked"
    elif len(set(parts.names)) > 1:
        kind = "bar_grouped"
    chart = Chart(kind, tuple(rows), unread=tuple(unread), y_scale=values.scale)  # type: ignore[arg-type]
    chart = replace(chart, x_scale="date" if _are_dates([str(r.x) for r in rows]) else "category")
    return _named(chart, parts, used, flat=not bars.upright)


def _line_chart(parts: Parts, curves: list[Curve | None]) -> Chart:
    layout = parts.layout
    drawn = [
        (name, ink, c) for name, ink, c in zip(parts.names, parts.inks, curves, strict=True) if c
    ]
    if layout.y_axis is None or not drawn:
        raise ImageError("the lines of this chart cannot be followed")
    labels: list[Label] = []
    used: list[Text] = []
    if layout.x_axis is None:
        bottom = max(p for p, _ in layout.y_axis.ticks)
        span = min(float(c.x[0]) for *_, c in drawn), max(float(c.x[-1]) for *_, c in drawn)
        corners = sorted(v for *_, c in drawn for v in c.vertices)
        places = [v for i, v in enumerate(corners) if i == 0 or v - corners[i - 1] > 8]
        lowest = max(p for p, _ in layout.y_axis.ticks)
        layout.free = split_at(parts.image, layout.free, places, lowest)
        free = [t for t in layout.free if all(t is not e.text for e in parts.legend)]
        labels, used = category_labels(free, bottom, span, upright=True)
    rows, unread = curve_rows(
        [(name, curve) for name, _, curve in drawn], layout.x_axis, layout.y_axis, labels
    )
    chart = Chart("line", tuple(rows), unread=tuple(unread), y_scale=layout.y_axis.scale)
    if layout.x_axis is not None:
        years = _are_dates([t.text for t in layout.x_texts])
        chart = replace(chart, x_scale="date" if years else layout.x_axis.scale)
    elif _are_dates([str(row.x) for row in rows]):
        chart = replace(chart, x_scale="date")
    return _named(chart, parts, used)


def _scatter_chart(parts: Parts) -> Chart:
    layout = parts.layout
    if layout.y_axis is None or layout.x_axis is None:
        raise ImageError("the points have no place: one of the axes has no readable numbers")
    rows = []
    for name, ink in zip(parts.names, parts.inks, strict=True):
        for px, py in find_points(ink.mask):
            x, y = layout.x_axis.value(px), layout.y_axis.value(py)
            sure = min(layout.x_axis.agreed, layout.y_axis.agreed)
            rows.append(
                ChartRow(
                    name, rounded(x, layout.x_axis, px), rounded(y, layout.y_axis, py), 0.9 * sure
                )
            )
    if not rows:
        raise ImageError("no points were found between the axes")
    chart = Chart("scatter", tuple(sorted(rows, key=lambda r: (r.series, r.x))))
    chart = replace(chart, x_scale=layout.x_axis.scale, y_scale=layout.y_axis.scale)
    return _named(chart, parts, [])


def rounded(value: float, axis: Axis, pixel: float) -> float:
    """A value to as many digits as a quarter of a pixel tells apart."""
    resolution = abs(axis.value(pixel + 0.25) - axis.value(pixel)) or 1e-9
    return round(value, int(np.clip(np.ceil(-np.log10(resolution)), -9, 12)))


def _named(chart: Chart, parts: Parts, used: list[Text], *, flat: bool = False) -> Chart:
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
    title, across, upward, _ = names_of_axes(parts.layout, plot, taken)
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
    )


def _unit(label: str) -> str:
    match = _UNIT.search(label)
    return match[1].strip() if match else ""


def _color(ink: Ink) -> Color:
    r, g, b = (round(float(v)) for v in ink.color)
    return r, g, b


def _are_dates(texts: list[str]) -> bool:
    return bool(texts) and all(_DATE.match(text.strip()) for text in texts)
