"""Layout: which text of a chart is its title, which a tick label, which an axis' name."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .axis import Axis, Tick, fit_axis
from .numbers import (
    USUAL,
    Notation,
    Number,
    doubt,
    leaning,
    notations,
    offset_factor,
    offset_shift,
    parse_number,
    power_of_ten,
)
from .text import Text

_BLURRED_POWER = re.compile(r"^10\W$")
"""A power of ten whose exponent is too small to be read; the other labels tell it."""
_CUT_OFF = re.compile(r"\.\.|…")
"""A number of which only the beginning is shown is not known."""
_ZERO_OFF = 0.4
"""So many heights at most is a zero off the line of the other labels."""
_LEAST_FURTHER = 3
"""Labels of which a second axis consists at least."""
Box = tuple[float, float, float, float]


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
    row = _best_group(
        layout.free, _aligned_in_row, lambda t: anchor(t)[0], leftmost=False, around=texts
    )
    if row is not None:
        layout.x_axis, layout.x_texts = row
        layout.free = [t for t in layout.free if t not in layout.x_texts]
    if layout.x_axis is None and layout.y_axis is None:
        _lay_out_sparse(texts, layout)
    elif layout.y_axis is None:
        _lay_out_short(layout)
    _apply_factors(layout)
    return layout


def zero_told(texts: list[Text], layout: Layout) -> list[Text]:
    """Texts, with a zero where an O was read in the line of an axis, at its zero."""
    beside, below = layout.y_texts, layout.x_texts

    def is_zero(text: Text) -> bool:
        if text.text not in ("O", "o"):
            return False
        (x, y), slack = text.center, _ZERO_OFF * text.height
        if layout.y_axis and abs(layout.y_axis.pixel(0.0) - y) < slack:
            off = [min(abs(t.box[0] - text.box[0]), abs(t.box[2] - text.box[2])) for t in beside]
            return min(off) < 2 * slack
        if layout.x_axis and abs(layout.x_axis.pixel(0.0) - x) < slack:
            return min(abs(t.center[1] - y) for t in below) < slack
        return False

    return [replace(t, text="0") if is_zero(t) else t for t in texts]


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


def _lay_out_short(layout: Layout) -> None:
    """A vertical axis with two labels, if no other numbers stand beside the horizontal one."""
    start = min(t.box[0] for t in layout.x_texts)
    beside = [t for t in layout.free if t.is_level and t.box[2] < start + t.height]
    beside = [t for t in beside if _readings(t, 0.0)]
    column = _best_group(beside, _aligned_in_column, lambda t: t.center[1], leftmost=True, least=2)
    if column is not None and len(column[1]) == len(beside):
        layout.y_axis, layout.y_texts = column
        layout.free = [t for t in layout.free if t not in layout.y_texts]


def anchor(text: Text) -> tuple[float, float]:
    """Where the tick of a label is: its middle, or, of a slanted one, the end at the axis."""
    if abs(text.angle) < 12 or abs(abs(text.angle) - 90) < 12:
        return text.center
    return text.end if text.angle > 0 else text.start


def said_by(text: Text) -> str:
    """What a label says; tick marks that were read as dashes do not count."""
    return text.text.strip().rstrip("-–—_. ").strip() or text.text


def number_of(text: Text, notation: Notation = USUAL) -> Number | None:
    """The number that a tick label says."""
    return None if _CUT_OFF.search(text.text) else parse_number(said_by(text), notation)


def unit_of(texts: Sequence[Text], notation: Notation = USUAL) -> str:
    """The unit that most labels with one have; "" where none has."""
    units = Counter(n.unit for t in texts if (n := number_of(t, notation)) and n.unit)
    return units.most_common(1)[0][0] if units else ""


def _are_powers(texts: Sequence[Text]) -> bool:
    """Whether labels are powers of ten alone: some, such as 10⁻¹, can be nothing else."""
    told = [power_of_ten(t.text) is not None for t in texts]
    return all(told) and not all(number_of(t) for t in texts)


def _powers(text: Text, pixel: float) -> list[Tick]:
    power = power_of_ten(text.text)
    return [(pixel, power)] if power is not None else []


def _readings(text: Text, pixel: float, notation: Notation = USUAL) -> list[Tick]:
    number = number_of(text, notation)
    found = [(pixel, number.value)] if number else []
    power = power_of_ten(text.text)
    if power is not None:
        found.append((pixel, power))
    elif not found and _BLURRED_POWER.match(text.text.strip()):
        found += [(pixel, 10.0**k) for k in range(-6, 13)]
    return found


def _best_group(
    texts: list[Text],
    aligned: Callable[[Text, Text], bool],
    along: Callable[[Text], float],
    *,
    leftmost: bool,
    least: int = 3,
    around: Sequence[Text] = (),
) -> tuple[Axis, list[Text]] | None:
    """The aligned group of numbers that makes the best axis; what is around may tell of marks."""
    numeric = [t for t in texts if _readings(t, 0.0)]
    best: tuple[tuple[float, ...], Axis, list[Text]] | None = None
    for reference in numeric:
        group = _of_one_unit([t for t in numeric if aligned(reference, t)])
        if len(group) < 2:
            continue
        found = _fitted(group, along, around or texts)
        if found is None:
            continue
        axis, kept = found
        edge = -reference.box[0] if leftmost else reference.box[1]
        rank = (min(len(axis.ticks), 12) + 2.0 * axis.agreed, edge)
        if len(axis.ticks) >= least and (best is None or rank > best[0]):
            best = rank, axis, kept
    return (best[1], best[2]) if best else None


def _of_one_unit(group: list[Text]) -> list[Text]:
    """A group without the numbers whose unit is another than most have."""
    unit = unit_of(group)
    if not unit.isalpha():
        return group
    units = [n.unit if (n := number_of(t)) else "" for t in group]
    return [
        t for t, own in zip(group, units, strict=True) if own in (unit, "") or not own.isalpha()
    ]


def _fitted(
    group: list[Text], along: Callable[[Text], float], around: Sequence[Text]
) -> tuple[Axis, list[Text]] | None:
    """The axis that labels make in the notation in which most of them agree, and these labels."""
    said = [said_by(t) for t in around]
    powers = _are_powers(group)
    best: tuple[tuple[bool, int, bool], Axis, list[Text]] | None = None
    for notation in notations([said_by(t) for t in group]):
        if powers:
            axis = fit_axis([_powers(t, along(t)) for t in group], scales=("log",))
        else:
            axis = fit_axis([_readings(t, along(t), notation) for t in group])
        if axis is None or axis.agreed < 0.6 or not _is_even(axis):
            continue
        kept = [t for t in group if any(abs(along(t) - p) < 0.5 for p, _ in axis.ticks)]
        own = [said_by(t) for t in kept]
        mark = leaning(own, said)
        rank = (mark in ("", notation.decimal), len(axis.ticks), mark == notation.decimal)
        if best is None or rank > best[0]:
            open_yet = doubt(own, said) if notation.decimal == USUAL.decimal else ""
            unit = unit_of(kept, notation)
            if axis.scale == "log" and unit == "°":
                unit = ""  # An exponent that is 0, printed small.
            axis = replace(axis, unit=unit, notation=notation, doubt=open_yet)
            best = rank, axis, kept
    return (best[1], best[2]) if best else None


def _is_even(axis: Axis) -> bool:
    """Whether the ticks are whole steps apart, or round powers, as ticks are and values are not."""
    if axis.scale == "log":
        return all(_is_round(v) for _, v in axis.ticks)
    gaps = np.diff(np.sort([v for _, v in axis.ticks]))
    if len(gaps) < 2:
        return True
    steps = gaps / max(gaps.min(), 1e-12)
    return bool(np.all(np.abs(steps - np.round(steps)) < 0.05))


def _is_round(value: float) -> bool:
    """Whether a value has one digit that counts, or is a power of two, as on logarithmic axes."""
    digit = value / 10.0 ** np.floor(np.log10(value) + 1e-9)
    power = np.log2(value)
    return bool(abs(digit - round(digit)) < 1e-6 or abs(power - round(power)) < 1e-6)


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


def further_axis(layout: Layout) -> str | None:
    """Where a second axis stands that says other values than the first one; None without one."""
    column = _best_group(
        layout.free, _aligned_in_column, lambda t: t.center[1], leftmost=True, least=_LEAST_FURTHER
    )
    if column is not None and layout.y_axis and _is_another(column[0], layout.y_axis):
        left, right = (min(t.box[0] for t in texts) for texts in (layout.y_texts, column[1]))
        return "above the other" if abs(left - right) < 20 else "beside the other"
    row = _best_group(
        layout.free, _aligned_in_row, lambda t: anchor(t)[0], leftmost=False, least=_LEAST_FURTHER
    )
    if row is not None and layout.x_axis and _is_another(row[0], layout.x_axis):
        return "in line with the other"
    return None


def _is_another(axis: Axis, first: Axis) -> bool:
    """Whether it is an axis of its own: as long, with even ticks, and with other values."""
    places, own = (np.sort([p for p, _ in a.ticks]) for a in (axis, first))
    gaps = np.diff(places)
    if axis.agreed < 1.0 or gaps.max() > 1.2 * gaps.min() or np.ptp(places) < 0.5 * np.ptp(own):
        return False
    slack = 0.02 * abs(max(v for _, v in axis.ticks) - min(v for _, v in axis.ticks))
    return any(abs(first.value(p) - v) > slack for p, v in axis.ticks)
