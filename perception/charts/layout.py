"""Layout: which text of a chart is its title, which a tick label, which an axis' name."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .axis import Axis, Tick, fit_axis
from .numbers import Number, offset_factor, offset_shift, parse_number, power_of_ten
from .text import Text

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Label:
    """A tick label: where its tick is along the axis, pixels, and what it says."""

    at: float
    text: str
    score: float


@dataclass
class Layout:
    """The roles of a chart's texts.

    Attributes:
        x_axis, y_axis: numeric axes, across and up the image; None where there is none.
        x_texts, y_texts: the texts of the tick labels of each.
        factor_texts: texts such as "1e6" that belong to an axis.
        free: texts with no role yet.
    """

    x_axis: Axis | None = None
    y_axis: Axis | None = None
    x_texts: list[Text] = field(default_factory=list)
    y_texts: list[Text] = field(default_factory=list)
    factor_texts: list[Text] = field(default_factory=list)
    free: list[Text] = field(default_factory=list)


def lay_out(texts: list[Text]) -> Layout:
    """Find the numeric axes among the texts of a chart."""
    layout = Layout(free=list(texts))
    column = _best_group(texts, _aligned_in_column, lambda t: t.center[1], leftmost=True)
    if column is not None:
        layout.y_axis, layout.y_texts = column
        layout.free = [t for t in layout.free if t not in layout.y_texts]
    row = _best_group(layout.free, _aligned_in_row, lambda t: anchor(t)[0], leftmost=False)
    if row is not None:
        layout.x_axis, layout.x_texts = row
        layout.free = [t for t in layout.free if t not in layout.x_texts]
    if layout.x_axis is None and layout.y_axis is None:
        _lay_out_sparse(texts, layout)
    _apply_factors(layout)
    return layout


def _lay_out_sparse(texts: list[Text], layout: Layout) -> None:
    """An axis with two labels alone, if there are no other numbers that it could be made of."""
    column = _best_group(texts, _aligned_in_column, lambda t: t.center[1], leftmost=True, least=2)
    row = _best_group(texts, _aligned_in_row, lambda t: anchor(t)[0], leftmost=False, least=2)
    numeric = sum(bool(_readings(t, 0.0)) for t in texts)
    if column is not None and (row is None or len(column[1]) >= numeric - 2):
        layout.y_axis, layout.y_texts = column
    elif row is not None and len(row[1]) >= numeric - 2:
        layout.x_axis, layout.x_texts = row
    layout.free = [t for t in texts if t not in layout.y_texts and t not in layout.x_texts]


def anchor(text: Text) -> tuple[float, float]:
    """Where the tick of a label is: its middle, or, of a slanted one, the end at the axis."""
    if abs(text.angle) < 12 or abs(abs(text.angle) - 90) < 12:
        return text.center
    return text.end if text.angle > 0 else text.start


def number_of(text: Text) -> Number | None:
    """The number that a tick label says; tick marks that were read as dashes do not count."""
    return parse_number(text.text.strip().rstrip("-–—_. ").strip() or text.text)


def _readings(text: Text, pixel: float) -> list[Tick]:
    number = number_of(text)
    found = [(pixel, number.value)] if number else []
    power = power_of_ten(text.text)
    if power is not None:
        found.append((pixel, power))
    return found


def _best_group(
    texts: list[Text],
    aligned: Callable[[Text, Text], bool],
    along: Callable[[Text], float],
    *,
    leftmost: bool,
    least: int = 3,
) -> tuple[Axis, list[Text]] | None:
    """The aligned group of numbers that makes the best axis."""
    numeric = [t for t in texts if _readings(t, 0.0)]
    best: tuple[tuple[float, ...], Axis, list[Text]] | None = None
    for reference in numeric:
        group = [t for t in numeric if aligned(reference, t)]
        readings = [_readings(t, along(t)) for t in group]
        if len(group) < 2:
            continue
        axis = fit_axis(readings)
        if axis is None or axis.agreed < 0.6 or not _is_even(axis):
            continue
        kept = [t for t in group if any(abs(along(t) - p) < 0.5 for p, _ in axis.ticks)]
        edge = -reference.box[0] if leftmost else reference.box[1]
        rank = (min(len(axis.ticks), 12) + 2.0 * axis.agreed, edge)
        if len(axis.ticks) >= least and (best is None or rank > best[0]):
            best = rank, axis, kept
    return (best[1], best[2]) if best else None


def _is_even(axis: Axis) -> bool:
    """Whether the ticks are a whole number of steps apart, as ticks are and values are not."""
    gaps = np.diff(np.sort([v for _, v in axis.ticks]))
    if len(gaps) < 2 or axis.scale == "log":
        return True
    steps = gaps / max(gaps.min(), 1e-12)
    return bool(np.all(np.abs(steps - np.round(steps)) < 0.05))


def _aligned_in_column(a: Text, b: Text) -> bool:
    slack = 0.5 * max(a.height, b.height) + 1
    return (
        b.is_level
        and a.is_level
        and (
            abs(a.box[2] - b.box[2]) < slack
            or abs(a.box[0] - b.box[0]) < 0.6 * slack
            or abs(a.center[0] - b.center[0]) < 0.5 * slack
        )
    )


def _aligned_in_row(a: Text, b: Text) -> bool:
    slack = 0.5 * max(a.height, b.height) + 1
    if a.is_level != b.is_level:
        return False
    return abs(anchor(a)[1] - anchor(b)[1]) < slack or (
        not a.is_level and (abs(a.box[1] - b.box[1]) < slack)
    )


def _apply_factors(layout: Layout) -> None:
    """ "1e6" over the vertical axis, or at the end of the horizontal one."""
    for text in list(layout.free):
        factor, shift = offset_factor(text.text), offset_shift(text.text)
        if factor is None and shift is None:
            continue
        x, y = text.center
        if layout.y_axis and layout.y_texts and y < min(t.box[1] for t in layout.y_texts) + 4:
            layout.y_axis = _moved(layout.y_axis, factor, shift)
        elif layout.x_axis and layout.x_texts and x > layout.x_texts[-1].center[0] - 30:
            layout.x_axis = _moved(layout.x_axis, factor, shift)
        else:
            continue
        layout.free.remove(text)
        layout.factor_texts.append(text)


def _moved(axis: Axis, factor: float | None, shift: float | None) -> Axis:
    return axis.times(factor) if factor is not None else axis.shifted(shift or 0.0)


def category_labels(
    texts: list[Text], base: float, span: tuple[float, float], *, upright: bool
) -> tuple[list[Label], list[Text]]:
    """Labels along a category axis, and the texts that they are made of.

    Args:
        texts: that may be labels.
        base: where the marks end: the lowest (upright charts) or leftmost pixel of them.
        span: pixels along the axis that the marks take up.
        upright: True for an axis below the marks, False for one at their left.
    """
    if upright:
        low, high = span[0] - 40, span[1] + 40
        below = [t for t in texts if t.box[1] > base - 5 and low < anchor(t)[0] < high]
        words = [t for t in below if number_of(t) is None]
        # Values may be printed below bars that hang down.
        below = words if len(words) >= 3 and len(words) > len(below) / 3 else below
        if not below:
            return [], []
        reach = 0.75 * float(np.median([min(t.height, 24.0) for t in below]))
        tops = sorted(t.box[1] for t in below)
        rows = [[t for t in below if top <= t.box[1] < top + reach] for top in tops]
        row = next((row for row in rows if len(row) > 1), rows[0])
        return _merged(row, below, lambda t: anchor(t)[0])
    near = [
        t
        for t in texts
        if t.box[2] < base + 5 and t.is_level and span[0] - 20 < t.center[1] < span[1] + 20
    ]
    words = [t for t in near if number_of(t) is None]
    # Values may be printed at the left of bars that reach to the left.
    near = words if len(words) >= 3 else near
    if not near:
        return [], []
    right = max(t.box[2] for t in near)
    column = [
        t for t in near if t.box[2] > right - 12 or abs(t.box[0] - min(n.box[0] for n in near)) < 6
    ]
    lines = sorted(column, key=lambda t: t.center[1])
    groups: list[list[Text]] = []
    for text in lines:
        last = groups[-1][-1] if groups else None
        if last is not None and text.box[1] - last.box[3] < 0.3 * text.height:
            groups[-1].append(text)
        else:
            groups.append([text])
    labels = [
        Label(
            (group[0].box[1] + group[-1].box[3]) / 2,
            _plain(" ".join(t.text for t in group)),
            min(t.score for t in group),
        )
        for group in groups
    ]
    return labels, column


def _merged(
    row: list[Text], below: list[Text], along: Callable[[Text], float]
) -> tuple[list[Label], list[Text]]:
    """Labels of a row, with the further lines of those that have several."""
    used = list(row)
    lines: dict[int, list[Text]] = {id(t): [t] for t in row}
    level = [t for t in row if t.is_level]
    rest = sorted((t for t in below if t not in row and t.is_level), key=lambda t: t.box[1])
    matches: list[tuple[Text, Text]] = []
    for text in rest:
        over = [
            t
            for t in level
            if abs(t.center[0] - text.center[0])
            < 0.35 * max(t.box[2] - t.box[0], text.box[2] - text.box[0])
            and text.box[1] - lines[id(t)][-1].box[3] < 0.45 * text.height
        ]
        if len(over) == 1:
            matches.append((over[0], text))
            lines[id(over[0])].append(text)
    if len({id(a) for a, _ in matches}) < 2 and len(row) > 2:
        lines = {id(t): [t] for t in row}
        matches = []
    used += [b for _, b in matches]
    slanted = [t for t in row if not t.is_level]
    joined = _joined_slanted(slanted)
    labels = [
        Label(
            along(t),
            _plain(" ".join(x.text for x in lines[id(t)])),
            min(x.score for x in lines[id(t)]),
        )
        for t in level
    ]
    labels += [
        Label(
            float(np.mean([along(t) for t in group])),
            _plain(" ".join(t.text for t in group)),
            min(t.score for t in group),
        )
        for group in joined
    ]
    return sorted(labels, key=lambda label: label.at), used


def _plain(text: str) -> str:
    """A label without the tick mark that was read as a dash."""
    return re.sub(r"\s+[-–—_|]+$|^[-–—_|]+\s+", "", text)


def _joined_slanted(texts: list[Text]) -> list[list[Text]]:
    """Upright labels in two lines stand closer together than labels do."""
    ordered = sorted(texts, key=lambda t: anchor(t)[0])
    if len(ordered) < 3:
        return [[t] for t in ordered]
    groups = [[ordered[0]]]
    for before, text in itertools.pairwise(ordered):
        gap = anchor(text)[0] - anchor(before)[0]
        if gap < 1.15 * text.height and abs(abs(text.angle) - 90) < 12:
            groups[-1].append(text)
        else:
            groups.append([text])
    return groups if len(groups) > 1 else [[t] for t in ordered]


def names_of_axes(layout: Layout, plot: Box, used: list[Text]) -> tuple[str, str, str, list[Text]]:
    """Title, name of the horizontal axis, name of the vertical one; and their texts."""
    free = [t for t in layout.free if t not in used]
    x0, y0, x1, y1 = plot
    roles: list[Text] = []
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
    roles = [t for t in (x_name, y_name, *lines) if t is not None]
    words = " ".join(t.text for t in lines)
    return words, x_name.text if x_name else "", y_name.text if y_name else "", roles


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
