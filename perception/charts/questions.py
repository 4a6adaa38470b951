"""Plain questions about a chart: what is highest, how much is it, how many are over."""

import re
from collections.abc import Sequence

from .chart import Chart, ChartRow

_HIGHEST = r"highest|tallest|largest|biggest|greatest|maximum|max|most|longest|best|peak"
_LOWEST = r"lowest|shortest|smallest|least|minimum|min|fewest|worst"
_EXTREME = re.compile(rf"\b(?:(?P<high>{_HIGHEST})|(?P<low>{_LOWEST}))\b")
_SECOND = re.compile(r"\b(second|third)[ -]")
_COUNT = re.compile(
    r"\bhow many\b.*\b(?P<way>above|over|more than|below|under|less than)\b\D*(?P<n>[\d.,]+)"
)
_TOTAL = re.compile(r"\b(total|sum|altogether|in all)\b")
_MEAN = re.compile(r"\b(average|mean)\b")
_BARS = re.compile(r"\bhow many (?:bars|categories|points|sectors|slices|values)\b")
_SERIES = re.compile(r"\bhow many (?:series|lines|colou?rs)\b")
_DIFFERENCE = re.compile(r"\b(difference|how much (?:more|less|higher|lower))\b")
_HOW_HIGH = re.compile(
    rf"\b(what (?:is|was) the (?:\w+ )?(?:{_HIGHEST}|{_LOWEST}) value|how (?:high|much))\b"
)
_WHAT_VALUE = re.compile(r"\b(how much|how many|what is|what was|value|how high|how tall)\b")


def answer(chart: Chart, question: str) -> str:
    """A short answer: a category, a number, or "" where the question is not understood.

    Known are: the highest and lowest (also second and third), values of named entries, their
    difference, totals, averages, and how many there are, or lie above or below a number. What
    the question names of the series and categories narrows the entries first.
    """
    text = " ".join(re.sub(r"[?!\"“”]", " ", question.lower()).split())
    if _SERIES.search(text):
        return str(len(chart.names))
    rows, named = _narrowed(chart, text)
    if not rows:
        return ""
    count = _COUNT.search(text)
    if count:
        limit = float(count["n"].rstrip(".,").replace(",", ""))
        over = count["way"] in ("above", "over", "more than")
        return str(sum((row.y > limit) if over else (row.y < limit) for row in rows))
    if _BARS.search(text):
        return str(len(rows))
    extreme = _EXTREME.search(text)
    if extreme:
        return _extreme(rows, text, high=extreme["high"] is not None)
    if _DIFFERENCE.search(text) and len(rows) == 2:
        return _number(abs(rows[0].y - rows[1].y))
    if _TOTAL.search(text):
        return _number(sum(row.y for row in rows))
    if _MEAN.search(text):
        return _number(sum(row.y for row in rows) / len(rows))
    if named and len(rows) == 1 and _WHAT_VALUE.search(text):
        return _number(rows[0].y)
    return ""


def _narrowed(chart: Chart, text: str) -> tuple[list[ChartRow], bool]:
    """The rows that a question is about, and whether it names a category."""
    rows = list(chart.rows)
    series = [name for name in chart.names if name and _mentions(text, name)]
    if series:
        rows = [row for row in rows if row.series in series]
    categories = {_text(row.x) for row in rows}
    mentioned = [c for c in categories if _mentions(text, c)]
    # "Q1 2023" is meant, not "Q1", where both could be.
    mentioned = [
        c for c in mentioned if not any(c != d and c.lower() in d.lower() for d in mentioned)
    ]
    if mentioned:
        rows = [row for row in rows if _text(row.x) in mentioned]
    return rows, bool(mentioned)


def _mentions(text: str, name: str) -> bool:
    words = " ".join(name.lower().split())
    return (
        bool(words)
        and re.search(rf"(?<![\w.]){re.escape(words)}(?:s)?(?![\w.]*\w)", text) is not None
    )


def _extreme(rows: Sequence[ChartRow], text: str, *, high: bool) -> str:
    ordered = sorted(rows, key=lambda row: row.y, reverse=high)
    second = _SECOND.search(text)
    place = {"second": 1, "third": 2}[second[1]] if second else 0
    if place >= len(ordered):
        return ""
    row = ordered[place]
    asks_value = _HOW_HIGH.search(text)
    if asks_value:
        return _number(row.y)
    asks_series = re.search(r"\b(which|what) (series|line|colou?r|group)\b", text)
    if asks_series and row.series:
        return row.series
    return _text(row.x) or row.series


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _number(value: float) -> str:
    return f"{value:.10g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.3g}"
