"""How well a table was read: RMS-F1 (Liu et al. 2023, DePlot) and relaxed look-ups (ChartQA)."""

from collections.abc import Sequence

import numpy as np

Row = tuple[str, str | float, float]
_TAU, _THETA = 0.5, 0.5


def rms_f1(found: Sequence[Row], truth: Sequence[Row]) -> float:
    """Relative mapping similarity between two tables, 0..1; entries may come in any order.

    Keys are compared by normalised edit distance, values by relative distance; scatter points,
    whose keys are numbers, by the relative distance of both.
    """
    from scipy.optimize import linear_sum_assignment

    if not found or not truth:
        return float(not found and not truth)
    names = len({row[0] for row in truth}) > 1
    spans = _spans(truth)
    keys = np.array([[_key_distance(f, t, names, spans) for t in truth] for f in found])
    values = np.array([[_value_distance(f[2], t[2]) for t in truth] for f in found])
    both = 1 - (1 - keys) * (1 - values)
    rows, columns = linear_sum_assignment(keys + 1e-3 * values)
    cost = both[rows, columns].sum()
    matched = len(rows)
    precision, recall = (matched - cost) / len(found), (matched - cost) / len(truth)
    return 2 * precision * recall / max(precision + recall, 1e-9)


def lookups(found: Sequence[Row], truth: Sequence[Row]) -> float:
    """Share of the true entries whose value is found within 5 % under the same names."""
    names = len({row[0] for row in truth}) > 1
    spans = _spans(truth)
    right = 0
    for row in truth:
        gaps = [(_key_distance(f, row, names, spans), abs(f[2] - row[2])) for f in found]
        distance, gap = min(gaps, default=(1.0, 1.0))
        right += distance < 0.2 and gap <= 0.05 * abs(row[2]) + 1e-9
    return right / max(len(truth), 1)


def _spans(truth: Sequence[Row]) -> float:
    xs = [float(x) for _, x, _ in truth if not isinstance(x, str)]
    return max(max(xs) - min(xs), 1e-9) if xs else 0.0


def _key_distance(found: Row, truth: Row, names: bool, span: float) -> float:
    series = _text_distance(found[0], truth[0]) if names else 0.0
    number = _number(found[1])
    if span and number is not None and not isinstance(truth[1], str):
        x = min(1.0, abs(number - truth[1]) / (0.1 * span))
    else:
        x = _text_distance(_text(found[1]), _text(truth[1]))
    return max(series, x)


def _text_distance(a: str, b: str) -> float:
    a, b = a.strip().lower(), b.strip().lower()
    distance = _edits(a, b) / max(len(a), len(b), 1)
    return distance if distance <= _TAU else 1.0


def _value_distance(found: float, truth: float) -> float:
    if truth == 0:
        return float(abs(found) > 1e-6)
    distance = abs(found - truth) / abs(truth)
    return distance if distance <= _THETA else 1.0


def _number(value: str | float) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _edits(a: str, b: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]
