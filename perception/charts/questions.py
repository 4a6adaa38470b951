"""Plain questions about a chart: what is highest, how much is it, how many are over."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from .chart import Chart, ChartRow
from .comparisons import difference, of_two, share, whether
from .quantities import (
    AGGREGATE,
    EXTREME,
    VALUES,
    VERB,
    Quantity,
    Scope,
    aggregate_of,
    aggregated,
    condition,
    holds,
    place_of,
    quantity,
    rows_in,
    scoped,
    value_of,
    written,
)
from .wording import (
    BE,
    CATEGORY,
    ENTRY,
    HOW_MUCH,
    LINKS,
    NOUN,
    NUMBER_MARK,
    SERIES,
    SERIES_MARK,
    VALUE,
    WHICH,
    Wording,
    calendar_axis,
    is_known,
    is_measure,
    label_of,
    word,
)

_Kind = Literal["entry", "segment", "category", "series", "thing"]
_MANY = r"(?:(?:in|on|for|at|during) )?(?:how many(?: of)?|(?:what is )?(?:total )?number of)"

_LONGEST = 300
"""Characters of a question; what is longer is no plain one."""
_COUNT = re.compile(
    rf"{_MANY} (?P<noun>[a-z]+) (?:(?:are|were|is|(?:do|can) (?:you|we|i) (?:see|have|count)"
    r"|does it (?:have|show)|it (?:has|shows)|in total) )*"
)
_SUBJECT = rf"{LINKS}(?:(?P<subject>{SERIES_MARK}) )?{LINKS}(?P<condition>.+)"
_COUNT_IF = re.compile(rf"{_MANY} {NOUN}{_SUBJECT}")
_LIST_IF = re.compile(rf"{WHICH}{NOUN}{_SUBJECT}")
_EXTREME = re.compile(
    rf"(?:{WHICH})?(?P<link>{LINKS})"
    rf"(?:(?<!who )(?<!when )(?<!where )(?P<noun>[a-z]+) )??(?P<link_2>{LINKS})"
    rf"(?:(?P<n>{NUMBER_MARK}) )?{EXTREME}(?:(?P<n_2>{NUMBER_MARK}) )?"
    rf"(?P<tail>(?:{VALUES}|(?:{CATEGORY}|{SERIES}|of) )*)"
)
_GROUPED = re.compile(
    rf"{WHICH}{NOUN}{LINKS}{EXTREME}{VALUES}?"
    rf"(?:{AGGREGATE}{VALUES}?|in (?P<total>total) |on (?P<mean>average) )"
)
_ALL_TOLD = re.compile(
    rf"{HOW_MUCH} (?:(?<=(?:much|many) )(?P<noun>[a-z]+) )??{BE}(?:{VERB})*"
    r"(?:in (?P<total>total)|on (?P<mean>average)) "
)
_VALUE = (
    re.compile(rf"(?:what|{HOW_MUCH}) {BE}(?P<of>.*)"),
    re.compile(rf"how (?:much|many) (?P<noun>[a-z]+) {BE}(?P<of>.*)"),
    re.compile(rf"what (?P<noun>{VALUE}) {BE}(?P<of>.*)"),
    re.compile(rf"(?P<of>(?:{VALUES}|{AGGREGATE}).*)"),
)


def answer(chart: Chart, question: str) -> str:
    """A short answer: names, numbers, "yes", "no", or "" where the question is not understood.

    Every word of it must be understood, but for filler. Known are the highest and lowest entries,
    also the second and so on; values of named entries; differences, totals, averages, medians and
    shares; how many entries there are, and how many or which ones lie above, below or between
    numbers or other entries. A question may be confined to some series and categories, or leave
    some out.
    """
    wording = word(chart, question)
    if not chart.rows or len(question) > _LONGEST:
        return ""
    for form in (
        _count, difference, share, whether, of_two, _count_if, _list_if, _grouped, _extreme,
        _value,
    ):  # fmt: skip
        said = form(wording)
        if said:
            return said
    return ""


def _count(wording: Wording) -> str:
    """How many bars, months or lines there are."""
    scope, rest = scoped(wording, wording.text)
    match = _COUNT.fullmatch(rest)
    kind = _kind(wording, match["noun"]) if match else None
    if match is None or kind in (None, "thing"):
        return ""
    if kind == "series":
        return "" if match["noun"].startswith("group") else str(len(wording.chart.names))
    rows = rows_in(wording, scope, whole_bars=kind != "segment")
    return str(len({row.x for row in rows} if kind == "category" else rows))


def _count_if(wording: Wording) -> str:
    """How many entries fulfil a condition."""
    scope, rest = scoped(wording, wording.text)
    match = _COUNT_IF.fullmatch(rest)
    found = _fulfilling(wording, match, scope) if match else None
    return str(len(found)) if found is not None else ""


def _list_if(wording: Wording) -> str:
    """Which entries fulfil a condition; "none" for none."""
    scope, rest = scoped(wording, wording.text)
    match = _LIST_IF.fullmatch(rest)
    if match is None or match["ask"].startswith("how"):
        return ""
    found = _fulfilling(wording, match, scope)
    return "" if found is None else ", ".join(found) or "none"


def _fulfilling(wording: Wording, match: re.Match[str], scope: Scope) -> list[str] | None:
    """The names of the entries that fulfil a condition."""
    kind = _kind(wording, match["noun"])
    wanted = condition(wording, match["condition"])
    if match["subject"]:
        if scope.series:
            return None
        scope = replace(scope, series=wording.names(match["subject"]))
    if kind is None or wanted is None or scope.at is not None:
        return None
    rows = _population(wording, scope, kind)
    named = _labels(rows, kind)
    if named is None or not rows:
        return None
    found = []
    for row, name in zip(rows, named, strict=True):
        there = Scope((row.series,) if row.series else (), (row.x,))
        so = holds(wording, wanted, row.y, there=there, among=scope)
        if so is None:
            return None
        found += [name] * so
    return found


def _grouped(wording: Wording) -> str:
    """Which series or category has the highest total or average."""
    scope, rest = scoped(wording, wording.text)
    match = _GROUPED.fullmatch(rest)
    kind = _kind(wording, match["noun"]) if match else None
    if match is None or kind not in ("series", "category"):
        return ""
    groups: dict[str | float, list[float]] = {}
    for row in rows_in(wording, scope, whole_bars=False):
        groups.setdefault(row.series if kind == "series" else row.x, []).append(row.y)
    how = aggregate_of(match["aggregate"] or match["total"] or "mean")
    values = [(aggregated(ys, how), label_of(name)) for name, ys in groups.items()]
    return _ranked(values, place_of(match), high=match["high"] is not None)


def _extreme(wording: Wording) -> str:
    """Which entry is highest, or how high it is; also the first few of them."""
    scope, rest = scoped(wording, wording.text)
    match = _EXTREME.fullmatch(rest)
    if match is None or scope.at is not None or (match["n"] and match["n_2"]):
        return ""
    if not match["ask"] and (match["link"] or match["noun"] or match["link_2"]):
        return ""
    if match["noun"] and match["link"] and not match["link_2"]:
        return ""
    if match["noun"] and (match["ask"] or "").startswith("how"):
        return ""
    wants_value = _wants_value(match)
    nouns = re.findall(rf"\b(?:{CATEGORY}|{SERIES}|segments?)\b", match["tail"])
    noun = match["noun"] or (nouns[-1] if nouns else None)
    kind = "entry" if wants_value else _kind(wording, noun)
    if kind is None or (match["noun"] and nouns):
        return ""
    rows = _population(wording, scope, kind)
    high = match["high"] is not None
    names = [written(row.y) for row in rows] if wants_value else _labels(rows, kind, repeated=True)
    if names is None:
        return ""
    values = [(row.y, name) for row, name in zip(rows, names, strict=True)]
    marks = match["n"] or match["n_2"]
    if not marks:
        return _ranked(values, place_of(match), high=high)
    count = wording.number(marks)
    if match["place"] or count not in range(1, len(values) + 1):
        return ""
    values.sort(key=lambda pair: pair[0], reverse=high)
    return ", ".join(name for _, name in values[: int(count)])


def _value(wording: Wording) -> str:
    """How much a named entry, a total or an average is."""
    scope, rest = scoped(wording, wording.text)
    told = _ALL_TOLD.fullmatch(rest)
    if told and is_measure(told["noun"]):
        return _told(wording, Quantity("sum" if told["total"] else "average", scope))
    for pattern in _VALUE:
        match = pattern.fullmatch(rest)
        if match is None or not is_measure(match.groupdict().get("noun")):
            continue
        wanted = quantity(wording, match["of"])
        if wanted is None or wanted.scope.overlaps(scope):
            continue
        said = _told(wording, replace(wanted, scope=wanted.scope.within(scope)))
        if said:
            return said
    return ""


def _told(wording: Wording, wanted: Quantity) -> str:
    value = value_of(wording, wanted)
    return "" if value is None else written(value)


def _population(wording: Wording, scope: Scope, kind: _Kind) -> list[ChartRow]:
    """The entries among which some are looked for."""
    whole_bars = kind not in ("series", "segment") and len(scope.categories) != 1
    return rows_in(wording, scope, whole_bars=whole_bars)


def _kind(wording: Wording, noun: str | None) -> _Kind | None:
    """What is asked for by a word; None where it cannot be an entry, a category or a series."""
    if noun in ("segment", "segments"):
        return "segment"
    if not noun or re.fullmatch(rf"{ENTRY}|values?|numbers?", noun):
        return "entry"
    if re.fullmatch(CATEGORY, noun):
        return calendar_axis(wording.chart, noun)
    if re.fullmatch(SERIES, noun):
        own = len(wording.chart.names) > 1 or re.fullmatch(r"series|lines?|curves?", noun)
        return "series" if own else "thing"
    return None if is_known(noun) and noun != "quantity" else "thing"


def _labels(rows: Sequence[ChartRow], kind: _Kind, *, repeated: bool = False) -> list[str] | None:
    """What entries are called; None where that is not known, or several are called the same."""
    several = len({row.series for row in rows}) > 1
    if kind == "series" or (several and kind != "category" and len({row.x for row in rows}) == 1):
        names = [row.series for row in rows]
    elif kind == "category" or not several:
        names = [label_of(row.x) or row.series for row in rows]
    elif kind in ("entry", "segment"):
        names = [f"{label_of(row.x)} ({row.series})" for row in rows]
    else:
        return None
    unclear = kind not in ("entry", "segment") and not repeated and len(set(names)) < len(names)
    return None if unclear or not all(names) else names


def _ranked(values: Sequence[tuple[float, str]], place: int, *, high: bool) -> str:
    """The name in a place from the top or the bottom; all the names that share it."""
    ordered = sorted((value for value, _ in values), reverse=high)
    if not 1 <= place <= len(ordered):
        return ""
    return ", ".join(dict.fromkeys(name for value, name in values if value == ordered[place - 1]))


def _wants_value(match: re.Match[str]) -> bool:
    """Whether it is asked how high the highest is, not which one it is."""
    ask, noun = match["ask"] or "what", match["noun"]
    if ask.startswith("how"):
        return True
    if noun:
        return noun != "quantity" and re.fullmatch(VALUE, noun) is not None
    links = set(f"{match['link']}{match['link_2']}".split())
    if ask != "what" or links - {"is", "are", "was", "were"}:
        return False
    by_noun = re.search(rf"\b(?:{VALUE})\b", match["tail"])
    return by_noun is not None or (match["high"] or match["low"])[:3] in ("max", "min")
