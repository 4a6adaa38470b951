"""Gauges: round dials whose needle points at a value between printed numbers."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from ..frame import Image
from .chart import Chart, ChartRow
from .layout import number_of, said_by
from .numbers import USUAL, Notation, doubt, leaning, notations
from .text import Text

Doubles = npt.NDArray[np.float64]
_LEAST_LABELS = 4
_OFF_SHARE = 0.09
"""The middle of a label may lie so far from where it belongs, in radii."""
_AGREES = 0.03
"""A printed value may differ from the needle's by this share of the scale."""
_OPEN_STEPS, _SMALL_STEP, _DOWN = 1.25, 0.8, 0.8
"""A scale closes on itself if it leaves fewer steps of the circle open than this, or one more where
its steps are smaller than this, radians: a number may be missed. Scales that are open at the
bottom, so many radians or less from straight down, do not."""


@dataclass(frozen=True)
class Dial:
    """A dial's scale.

    Attributes:
        center: pixels.
        radius: of the circle on which the labels lie, pixels.
        slope, intercept: of the angle (radians clockwise from straight up) over the value.
        labels: the texts on it.
        low, high: least and greatest value.
        notation: in which its numbers are printed.
    """

    center: tuple[float, float]
    radius: float
    slope: float
    intercept: float
    labels: tuple[Text, ...]
    low: float
    high: float
    notation: Notation = USUAL

    def value(self, angle: float) -> float | None:
        """What a direction stands for; None where it is outside the scale."""
        middle = self.slope * (self.low + self.high) / 2 + self.intercept
        angle = middle + (angle - middle + np.pi) % (2 * np.pi) - np.pi
        value = (angle - self.intercept) / self.slope
        slack = 0.03 * (self.high - self.low)
        return float(value) if self.low - slack <= value <= self.high + slack else None


def find_dial(texts: list[Text]) -> Dial | None:
    """The scale of numbers around a circle, evenly and in order; None where there is none."""
    numeric = [t for t in texts if number_of(t) is not None]
    if not _LEAST_LABELS <= len(numeric) <= 40:
        return None
    best: Dial | None = None
    best_rank = (0, False)
    for notation in notations([said_by(t) for t in numeric]):
        dial = _dial(numeric, notation)
        if dial is None:
            continue
        said = [said_by(t) for t in dial.labels]
        rank = (len(dial.labels), leaning(said) == notation.decimal)
        if rank > best_rank:
            best, best_rank = dial, rank
    return best


def _dial(texts: list[Text], notation: Notation) -> Dial | None:
    """The scale that most of the numbers make in a notation."""
    numbers = [(t, n.value) for t in texts if (n := number_of(t, notation)) is not None]
    places = np.array([t.center for t, _ in numbers])
    values = np.array([v for _, v in numbers])
    best: Dial | None = None
    for three in itertools.combinations(range(len(numbers)), 3):
        dial = _scale(places, values, [t for t, _ in numbers], list(three))
        if dial is not None and (best is None or len(dial.labels) > len(best.labels)):
            best = replace(dial, notation=notation)
    if best is None or len(best.labels) < max(_LEAST_LABELS, 0.6 * len(numbers)):
        return None
    return best


def _scale(places: Doubles, values: Doubles, texts: list[Text], three: list[int]) -> Dial | None:
    """The dial through three labels, fitted to all labels that agree with it."""
    circle = _circle(places[three])
    if circle is None:
        return None
    cx, cy, radius = circle
    if radius > 1.5 * float(np.ptp(places, axis=0).max()):
        return None
    angles = np.arctan2(places[:, 0] - cx, cy - places[:, 1])
    near = np.abs(np.hypot(places[:, 0] - cx, places[:, 1] - cy) - radius) < _OFF_SHARE * radius
    first = sorted(three, key=lambda i: values[i])
    for turn in (1.0, -1.0):
        steps = [
            (turn * (angles[b] - angles[a])) % (2 * np.pi) for a, b in itertools.pairwise(first)
        ]
        rise = np.diff(values[first])
        if rise.min() <= 0 or not 1.2 < sum(steps) < 1.95 * np.pi:
            continue
        slope = turn * sum(steps) / float(rise.sum())
        start = angles[first[0]] - slope * values[first[0]]
        off = (angles - slope * values - start + np.pi) % (2 * np.pi) - np.pi
        on = near & (np.abs(off) < 0.09)
        if on[three].all() and on.sum() >= _LEAST_LABELS:
            fitted = _fitted(places[on], values[on], (cx, cy, radius, slope, start))
            if fitted is not None:
                labels = tuple(t for t, keep in zip(texts, on, strict=True) if keep)
                x, y, r, a, b = fitted
                return Dial(
                    (x, y), r, a, b, labels, float(values[on].min()), float(values[on].max())
                )
    return None


def _fitted(
    places: Doubles, values: Doubles, start: tuple[float, float, float, float, float]
) -> tuple[float, float, float, float, float] | None:
    """Centre, radius, slope and intercept that put the labels where they are (least squares)."""
    from scipy.optimize import least_squares

    scale = max(float(np.ptp(values)), 1e-9)

    def misses(p: Doubles) -> Doubles:
        angle = p[3] * values / scale + p[4]
        x = p[0] + p[2] * np.sin(angle) - places[:, 0]
        y = p[1] - p[2] * np.cos(angle) - places[:, 1]
        return np.concatenate([x, y])

    x, y, r, slope, b = start
    found = least_squares(misses, [x, y, r, slope * scale, b], loss="soft_l1", f_scale=2.0).x
    if np.hypot(*misses(found).reshape(2, -1)).max() > 0.12 * found[2] or abs(found[3]) > 2 * np.pi:
        return None
    x, y, r, swept, b = (float(v) for v in found)
    return x, y, r, swept / scale, b


def _circle(points: Doubles) -> tuple[float, float, float] | None:
    design = np.column_stack([2 * points, np.ones(3)])
    if abs(np.linalg.det(design)) < 1e-3:
        return None
    a, b, c = np.linalg.solve(design, (points**2).sum(axis=1))
    return float(a), float(b), float(np.sqrt(max(c + a * a + b * b, 0.0)))


def gauge_chart(image: Image, dial: Dial, texts: list[Text]) -> Chart:
    """What a gauge shows.

    Args:
        image: [H, W, 3] uint8.
        dial: its scale.
        texts: all of its texts.

    Raises:
        ImageError: its scale goes all the way round, as a clock's does; no needle can be seen,
            several can, or it points outside the scale.
    """
    if _is_closed(dial):
        raise ImageError(
            f"the numbers {dial.low:g} to {dial.high:g} go all the way round: a clock or a "
            "compass is no gauge"
        )
    angle, clear = _needle(image, dial, texts)
    value = dial.value(angle)
    if value is None:
        raise ImageError("the needle of this gauge points outside its scale")
    resolution = abs(0.004 / dial.slope)
    value = round(value, int(np.clip(np.ceil(-np.log10(resolution)), -9, 12))) + 0.0
    sure = 0.9 * clear
    printed_unit = ""
    free = [t for t in texts if t not in dial.labels]
    for text in free:
        number = number_of(text, dial.notation)
        if number and abs(number.value - value) <= _AGREES * (dial.high - dial.low):
            value, sure, printed_unit = number.value, 0.97 * text.score, number.unit
    x, y = dial.center
    words = [t for t in free if number_of(t) is None and t.is_level]
    inside = [t for t in words if np.hypot(t.center[0] - x, t.center[1] - y) < 0.9 * dial.radius]
    outside = [t for t in words if t not in inside]
    title = max(outside, key=lambda t: t.height, default=None)
    unit = min(inside, key=lambda t: len(t.text), default=None)
    name = title.text if title else ""
    row = ChartRow("", name, value, sure)
    open_yet = doubt([said_by(t) for t in dial.labels]) if dial.notation == USUAL else ""
    return Chart(
        "gauge",
        (row,),
        title=name,
        y_unit=unit.text if unit else printed_unit,
        unread=(open_yet,) if open_yet else (),
    )


def _is_closed(dial: Dial) -> bool:
    """Whether one more step behind the last number leads to the first, as on a clock."""
    values = sorted({n.value for t in dial.labels if (n := number_of(t, dial.notation))})
    step = abs(dial.slope) * float(np.diff(values).min())
    left = 2 * np.pi - abs(dial.slope) * (dial.high - dial.low)
    middle = dial.slope * dial.high + dial.intercept + np.copysign(left / 2, dial.slope)
    steps = _OPEN_STEPS + (step < _SMALL_STEP)
    return left < steps * step and abs(middle % (2 * np.pi) - np.pi) > _DOWN


def _needle(image: Image, dial: Dial, texts: list[Text]) -> tuple[float, float]:
    """(angle, confidence) of what reaches from the middle farthest towards the labels.

    Around the middle, ring by ring, the needle is what differs from most of the ring.
    """
    import cv2

    count, (cx, cy) = 1440, dial.center
    angles = np.arange(count) / count * 2 * np.pi
    radii = np.arange(max(3.0, 0.12 * dial.radius), 0.86 * dial.radius, 1.0)
    x = (cx + np.sin(angles)[:, None] * radii).astype(np.float32)
    y = (cy - np.cos(angles)[:, None] * radii).astype(np.float32)
    ring = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    polar = np.asarray(ring, np.float32)
    usual = np.median(polar, axis=0)
    apart = np.abs(polar - usual).max(axis=-1)
    words = np.zeros(image.shape[:2], np.uint8)
    for text in texts:
        cv2.fillConvexPoly(words, np.round(np.array(text.corners)).astype(np.int32), 1)
    hidden = np.asarray(cv2.remap(words, x, y, cv2.INTER_NEAREST)) > 0
    shown = (apart > 45) & ~hidden
    # How far out it goes on, over gaps of a few pixels where letters lie on it.
    gap = max(4, round(0.1 * dial.radius))
    reach = np.array([_reach(row, words, gap) for row, words in zip(shown, hidden, strict=True)])
    best = float(reach.max()) if len(reach) else 0.0
    if best < 0.35 * len(radii):
        raise ImageError("no needle can be seen on this gauge")
    far = reach >= 0.85 * best
    runs = _runs_around(far)
    if len(runs) > 1:
        runs.sort(key=lambda run: -float(reach[run].max()))
        apart_by = [abs((r.mean() - runs[0].mean() + 720) % count - 720) for r in runs[1:]]
        if max(apart_by) > 40 and max(apart_by) < 680:
            raise ImageError("this gauge shows more than one needle")
    run = runs[0]
    inner = slice(int(0.35 * best), max(int(0.9 * best), int(0.35 * best) + 3))
    places = np.arange(run[0] - 60, run[-1] + 61)
    weight = (apart * ~hidden)[places % count, inner]
    weight = np.where(weight > 45, weight, 0.0)
    middles = (weight * places[:, None]).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
    known = weight.sum(axis=0) > 0
    at = float(np.median(middles[known])) / count * 2 * np.pi
    spread = float(np.percentile(np.abs(middles[known] - np.median(middles[known])), 75))
    return at, float(np.clip(1.05 - 0.03 * spread, 0.4, 1.0))


def _reach(row: npt.NDArray[np.bool_], hidden: npt.NDArray[np.bool_], gap: int) -> int:
    """Length to which a row is filled from its beginning; what is hidden may be filled."""
    last, missing = 0, 0
    for i, (filled, covered) in enumerate(zip(row, hidden, strict=True)):
        if filled:
            last, missing = i + 1, 0
        elif not covered:
            missing += 1
            if missing > gap:
                break
    return last


def _runs_around(flags: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Stretches of places that are set, on a circle."""
    places = np.flatnonzero(flags)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 6) + 1)
    if len(runs) > 1 and runs[0][0] + len(flags) - runs[-1][-1] <= 6:
        runs = [np.concatenate([runs[-1] - len(flags), runs[0]]), *runs[1:-1]]
    return [np.asarray(run, np.int64) for run in runs]
