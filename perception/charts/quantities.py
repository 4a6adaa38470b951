"""Quantities: values, extremes and sums that a question speaks of, and conditions on them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from ..errors import AmbiguousError, NotFoundError
from .chart import ChartRow
from .wording import (
    CATEGORY,
    CATEGORY_MARK,
    ENTRY,
    HIGH,
    LESS,
    LINK,
    LOW,
    MARK,
    MORE,
    NUMBER_MARK,
    SERIES_MARK,
    VALUE,
    Wording,
)

UNCLEAR = "?"
"""No form of question."""
_ALIKE_SHARE = 0.005
"""Values that differ by less of the largest are equal to one another: they were read off."""
VERB = (
    r"(?:have|has|had|get|got|show|sell|sold|make|made|score|scored|reach|reached|be|been|cost"
    r"|bring|brought|earn|earned|visited|counted|recorded|produced|used|consumed|delivered|up) "
)
_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_PLACE = rf"(?:(?P<place>{'|'.join(_PLACES)}|\d+(?:nd|rd|th)) )?"
EXTREME = rf"{_PLACE}(?:(?P<high>{HIGH})|(?P<low>{LOW})) "
"""The highest, the second lowest: as groups place, high, low."""
AGGREGATE = r"(?:(?:grand|in) total )?(?P<aggregate>total|sum|average|mean|median) "
VALUES = rf"(?:(?:{VALUE}|{ENTRY}) )"
_SUM = rf"{AGGREGATE}(?!number of (?:{ENTRY}|{CATEGORY}) )(?:{VALUES}|of )*(?:together |combined )?"
_ENTRY = rf"(?:(?:that|one|it|of) )*(?:{VALUES}|of )*(?P<marks>(?:{MARK} )*){VALUES}*"

_IN = r"(?:in|of|for|at|on|during|from|within|among)"
_WITHOUT = (
    r"(?:but )?(?:without|except|excluding|omitting|ignoring|besides|not (?:counting|including)"
    r"|leaving out|(?:other than|apart from|aside from))"
)
_KIND = rf"(?:(?:{CATEGORY}|{ENTRY}|series|line|x(?: equal to| is)?) )?"
_NOT_COMPARED = r"(?<!than )(?<!that )(?<!those )"
_OF_NAMED = rf"{_NOT_COMPARED}\b{_IN} {_KIND}"
_C, _S = CATEGORY_MARK, SERIES_MARK
_NOUN_NEXT = (
    rf"(?=(?:{VALUE}|{ENTRY}|total|sum|average|mean|median|share|{_PLACES[1]}|{_PLACES[2]}"
    rf"|{HIGH}|{LOW}) )"
)
_SCOPES = (
    rf"{_WITHOUT} (?:{_IN} )?(?P<no_series>{_S}(?: and {_S})*) ",
    rf"{_WITHOUT} (?:{_IN} )?(?P<no_categories>{_C}(?: (?:and|or) {_C})*) ",
    rf"from (?P<first>{_C}) (?:to|till|until|through) (?P<last>{_C}) ",
    r"between (?P<first>⟨c\d+⟩) and (?P<last>⟨c\d+⟩) ",
    rf"since (?P<first>{_C}) ",
    rf"(?:until|till) (?P<last>{_C}) ",
    rf"{_OF_NAMED}(?P<series>{_S}(?: and {_S})*) ",
    rf"{_OF_NAMED}(?P<categories>{_C}(?: and {_C})*) ",
    r"\bat (?:x (?:equal to |is )?)?(?P<at>⟨n\d+⟩) ",
    rf"(?<!and )(?<!than )(?<!between )(?P<series>{_S}) {_NOUN_NEXT}",
    rf"(?<!and )(?<!than )(?<!between )(?P<categories>⟨c\d+⟩) {_NOUN_NEXT}",
)

_LIMIT_WORDS = {
    "least": rf"at least|(?:no|not) (?:{LESS}) than|(?:minimum|min) of",
    "most": rf"at most|(?:no|not) (?:{MORE}) than|up to|(?:maximum|max) of",
    "over": rf"(?:{MORE}) (?:value |number )?than|above|over|beyond|exceeds?|exceeded",
    "below": rf"(?:{LESS}) (?:value |number )?than|below|under|beneath",
    "equal": r"exactly|equal to|equals?|same as",
}
_LIMIT = "|".join(f"(?P<{name}>{words})" for name, words in _LIMIT_WORDS.items())
_OPERAND = (
    rf"(?:{NUMBER_MARK} (?:(?:of )?(?:{VALUE}) )*"
    rf"|(?:(?:that|those|value|bar|one) )*(?:{_IN} )?(?:{MARK} )(?:(?:{_IN} )?{MARK} )?"
    rf"|(?:total|average|mean|median) (?:value )?(?:{_IN} {MARK} )?)"
)
_TERM = re.compile(
    rf"(?P<no>not (?!(?:{MORE}|{LESS}) ))?(?:between (?P<low>{_OPERAND})and (?P<high>{_OPERAND})"
    rf"|(?:{_LIMIT}) (?P<limit>{_OPERAND})"
    rf"|(?P<than>{NUMBER_MARK} (?:(?:{VALUE}) )?)or (?:(?P<up>{MORE}|above)|(?:{LESS}|below)) "
    rf"|(?P<is>{NUMBER_MARK} ))"
)
_AND_OR = re.compile(rf"(?P<how>and|or|but) (?:(?:{LINK}) )*")


@dataclass(frozen=True)
class Scope:
    """The entries that are meant: of these series, in these categories; all where empty.

    Attributes:
        at: a place on a numeric axis that has no entry of its own.
    """

    series: tuple[str | float, ...] = ()
    categories: tuple[str | float, ...] = ()
    at: float | None = None

    def within(self, other: "Scope") -> "Scope":
        """This scope, with what it leaves open as the other has it."""
        at = self.at if self.at is not None or self.categories else other.at
        categories = self.categories or (() if self.at is not None else other.categories)
        return Scope(self.series or other.series, categories, at)

    def overlaps(self, other: "Scope") -> bool:
        """Whether both say the same kind of thing."""
        places = bool(other.categories) or other.at is not None
        return bool((self.series and other.series) or (self.categories and places))


@dataclass(frozen=True)
class Quantity:
    """A number, an entry's value, the highest or lowest value, or a sum or average of values.

    Attributes:
        number: that it is, or 1 for the highest, 2 for the second highest.
        high: whether the highest rather than the lowest is meant.
    """

    kind: Literal["number", "entry", "extreme", "sum", "average", "median"]
    scope: Scope = Scope()
    number: float = 0.0
    high: bool = True


@dataclass(frozen=True)
class Condition:
    """Limits to a value; any of them, or all, must be kept.

    Attributes:
        limits: each with whether it is denied, how it limits, and by what.
    """

    limits: tuple[tuple[bool, str, tuple[Quantity, ...]], ...]
    any: bool


def scoped(wording: Wording, text: str) -> tuple[Scope, str]:
    """What a text narrows the entries to, and its rest; UNCLEAR where it does so twice."""
    found: dict[str, tuple[str | float, ...]] = {}
    at: float | None = None
    for pattern in _SCOPES:
        while match := re.search(pattern, text):
            text = text[: match.start()] + text[match.end() :]
            groups = match.groupdict()
            if groups.get("at"):
                at = wording.number(groups["at"])
                continue
            kind, names = _narrowing(wording, groups)
            if kind in found or not names:
                return Scope(), UNCLEAR
            found[kind] = names
    if at is not None and "categories" in found:
        return Scope(), UNCLEAR
    return Scope(found.get("series", ()), found.get("categories", ()), at), text


def rows_in(wording: Wording, scope: Scope, *, whole_bars: bool = True) -> list[ChartRow]:
    """The entries in a scope; of stacked bars whole ones, unless a series is meant."""
    chart = wording.chart
    rows = [
        row
        for row in chart.rows
        if (not scope.series or row.series in scope.series)
        and (not scope.categories or row.x in scope.categories)
    ]
    if not (whole_bars and chart.kind == "bar_stacked") or scope.series or len(chart.names) < 2:
        return rows
    return [
        ChartRow("", x, sum(r.y for r in rows if r.x == x), min(r.confidence for r in rows))
        for x in dict.fromkeys(row.x for row in rows)
    ]


def quantity(wording: Wording, text: str) -> Quantity | None:
    """The quantity that a text is, as a whole; a number that names an entry means the entry."""
    number = re.fullmatch(rf"(?P<n>⟨n\d+⟩) (?:(?:{VALUE}) )?", text)
    if number:
        return Quantity("number", number=wording.number(number["n"]))
    scope, rest = scoped(wording, without_verbs(text))
    extreme = re.fullmatch(rf"(?:(?:{VALUE}) )*{EXTREME}(?:{VALUES}|of )*", rest)
    if extreme:
        high = extreme["high"] is not None
        return Quantity("extreme", scope, place_of(extreme), high)
    total = re.fullmatch(_SUM, rest)
    if total:
        return Quantity(aggregate_of(total["aggregate"]), scope)
    entry = re.fullmatch(_ENTRY, rest)
    if entry is None:
        return None
    for mark in entry["marks"].split():
        names = wording.names(mark)
        wanted = Scope(names) if re.fullmatch(SERIES_MARK, mark) else Scope((), names)
        if wanted.overlaps(scope):
            return None
        scope = scope.within(wanted)
    return Quantity("entry", scope)


def without_verbs(text: str) -> str:
    """A phrase without the verbs that it ends with, or that stand behind a name."""
    return re.sub(rf"(?:(?<=⟩ )|^)(?:{VERB})+", "", re.sub(rf"(?:{VERB}|did )+$", "", text))


def place_of(match: re.Match[str]) -> int:
    """1 for the highest or lowest, 2 for the second."""
    place = match["place"]
    if not place:
        return 1
    return _PLACES.index(place) + 1 if place in _PLACES else int(re.sub(r"\D", "", place))


def aggregate_of(said: str) -> Literal["sum", "average", "median"]:
    """What "total" or "mean" means."""
    if said == "median":
        return "median"
    return "sum" if said in ("total", "sum") else "average"


def aggregated(values: Sequence[float], kind: str) -> float:
    """The sum, the average or the median of some values."""
    if kind == "median":
        return float(median(values))
    return sum(values) / (len(values) if kind == "average" else 1)


def shared(a: Quantity, b: Quantity) -> tuple[Quantity, Quantity]:
    """Two quantities that are compared, each with what only the other says of where it is."""
    alike = (a.kind == "entry") == (b.kind == "entry")
    if "number" in (a.kind, b.kind) or not alike:
        return a, b
    return replace(a, scope=a.scope.within(b.scope)), replace(b, scope=b.scope.within(a.scope))


def value_of(wording: Wording, wanted: Quantity) -> float | None:
    """What a quantity comes to; None where the chart does not have it, or more than one."""
    if wanted.kind == "number":
        return wanted.number
    scope = wanted.scope
    if scope.at is not None:
        return _between(wording, scope) if wanted.kind == "entry" else None
    values = sorted((row.y for row in rows_in(wording, scope)), reverse=wanted.high)
    if not values:
        return None
    if wanted.kind == "entry":
        named = bool(scope.series or scope.categories) or len(wording.chart.rows) == 1
        return values[0] if named and len(values) == 1 else None
    if wanted.kind == "extreme":
        place = int(wanted.number)
        return values[place - 1] if 1 <= place <= len(values) else None
    return aggregated(values, wanted.kind)


def condition(wording: Wording, text: str) -> Condition | None:
    """The condition that a text is, as a whole."""
    limits: list[tuple[bool, str, tuple[Quantity, ...]]] = []
    joined: set[bool] = set()
    while True:
        term = _TERM.match(text)
        limit = _limit(wording, term) if term else None
        if term is None or limit is None or (term["is"] and limits):
            return None
        limits.append(limit)
        text = text[term.end() :]
        if not text:
            return Condition(tuple(limits), any=joined == {True}) if len(joined) < 2 else None
        link = _AND_OR.match(text)
        if link is None:
            return None
        joined.add(link["how"] == "or")
        text = text[link.end() :]
        if limits[-1][0] and link["how"] != "but" and not text.startswith("not "):
            return None  # "not over 20 or under 10": who knows how far the "not" reaches


def holds(
    wording: Wording, wanted: Condition, value: float, *, there: Scope, among: Scope
) -> bool | None:
    """Whether a value fulfils a condition; None where that cannot be told.

    Args:
        there: where the value is, in which an entry that limits it is meant to be, too.
        among: where averages and the like that limit it are meant to be.
    """
    kept: list[bool] = []
    for denied, how, quantities in wanted.limits:
        limits: list[float] = []
        for limit in quantities:
            outer = there if limit.kind == "entry" else among
            found = value_of(wording, replace(limit, scope=limit.scope.within(outer)))
            if found is None:
                return None
            limits.append(found)
        kept.append(_keeps(wording, value, how, limits) != denied)
    return any(kept) if wanted.any else all(kept)


def _narrowing(
    wording: Wording, groups: dict[str, str | None]
) -> tuple[str, tuple[str | float, ...]]:
    for kind, every in (
        ("series", tuple[str | float, ...](wording.chart.names)),
        ("categories", tuple(dict.fromkeys(row.x for row in wording.chart.rows))),
    ):
        if marks := groups.get(kind):
            return kind, wording.names(marks)
        if marks := groups.get(f"no_{kind}"):
            left_out = wording.names(marks)
            return kind, tuple(name for name in every if name not in left_out)
    first, last = groups.get("first"), groups.get("last")
    start = every.index(wording.names(first)[0]) if first else 0
    end = every.index(wording.names(last)[0]) if last else len(every) - 1
    return "categories", every[start : end + 1]


def _limit(wording: Wording, term: re.Match[str]) -> tuple[bool, str, tuple[Quantity, ...]] | None:
    how = next((name for name in _LIMIT_WORDS if term[name]), "equal")
    said: tuple[str, ...] = (term["limit"] or term["is"],)
    if term["low"]:
        how, said = "between", (term["low"], term["high"])
    elif term["than"]:
        how, said = "least" if term["up"] else "most", (term["than"],)
    quantities = [_operand(wording, text) for text in said]
    found = tuple(quantity for quantity in quantities if quantity is not None)
    return (term["no"] is not None, how, found) if len(found) == len(said) else None


def _operand(wording: Wording, text: str) -> Quantity | None:
    """What limits: a number is one here, even where an entry is named so."""
    number = re.match(rf"{NUMBER_MARK} (?!(?:{_IN} )?{MARK})", text)
    if number:
        return Quantity("number", number=wording.number(number[0]))
    return quantity(wording, text)


def _keeps(wording: Wording, value: float, how: str, limits: Sequence[float]) -> bool:
    if how == "between":
        return min(limits) <= value <= max(limits)
    limit = limits[0]
    largest = max(abs(row.y) for row in wording.chart.rows)
    return {
        "least": value >= limit,
        "most": value <= limit,
        "over": value > limit,
        "below": value < limit,
        "equal": abs(value - limit) <= _ALIKE_SHARE * largest,
    }[how]


def _between(wording: Wording, scope: Scope) -> float | None:
    """A line's value between two of its points."""
    names = scope.series or tuple(wording.chart.names)
    if len(names) != 1 or scope.at is None:
        return None
    try:
        return wording.chart.lookup(str(names[0]), scope.at)
    except (AmbiguousError, NotFoundError):
        return None


def written(value: float) -> str:
    """A value as text."""
    return f"{value:.10g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.3g}"
