"""An axis: what value each pixel stands for, told from the numbers printed along it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Literal

import numpy as np

from .numbers import USUAL, Notation

Scale = Literal["linear", "log", "date", "category"]
Tick = tuple[float, float]
"""(pixel along the axis, value)."""


@dataclass(frozen=True)
class Axis:
    """A numeric axis, fitted to its tick labels.

    Attributes:
        scale: "linear" or "log".
        slope, intercept: of value (or its logarithm to ten) over pixels.
        ticks: the labels that agree with the fit.
        agreed: share of the labels that do.
        marked: whether it was fitted to tick marks, which lie truer than their labels.
        unit: that is printed at its labels; "" for none.
        notation: in which its labels are printed, and so other values of the chart.
        doubt: what its labels leave open, in words; "" for nothing.
    """

    scale: Scale
    slope: float
    intercept: float
    ticks: tuple[Tick, ...]
    agreed: float
    marked: bool = False
    unit: str = ""
    notation: Notation = USUAL
    doubt: str = ""

    def value(self, pixel: float) -> float:
        """What a pixel stands for."""
        line = self.slope * pixel + self.intercept
        return float(10.0**line) if self.scale == "log" else float(line)

    def pixel(self, value: float) -> float:
        """Where a value lies; NaN where it has no place (0 on a logarithmic axis)."""
        if self.scale == "log":
            if value <= 0:
                return float("nan")
            value = float(np.log10(value))
        return (value - self.intercept) / self.slope

    def rounded(self, value: float, pixel: float) -> float:
        """A value to as many digits as a quarter of a pixel tells apart at a place."""
        resolution = abs(self.value(pixel + 0.25) - self.value(pixel)) or 1e-9
        # 0.0 makes a -0 a 0.
        return round(value, int(np.clip(np.ceil(-np.log10(resolution)), -9, 12))) + 0.0

    def rounded_at(self, pixel: float) -> float:
        """What a pixel stands for, rounded to what can be told."""
        return self.rounded(self.value(pixel), pixel)

    def times(self, factor: float) -> "Axis":
        """The same axis with all its values multiplied."""
        ticks = tuple((pixel, value * factor) for pixel, value in self.ticks)
        if self.scale == "log":
            return replace(self, intercept=self.intercept + float(np.log10(factor)), ticks=ticks)
        slope, intercept = self.slope * factor, self.intercept * factor
        return replace(self, slope=slope, intercept=intercept, ticks=ticks)

    def shifted(self, by: float) -> "Axis":
        """The same linear axis with an amount added to all its values."""
        ticks = tuple((pixel, value + by) for pixel, value in self.ticks)
        return replace(self, intercept=self.intercept + by, ticks=ticks)

    @property
    def step(self) -> float:
        """Smallest difference between neighbouring ticks' values."""
        values = sorted(value for _, value in self.ticks)
        return min((b - a for a, b in pairwise(values)), default=0.0)


def fit_axis(
    candidates: Sequence[Sequence[Tick]],
    scales: Sequence[Literal["linear", "log"]] = ("linear", "log"),
) -> Axis | None:
    """Fit an axis to labels, some of which may be misread.

    Args:
        candidates: for each label the readings (pixel, value) that it may have.
        scales: that it may have.

    Returns:
        The scale with which most labels agree; None if fewer than two do, or if two do and
        others don't.
    """
    powers = sum(_is_power(readings) or len(readings) > 2 for readings in candidates)
    if powers >= max(2, 0.6 * len(candidates)):
        candidates = [r[1:] if _is_power(r) else r for r in candidates]
    fits = [fit for scale in scales if (fit := _fit(candidates, scale)) is not None]
    if not fits:
        return None
    best = max(fits, key=lambda axis: (len(axis.ticks), axis.scale == "linear"))
    if len(best.ticks) < max(2, len(candidates) // 2):
        return None
    return best


def _is_power(readings: Sequence[Tick]) -> bool:
    """Whether a label that reads as 101 to 109 may be a power of ten."""
    return len(readings) == 2 and 100 <= readings[0][1] <= 109


def _between_powers(readings: list[Tick]) -> list[Tick]:
    """A "2" or "5" between powers of ten stands for 20, 500 and so on as well."""
    found = list(readings)
    for pixel, log in readings:
        if 0 < log < 1:
            found += [(pixel, log + k) for k in range(-3, 9) if k]
    return found


def _fit(candidates: Sequence[Sequence[Tick]], scale: Literal["linear", "log"]) -> Axis | None:
    """Consensus over pairs of labels, then least squares over those that agree."""
    options = [
        [(p, np.log10(v)) for p, v in readings if v > 0] if scale == "log" else list(readings)
        for readings in candidates
    ]
    seeds = [readings for readings in options if readings]
    options = [_between_powers(r) if scale == "log" else r for r in seeds]
    if len(options) < 2:
        return None
    pixels = [readings[0][0] for readings in options]
    span = max(pixels) - min(pixels)
    tolerance = max(1.7, 0.004 * span)
    best: list[Tick] = []
    best_error = float("inf")
    for first, second in combinations(seeds, 2):
        for p0, v0 in first:
            for p1, v1 in second:
                if abs(p1 - p0) < 4 or v0 == v1:
                    continue
                slope = (v1 - v0) / (p1 - p0)
                agreeing, error = [], 0.0
                for readings in options:
                    gaps = [(abs((v - v0) / slope + p0 - p), (p, v)) for p, v in readings]
                    gap, tick = min(gaps)
                    if gap <= tolerance:
                        agreeing.append(tick)
                        error += gap
                if (len(agreeing), -error) > (len(best), -best_error):
                    best, best_error = agreeing, error
    if len(best) < 2:
        return None
    p, v = np.array(best).T
    slope, intercept = np.polyfit(p, v, 1)
    ticks = [(float(a), float(10**b if scale == "log" else b)) for a, b in best]
    return Axis(scale, float(slope), float(intercept), tuple(ticks), len(best) / len(options))
