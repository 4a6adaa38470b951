"""Statistics of success rates: intervals, and the comparison of two agents on the same seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


def wilson(successes: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % confidence interval of a rate (Wilson 1927); (0, 1) for no trials."""
    if count == 0:
        return 0.0, 1.0
    rate, zz = successes / count, z * z
    center = (rate + zz / (2 * count)) / (1 + zz / count)
    half = z / (1 + zz / count) * math.sqrt(rate * (1 - rate) / count + zz / (4 * count**2))
    return max(0.0, center - half), min(1.0, center + half)


@dataclass(frozen=True)
class Comparison:
    """Two agents on the same episodes.

    Attributes:
        count: episodes that both ran.
        first, second: success rates.
        only_first, only_second: episodes that only one of them succeeded in.
        p: of the exact McNemar test: how likely such a difference is between equals.
        difference: second minus first, with its 95 % interval (`low`, `high`).
    """

    count: int
    first: float
    second: float
    only_first: int
    only_second: int
    p: float
    difference: float
    low: float
    high: float


def compare(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Compare paired outcomes: the exact McNemar test (1947), Agresti and Min's interval (2005)."""
    from scipy.stats import binomtest

    count = len(first)
    b = sum(x and not y for x, y in zip(first, second, strict=True))
    c = sum(y and not x for x, y in zip(first, second, strict=True))
    p = float(binomtest(min(b, c), b + c, 0.5).pvalue) if b + c else 1.0
    adjusted = count + 2
    middle = (c - b) / adjusted
    spread = math.sqrt(max((b + c + 1) - (c - b) ** 2 / adjusted, 0.0)) / adjusted
    low, high = middle - 1.96 * spread, middle + 1.96 * spread
    return Comparison(
        count,
        sum(first) / max(count, 1),
        sum(second) / max(count, 1),
        b,
        c,
        p,
        (c - b) / max(count, 1),
        max(low, -1.0),
        min(high, 1.0),
    )
