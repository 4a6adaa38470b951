"""Wording: a question in plain words, in which a chart's own names and the numbers are marked."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .chart import Chart
from .numbers import parse_number
from .sequences import DAYS, MONTHS

HIGH = r"highest|tallest|largest|biggest|greatest|maximum|max|most|longest|best|peak|top"
LOW = r"lowest|shortest|smallest|least|minimum|min|fewest|worst|bottom"
MORE = r"more|higher|greater|larger|bigger|taller|longer"
LESS = r"less|fewer|lower|smaller|shorter"
ENTRY = (
    r"bars?|columns?|(?:data )?points?|dots?|markers?|slices?|sectors?|wedges?|segments?|entry"
    r"|entries|ones?|items?"
)
CATEGORY = r"category|categories|labels?|months?|years?|days?|weekdays?|quarters?|weeks?|dates?"
SERIES = r"series|lines?|curves?|colou?rs?|groups?"
VALUE = (
    r"values?|numbers?|amounts?|heights?|levels?|figures?|scores?|counts?|quantity|sales"
    r"|revenues?|profits?|votes?|visitors?|temperatures?|prices?|costs?|incomes?|populations?"
    r"|units?|people|orders?|deliveries|y"
)
LINK = (
    r"that|which|is|are|was|were|be|been|has|have|had|having|with|of|it|do|does|did|show|shows"
    r"|showed|get|gets|got|see|sees|saw|sell|sells|sold|make|makes|made|score|scores|scored|reach"
    r"|reaches|reached|lie|lies|lay|value|values"
)
SERIES_MARK = r"⟨[st]\d+⟩"
CATEGORY_MARK = r"⟨[cm]\d+⟩"
NUMBER_MARK = r"⟨[nmt]\d+⟩"
"""A number that is also the name of a category (m) or a series (t) may be meant as either."""
MARK = r"⟨[stcm]\d+⟩"

BE = r"(?:(?:is|are|was|were|be|do|does|did|has|have|had|it) )*"
LINKS = rf"(?:(?:{LINK}) )*"
LIMITING = (
    r"exceed(?:s|ed)?|above|over|beyond|below|under|beneath|between|at|no|not|exactly|equal|up"
    rf"|{MORE}|{LESS}"
)
NOUN = rf"(?:(?<!who )(?<!when )(?<!where )(?P<noun>(?!(?:{LINK}|{LIMITING}) )[a-z]+) )?"
WHICH = (
    r"(?:(?:in|on|for|at|during|by) )?(?P<ask>which|what|who|when|where|name|list|how (?:high|much"
    r"|many|tall|long|big|large|low))(?: of)? "
)
HOW_MUCH = r"how (?:much|many|high|tall|long|big|large|low)"
_OTHER = (
    "above over under below between exactly equal exceed exceeds exceeded beyond beneath at up to "
    "not no without except total sum average mean median share percentage difference range and or "
    "than how what when where who much many in on for from the per by second third"
)
_VOCABULARY = frozenset(
    re.findall(
        r"[a-z]{2,}",
        f"{HIGH} {LOW} {MORE} {LESS} {ENTRY} {CATEGORY} {SERIES} {VALUE} {LINK} {_OTHER} "
        "color colour colors colours data category",
    )
)
_DERIVED = frozenset(
    re.findall(
        r"\w+",
        "growth increase decrease change rise drop fall decline gain jump gap trend ratio rate "
        "half double twice slope variance deviation spread mode product why",
    )
)
"""What is worked out from values: no thing that there could be most of, unless a chart shows it."""
_OWN = re.compile(r"[^\W\d_]{3,}")
_SMALL = frozenset(
    re.findall(r"\w+", "a an the in is at of on or no not it to be by do if i me my us as so we")
)
"""Names that are such words ("IT", "US") are told from them by their capitals alone."""
_MONTHS, _DAYS = (tuple(word.lower() for word in words) for words in (MONTHS, DAYS))
_CALENDAR = (*_MONTHS, *_DAYS)
_CALENDAR_KINDS = {
    "month": "|".join(word[:3] for word in _MONTHS),
    "day": "|".join(word[:3] for word in _DAYS),
    "weekday": "|".join(word[:3] for word in _DAYS),
    "year": r"(?:19|20)\d\d$",
    "quarter": r"q[1-4]",
}
_SHORTEST, _LONGEST = 3, 5
_SMALL_NUMBERS = {
    "zero": 0.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0,
    "eight": 8.0, "nine": 9.0, "ten": 10.0, "eleven": 11.0, "twelve": 12.0,
}  # fmt: skip
"""Without "one", which mostly stands for a thing: "which one is the highest?"."""
_THOUSANDS = {"k": 1e3, "thousand": 1e3, "million": 1e6, "bn": 1e9, "billion": 1e9}
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>-?)[$€£¥]?(?P<digits>\d[\d.,']*\d|\d)"
    rf"(?: ?(?P<scale>{'|'.join(_THOUSANDS)})\b)?(?![\w⟨]|[.,]\d)"
    rf"|\b(?P<word>{'|'.join(_SMALL_NUMBERS)})\b"
)
_REWORDED = (
    (r"(\w)n't\b", r"\1 not"),
    (r"\b(what|which|who|how|where|when|that|it|there)'s\b", r"\1 is"),
    (r"\s*(?:>=|≥)\s*", " at least "),
    (r"\s*(?:<=|≤)\s*", " at most "),
    (r"\s*>\s*", " above "),
    (r"\s*<\s*", " below "),
    (r"\s*=\s*", " equal to "),
    (r"\baltogether\b|\bin all\b|\boverall\b", "in total"),
    (r"(?<=[a-z])-(?=[a-z])", " "),
)
_FOLDED = (
    (r"(?<=⟨)(\w)(\d+⟩)\s*,\s*(?:and )?(?=⟨\1)", r"\1\2 and "),
    (r"\s*[,;:]\s*", " "),
    (r"^(?:please |so )*(?:(?:can|could) you )?(?:please )?(?:tell me |give me |say )?", ""),
    (r"\b(?:the|a|an|please|there|all|both|shown|displayed|depicted|plotted)\b", " "),
    (r"^((?:in|for|of|at|on|during) ⟨\w\d+⟩) (.*)$", r"\2 \1"),
    (
        r"\b(?:in|on|of|from|by|within|according to) (?:(?:this|that|your|our) )?"
        r"(?:(?:bar|line|pie|column|scatter|area) )?"
        r"(?:chart|graph|diagram|plot|figure|picture|image)\b",
        " ",
    ),
    (r"\b(?:(?:this|that) )?(?:chart|graph|diagram|plot|gauge|meter|dial|display)\b", "it"),
)  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """A question about a chart, with marks in the place of names and numbers.

    Attributes:
        chart: that is asked about.
        text: in small letters, without filler, one blank behind every word. "⟨s0⟩" marks a
            series, "⟨c1⟩" a category, "⟨n2⟩" a number; see NUMBER_MARK.
        named: what a mark names, by its number: a series, or a category as in the rows.
        numbers: what a mark is worth, by its number.
    """

    chart: Chart
    text: str
    named: dict[int, str | float]
    numbers: dict[int, float]

    def names(self, marks: str) -> tuple[str | float, ...]:
        """What the marks in a text name."""
        return tuple(self.named[k] for k in _indices(marks))

    def number(self, marks: str) -> float:
        """What the first mark in a text is worth."""
        return self.numbers[_indices(marks)[0]]


def word(chart: Chart, question: str) -> Wording:
    """Mark what a question names of a chart, and take the filler out."""
    named: dict[int, str | float] = {}
    numbers: dict[int, float] = {}
    text = _plain(question).rstrip(" .!?")
    aliases = _aliases(chart)

    def mark_name(match: re.Match[str]) -> str:
        said = match[1]
        kind, name = aliases[said.lower()]
        if said.lower() in _SMALL and said != str(name):
            return match[0]
        named[len(named) + len(numbers)] = name
        return f"⟨{kind}{len(named) + len(numbers) - 1}⟩"

    def mark_number(match: re.Match[str]) -> str:
        value = _value(match)
        if value is None:
            return match[0]
        k = len(named.keys() | numbers.keys())
        kind, name = _named_by(chart, value)
        if name is not None:
            named[k] = name
        numbers[k] = value
        return f"⟨{kind}{k}⟩"

    if aliases:
        longest_first = sorted(aliases, key=len, reverse=True)
        listed = "|".join(re.escape(alias) for alias in longest_first)
        pattern = rf"(?<!\w)(?<!\d[.,])({listed})(?:'s)?(?!\w|[.,]\d)"
        text = re.sub(pattern, mark_name, text, flags=re.IGNORECASE)
    text = _replaced(text.lower(), _REWORDED)
    text = _NUMBER.sub(mark_number, text)
    text = _with_own_words(chart, _replaced(text, _FOLDED))
    return Wording(chart, " ".join([*text.split(), ""]), named, numbers)


def is_known(word: str) -> bool:
    """Whether a word has a meaning of its own in questions, and so is no name for a thing."""
    return word in _VOCABULARY or word in _DERIVED


def is_measure(noun: str | None) -> bool:
    """Whether "how many" of this asks for a value: it is no bar, month or word of its own."""
    if noun is None or not is_known(noun):
        return True
    return noun != "values" and re.fullmatch(VALUE, noun) is not None


def calendar_axis(chart: Chart, noun: str) -> Literal["category", "series"] | None:
    """Whether "month" or "year" means the categories or the series; None where it can be neither.

    Nothing is known of the kind of most names; but years are no months.
    """
    wanted = noun.removesuffix("s")
    if wanted not in _CALENDAR_KINDS or wanted in _plain(chart.x_label).lower():
        return "category"
    if wanted in _kinds([row.x for row in chart.rows]):
        return "category"
    if len(chart.names) > 1 and wanted in _kinds(chart.names):
        return "series"
    return None if _kinds([row.x for row in chart.rows]) else "category"


def _kinds(names: Sequence[str | float]) -> set[str]:
    """What names may be by the calendar."""
    labels = [label_of(name).lower() for name in names]
    return {
        kind
        for kind, pattern in _CALENDAR_KINDS.items()
        if all(re.match(pattern, label) for label in labels)
    }


def label_of(value: str | float) -> str:
    """A category as text."""
    return value if isinstance(value, str) else f"{value:g}"


def _aliases(chart: Chart) -> dict[str, tuple[Literal["s", "c"], str | float]]:
    """What names may be called, in small letters; nothing that could be two of them."""
    things: list[tuple[Literal["s", "c"], str | float]] = [("s", name) for name in chart.names]
    things += [("c", x) for x in dict.fromkeys(row.x for row in chart.rows)]
    things = [thing for thing in things if label_of(thing[1]) and _digits(thing[1]) is None]
    exact = _unique((_plain(label_of(thing[1])).lower(), thing) for thing in things)
    loose = _unique((alias, t) for t in things for alias in _variants(label_of(t[1])))
    taken = {_plain(label_of(thing[1])).lower() for thing in things}
    return {k: v for k, v in loose.items() if k not in taken} | exact


def _unique(
    pairs: Iterable[tuple[str, tuple[Literal["s", "c"], str | float]]],
) -> dict[str, tuple[Literal["s", "c"], str | float]]:
    meant: dict[str, set[tuple[Literal["s", "c"], str | float]]] = {}
    for alias, thing in pairs:
        meant.setdefault(alias, set()).add(thing)
    return {alias: next(iter(ts)) for alias, ts in meant.items() if alias and len(ts) == 1}


def _variants(name: str) -> set[str]:
    """Months and days in full and cut short, one for several, without a last full stop."""
    plain = _plain(name).lower().rstrip(".")
    words = plain.split()
    full = [_calendar_word(word) or word for word in words]
    short = [word[:_SHORTEST] if word in _CALENDAR else word for word in full]
    found = {plain, " ".join(full), " ".join(short)}
    if full == words and re.search(r"[a-z]{3}$", plain):
        found |= {plain.removesuffix("s"), f"{plain}s"}
    return found - {""}


def _calendar_word(word: str) -> str | None:
    cut = word.rstrip(".")
    if len(cut) < _SHORTEST:
        return None
    return next(
        (d for d in _CALENDAR if d == cut or (len(cut) <= _LONGEST and d.startswith(cut))), None
    )


def _named_by(chart: Chart, value: float) -> tuple[str, str | float | None]:
    """The mark of a number, and the series or category that it is the name of."""
    series = [name for name in chart.names if _digits(name) == value]
    categories = [x for x in dict.fromkeys(row.x for row in chart.rows) if _digits(x) == value]
    if len(series) + len(categories) != 1:
        return "n", None
    return ("t", series[0]) if series else ("m", categories[0])


def _digits(name: str | float) -> float | None:
    """The number that a name is; None where it is none."""
    if not isinstance(name, str):
        return name
    number = parse_number(name) if re.fullmatch(r"\s*[-−]?\d[\d.,]*\s*", name) else None
    return number.value if number else None


def _value(match: re.Match[str]) -> float | None:
    if match["word"]:
        return _SMALL_NUMBERS[match["word"]]
    number = parse_number(match["digits"])
    if number is None:
        return None
    value = number.value * _THOUSANDS.get(match["scale"] or "", 1.0)
    return -value if match["sign"] else value


def _with_own_words(chart: Chart, text: str) -> str:
    """The unit behind a number left out, and the chart's own words for its axes as plain ones."""
    units = {_plain(chart.y_unit).lower()}
    if chart.kind == "pie" or "%" in units:
        units |= {"%", "percent", "per cent"}
    listed = "|".join(re.escape(unit) for unit in sorted(units - {""}, reverse=True))
    if listed:
        text = re.sub(rf"(?<=⟩) ?(?:{listed})(?= |$)", "", text)
    x_words = _plain(chart.x_label).lower()
    if x_words and x_words not in _VOCABULARY:
        stem = x_words.removesuffix("y").removesuffix("s")
        text = re.sub(rf"\b{re.escape(stem)}(?:s|y|ies)?\b", "category", text)
    own = {
        w for w in _OWN.findall(f"{chart.y_label} {chart.title}".lower()) if w not in _VOCABULARY
    }
    own -= set(_OWN.findall(x_words))
    for own_word in sorted(own - _SMALL):
        text = re.sub(rf"\b{own_word}\b", "quantity", text)
    return re.sub(r"quantity(?: quantity)+", "quantity", text)


def _plain(text: str) -> str:
    text = re.sub(r"[\"“”„⟨⟩]", " ", text).replace("’", "'")
    return " ".join(re.sub(r"[‐‑‒–—−]", "-", text).split())


def _replaced(text: str, pairs: Sequence[tuple[str, str]]) -> str:
    for pattern, replacement in pairs:
        text = " ".join(re.sub(pattern, replacement, text).split())
    return text


def _indices(marks: str) -> list[int]:
    return [int(k) for k in re.findall(r"⟨\w(\d+)⟩", marks)]
