"""Consulting: looking something up in a chart that was read, or saying why it does not tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from handeye.perception.charts.chart import Chart, ChartRow

SURE = 0.5
"""Confidence from which a reading is acted upon."""
_APART_SHARE = 0.02
"""Values that differ by less of the largest are not told apart."""
_WHOLE = 0.12
_SHORTEST = 3
_STOPS = re.compile(r"\s+(?:on|in|into|onto|to|and|then|if|unless|otherwise|from|with)\b|[,.;]")


class UnreadError(Exception):
    """A chart does not tell what is wanted of it.

    Attributes:
        text: why, or what to ask the user.
        asks: whether the user could settle it.
    """

    def __init__(self, text: str, *, asks: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.asks = asks


@dataclass(frozen=True)
class Entry:
    """One entry of a chart.

    Attributes:
        label: its category, or its series.
        value: as read; a whole number where it is as good as one.
        confidence: 0..1.
    """

    label: str
    value: float
    confidence: float

    def words(self) -> str:
        """What it says, in plain words."""
        sure = f"confidence {self.confidence:.2f}"
        return f'the chart shows {as_text(self.value)} for "{self.label}" ({sure})'


def entry_for(chart: Chart, tail: str, answers: Sequence[str] = ()) -> tuple[Entry, int]:
    """The entry whose label a text begins with, and how much of the text the label is.

    Months and days may be cut short, in the text or on the chart. Where the chart has no such
    label, the user's answers may name one.

    Raises UnreadError where there is none, or it cannot be read surely.
    """
    tail = tail.lower()
    labels = list(dict.fromkeys(label_of(row) for row in chart.rows))
    found = _beginning(tail, labels)
    used = len(found[1]) if found else len(_STOPS.split(tail, maxsplit=1)[0])
    for answer in reversed(answers):
        found = found or _beginning(answer.lower().strip(" .!"), labels)
    if found is None:
        listed = ", ".join(labels) or "nothing that I can read"
        raise UnreadError(
            f'the chart shows nothing for "{tail[:used].strip()}"; it shows {listed}: which do '
            "you mean?",
            asks=True,
        )
    rows = [row for row in chart.rows if label_of(row) == found[0]]
    if len(rows) > 1:
        named = [row for row in rows if row.series and row.series.lower() in tail]
        rows = named or rows
    if len(rows) > 1:
        series = ", ".join(row.series for row in rows)
        raise UnreadError(
            f'the chart shows several values for "{found[0]}": of which do you mean, {series}?',
            asks=True,
        )
    return _sure(chart, rows[0], found[0]), used


def extreme_of(chart: Chart, place: int, top: bool, answers: Sequence[str] = ()) -> Entry:
    """The highest entry, or the lowest; or the second or third of either.

    Raises UnreadError where two are alike, or what would have to be known cannot be read.
    """
    if chart.unread:
        raise UnreadError(f"I cannot read all of the chart: {chart.unread[0]}")
    ordered = sorted(chart.rows, key=lambda row: row.y, reverse=top)
    if place > len(ordered):
        raise UnreadError(f"the chart shows only {len(ordered)} entries")
    row = ordered[place - 1]
    alike = [other for other in ordered if abs(other.y - row.y) <= _tolerance(chart)]
    if len(alike) > 1:
        names = [label_of(other) for other in alike]
        for answer in reversed(answers):
            chosen = _beginning(answer.lower().strip(" .!"), names)
            if chosen:
                return _sure(chart, alike[names.index(chosen[0])], chosen[0])
        listed = " and ".join(names)
        raise UnreadError(f"the chart shows the same for {listed}: which do you mean?", asks=True)
    return _sure(chart, row, label_of(row))


def compare(chart: Chart, first: Entry, second: Entry) -> int:
    """1 where the first is more, -1 where it is less, 0 where they are alike."""
    if abs(first.value - second.value) <= _tolerance(chart):
        return 0
    return 1 if first.value > second.value else -1


def whole(entry: Entry) -> int:
    """An entry as a number of things; raises UnreadError where it is none."""
    number = round(entry.value)
    if abs(entry.value - number) > _WHOLE:
        raise UnreadError(f"{entry.words()}, which is no number of things")
    if number < 1:
        raise UnreadError(f"{entry.words()}: there is nothing to do")
    return number


def as_text(value: float) -> str:
    """A value as one would say it."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def label_of(row: ChartRow) -> str:
    """What an entry is called: its category; where that has no name, its series."""
    text = row.x if isinstance(row.x, str) else f"{row.x:g}"
    return " ".join(text.lower().split()) or row.series.lower()


def _tolerance(chart: Chart) -> float:
    return _APART_SHARE * max((abs(row.y) for row in chart.rows), default=0.0)


def _sure(chart: Chart, row: ChartRow, label: str) -> Entry:
    """An entry that can be acted upon."""
    if not label:
        raise UnreadError("I cannot read the name of that entry of the chart")
    near = round(row.y)
    value = float(near) if abs(row.y - near) <= _tolerance(chart) else row.y
    entry = Entry(label, value, row.confidence)
    if row.confidence < SURE:
        raise UnreadError(f"I cannot read the chart surely enough: {entry.words()}")
    return entry


def _beginning(text: str, labels: Sequence[str]) -> tuple[str, str] | None:
    """The label that a text begins with, and the words of the text that say it."""
    for label in sorted(labels, key=len, reverse=True):
        match = re.match(rf"(?:the )?{re.escape(label)}s?(?!\w)", text) if label else None
        if match:
            return label, match[0]
    word = re.match(r"(?:the )?([^\W\d_]+)\b\.?", text)
    if word is None or len(word[1]) < _SHORTEST:
        return None
    short = [
        label
        for label in labels
        if len(label.rstrip(".")) >= _SHORTEST
        and (label.startswith(word[1]) or word[1].startswith(label.rstrip(".")))
        and " " not in label
    ]
    return (short[0], word[0]) if len(short) == 1 else None
