"""Labels along an axis of categories."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .axis import Axis
from .layout import anchor, number_of
from .sequences import put_right
from .text import Text

_DASH_AT_END = re.compile(r"([^\W_])[-–—_]+$")
_EVEN = 1.3
"""Labels are apart evenly if the widest of their steps is less than so many times the least."""
_UNEVEN = 0.06
"""Bars are a whole number apart if they are so by this share of the step."""
_OFF_SHARE = 0.35
"""How far a label may be from its bar, over how far bars are apart."""
_CENTERED, _NEXT_LINE = 0.35, 0.45
"""Of lines of one label: how far their middles are apart at most, over the wider one's width, and
how far the next is below, over its height."""
_INFERRED = 0.8
"""Trust in a label that its neighbours' order told, over that in what was read."""


@dataclass(frozen=True)
class Label:
    """A tick label: where its tick is along the axis, pixels, and what it says."""

    at: float
    text: str
    score: float


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
        # Values may be printed below bars that hang down; a year below Q1 is its second line.
        if len(words) >= 3 and len(words) > len(below) / 3:
            lines = [t for t in below if number_of(t) and any(_is_under(t, w) for w in words)]
            below = words + lines
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
    left, right = min(t.box[0] for t in near), max(t.box[2] for t in near)
    at_left = [t for t in near if abs(t.box[0] - left) < 6]
    # What alone stands farther left is the axis' name.
    at_left = at_left if len(at_left) > 1 else []
    column = [t for t in near if t.box[2] > right - 12 or any(t is a for a in at_left)]
    lines = sorted(column, key=lambda t: t.center[1])
    groups: list[list[Text]] = []
    apart = _evenly_apart(lines)
    for text in lines:
        last = groups[-1][-1] if groups else None
        if last is not None and not apart and text.box[1] - last.box[3] < 0.3 * text.height:
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
    return _mended(labels), column


def _is_under(text: Text, other: Text) -> bool:
    """Whether a text stands right below another, as the next line of it."""
    off = abs(text.center[0] - other.center[0])
    gap = text.box[1] - other.box[3]
    near = -0.3 * text.height < gap < _NEXT_LINE * text.height
    return near and off < _CENTERED * max(t.box[2] - t.box[0] for t in (text, other))


def all_named(places: list[float], labels: list[Label]) -> bool:
    """Whether each of the places of bars has a label right at it."""
    if not labels:
        return False
    pitch = float(np.median(np.diff(sorted(places)))) if len(places) > 1 else np.inf
    off = [min(abs(label.at - place) for label in labels) for place in places]
    return max(off) < _OFF_SHARE * pitch


def numbered(axis: Axis, places: list[float]) -> list[Label]:
    """What a numeric axis says at the places of bars, of which its ticks name only some."""
    pitch = float(np.median(np.diff(sorted(places)))) if len(places) > 1 else 0.0
    step = abs(axis.value(places[0] + pitch) - axis.value(places[0]))
    whole = step > 0.5 and abs(step - round(step)) < _UNEVEN * step
    low, high = min(places), max(places)
    at_bars = [
        min(abs(at - p) for p in places) < 0.2 * pitch
        for at, _ in axis.ticks
        if low - pitch < at < high + pitch
    ]
    labels = []
    for place in _without_gaps(sorted(places), pitch):
        value = axis.rounded_at(place)
        if whole and all(at_bars) and all(float(v).is_integer() for _, v in axis.ticks):
            value = float(round(axis.value(place)))
        labels.append(Label(place, f"{value:.10g}", 0.9 * axis.agreed))
    return labels


def _without_gaps(places: list[float], pitch: float) -> list[float]:
    """Places in order, with those between them where a bar is too low to be seen."""
    found = places[:1]
    for before, place in itertools.pairwise(places):
        steps = round((place - before) / pitch) if pitch else 1
        even = abs(place - before - steps * pitch) < 0.15 * pitch
        found += [before + (place - before) * k / steps for k in range(1, steps)] if even else []
        found.append(place)
    return found


def _evenly_apart(lines: list[Text]) -> bool:
    """Whether lines follow each other evenly, as labels do; lines of one label stand closer."""
    gaps = np.diff([t.center[1] for t in lines])
    return len(gaps) >= 3 and float(gaps.max()) < _EVEN * float(gaps.min())


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
        over = [t for t in level if _is_under(text, lines[id(t)][-1])]
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
    return _mended(sorted(labels, key=lambda label: label.at)), used


def _mended(labels: list[Label]) -> list[Label]:
    """Labels without slips: ends of tick marks read as stops or dashes, misread months, years."""
    texts = [label.text for label in labels]
    dotted = [text.endswith(".") and len(text) > 2 for text in texts]
    if not all(dotted) or all(text[:-1].isdigit() for text in texts):
        texts = [t.rstrip(".") if dot else t for t, dot in zip(texts, dotted, strict=True)]
    dashed = [bool(_DASH_AT_END.search(text)) for text in texts]
    if not all(dashed):
        texts = [_DASH_AT_END.sub(r"\1", text) for text in texts]
    return [
        replace(label, text=right, score=label.score * (1.0 if right == text else _INFERRED))
        for label, text, right in zip(labels, texts, put_right(texts), strict=True)
    ]


def _plain(text: str) -> str:
    """A label without the tick mark that was read as a dash or dot."""
    return re.sub(r"\s+[-–—_|.,:'·•]+$|[·•|]+$|^[-–—_|]+\s+", "", text)


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
