"""Comparisons: by how much, which of two, whether, and what part of the whole."""

import re
from dataclasses import replace

from .quantities import (
    EXTREME,
    VALUES,
    Quantity,
    Scope,
    condition,
    holds,
    place_of,
    quantity,
    rows_in,
    scoped,
    shared,
    value_of,
    without_verbs,
    written,
)
from .wording import (
    BE,
    CATEGORY,
    ENTRY,
    HIGH,
    LESS,
    LIMITING,
    LINKS,
    LOW,
    MARK,
    MORE,
    NOUN,
    SERIES,
    WHICH,
    Wording,
    is_known,
    is_measure,
    label_of,
)

_WHAT_IS = r"(?:what (?:is|was) )?"
_DIFFERENCE = re.compile(rf"{_WHAT_IS}difference (?:between|of|in) (?P<pair>.+)")
_MINUS = re.compile(r"(?:what is |how much is )?(?P<a>.+? )minus (?P<b>.+)")
_MORE_THAN = (
    re.compile(
        rf"how (?:much|many) (?:(?P<more>{MORE})|{LESS}) "
        r"(?:(?<=(?:more|less) )(?P<noun>[a-z]+) |(?<=fewer )(?P<things>[a-z]+) )??"
        r"(?:is|was|are|were|did|does|do|has|have|had) (?P<a>.+? )than (?P<b>.+)"
    ),
    re.compile(
        r"(?:by )?how much (?:is|was|are|were|did|does) (?P<a>.+? )"
        rf"(?:(?:(?P<more>{MORE})|{LESS}) than|(?P<above>above|over|exceed)|below|under) (?P<b>.+)"
    ),
)
_RANGE = re.compile(rf"{_WHAT_IS}range (?:of )?(?:{VALUES}|of )*")
_SHARE = r"(?:share|percentage|percent|fraction|proportion|part) "
_OF_WHOLE = re.compile(
    rf"(?:of|in) {VALUES}*(?:total|sum|whole) {VALUES}*(?:of (?P<whole>{MARK}) )?"
)
_PART = re.compile(
    rf"(?:(?:what|which) {_SHARE}{BE}|what {BE}{_SHARE}(?:(?:of|for) )?|(?P<all>how much ){BE}"
    rf"|how (?:large|big|high) {BE}{_SHARE})(?P<part>.*)"
)
_WHETHER = re.compile(r"(?:is|was|are|were|do|does|did|has|have|had) (?P<rest>.+)")
_IS_EXTREME = re.compile(
    rf"(?:is|was) (?P<marks>(?:{MARK} )+){EXTREME}(?:{VALUES}|(?:{CATEGORY}|{SERIES}) )*"
    rf"(?P<where>(?:(?:in|of|for|at) {MARK} )?)"
)
_LIMIT_NEXT = re.compile(rf"(?<= )(?={LIMITING}\b)")
_MOVED = re.compile(rf"(?P<way>{MORE}|{LESS}) (?P<where>(?:in|for|at|during|of) {MARK} )(?=than )")
_NAMES = rf"{CATEGORY}|{SERIES}|{ENTRY}"
_OF_TWO = (
    re.compile(
        rf"{WHICH}{NOUN}{LINKS}(?:(?P<more>{MORE}|{HIGH})|{LESS}|{LOW}) {VALUES}?"
        r"(?P<a>.+ )or (?P<b>.+)"
    ),
    re.compile(
        rf"which of (?P<a>{MARK} )(?:and|or) (?P<b>{MARK} ){LINKS}"
        rf"(?:(?P<more>{MORE}|{HIGH})|{LESS}|{LOW}) {VALUES}?(?P<where>.*)"
    ),
)


def difference(wording: Wording) -> str:
    """By how much two quantities differ; negative where a question has it the wrong way round."""
    text = _MOVED.sub(r"\g<where>\g<way> ", wording.text)
    if match := _DIFFERENCE.fullmatch(text):
        pair = match["pair"]
        for split in re.finditer(r"and ", pair):
            apart = _apart(wording, pair[: split.start()], pair[split.end() :])
            if apart is not None:
                return written(abs(apart))
        return ""
    if match := _MINUS.fullmatch(text):
        apart = _apart(wording, match["a"], match["b"])
        return "" if apart is None else written(apart)
    for pattern in _MORE_THAN:
        match = pattern.fullmatch(text)
        nouns = [match.groupdict().get(name) for name in ("noun", "things")] if match else []
        if match is None or not all(is_measure(noun) for noun in nouns):
            continue
        apart = _apart(wording, match["a"], match["b"])
        if apart is not None:
            upwards = match["more"] or match.groupdict().get("above")
            return written(apart if upwards else -apart)
    scope, rest = scoped(wording, wording.text)
    if _RANGE.fullmatch(rest):
        values = [row.y for row in rows_in(wording, scope)]
        return written(max(values) - min(values)) if values else ""
    return ""


def share(wording: Wording) -> str:
    """What part of the total some entries make up, in percent."""
    text, chart = wording.text, wording.chart
    whole = _OF_WHOLE.search(text)
    if whole:
        text = text[: whole.start()] + text[whole.end() :]
    scope, rest = scoped(wording, text)
    match = _PART.fullmatch(rest)
    part = _entry(wording, match["part"], scope) if match else None
    if match is None or part is None or part.scope == Scope() or (match["all"] and not whole):
        return ""
    if not whole and (chart.kind == "pie" or "%" in chart.y_unit):
        value = value_of(wording, part)
        return "" if value is None else written(value)
    total = _entry(wording, f"{whole['whole']} ", Scope()) if whole and whole["whole"] else None
    if total is None and part.scope.series and part.scope.categories and len(chart.names) > 1:
        return ""
    among = total.scope if total else Scope()
    everything = sum(row.y for row in rows_in(wording, among))
    rows = rows_in(wording, part.scope.within(among))
    if everything <= 0 or not rows or any(row.y < 0 for row in chart.rows):
        return ""
    return f"{100 * sum(row.y for row in rows) / everything:.3g} %"


def whether(wording: Wording) -> str:
    """Whether a quantity fulfils a condition: "yes" or "no"."""
    match = _WHETHER.fullmatch(_MOVED.sub(r"\g<where>\g<way> ", wording.text))
    if match is None:
        return ""
    superlative = _IS_EXTREME.fullmatch(wording.text)
    if superlative:
        return _is_extreme(wording, superlative)
    rest = match["rest"]
    for split in _LIMIT_NEXT.finditer(rest):
        said, limit = rest[: split.start()], rest[split.start() :]
        subject = quantity(wording, said)
        if re.fullmatch(rf"{MARK} ", without_verbs(said)):
            # "Was 2017 higher than 2016?" compares years with one another.
            limit = limit.replace("⟨m", "⟨c").replace("⟨t", "⟨s")
        wanted = condition(wording, without_verbs(limit))
        if subject is None or wanted is None:
            continue
        for _, _, quantities in wanted.limits:
            for other in quantities:
                subject, _ = shared(subject, other)
        value = value_of(wording, subject)
        among = Scope() if subject.kind == "entry" else subject.scope
        if value is not None:
            so = holds(wording, wanted, value, there=subject.scope, among=among)
            return "" if so is None else ("yes" if so else "no")
    return ""


def _is_extreme(wording: Wording, match: re.Match[str]) -> str:
    """Whether a named entry is the highest or lowest of those beside it."""
    scope, _ = scoped(wording, match["where"])
    subject = _entry(wording, match["marks"], scope)
    value = value_of(wording, subject) if subject else None
    high = match["high"] is not None
    extreme = value_of(wording, Quantity("extreme", scope, place_of(match), high))
    if value is None or extreme is None:
        return ""
    return "yes" if value == extreme else "no"


def of_two(wording: Wording) -> str:
    """Which of two named entries is higher or lower."""
    for pattern in _OF_TWO:
        match = pattern.fullmatch(wording.text)
        noun = match.groupdict().get("noun") if match else None
        if match is None or (noun and is_known(noun) and not re.fullmatch(_NAMES, noun)):
            continue
        first = quantity(wording, match["a"] + match.groupdict().get("where", ""))
        second = quantity(wording, match["b"])
        if first is None or second is None or {first.kind, second.kind} != {"entry"}:
            continue
        a, b = shared(first, second)
        one, other = value_of(wording, a), value_of(wording, b)
        if one is None or other is None or a.scope == b.scope:
            continue
        if one == other:
            return "neither"
        names_a, names_b = a.scope.categories, b.scope.categories
        if names_a == names_b:
            names_a, names_b = a.scope.series, b.scope.series
        higher = (one > other) == bool(match["more"])
        return label_of((names_a if higher else names_b)[0])
    return ""


def _entry(wording: Wording, text: str, scope: Scope) -> Quantity | None:
    """The entries that are named in a text and in the scope that was around it."""
    found = quantity(wording, text)
    if found is None or found.kind != "entry" or found.scope.overlaps(scope):
        return None
    return replace(found, scope=found.scope.within(scope))


def _apart(wording: Wording, first: str, second: str) -> float | None:
    """By how much a first quantity is more than a second."""
    a, b = quantity(wording, first), quantity(wording, second)
    if a is None or b is None:
        return None
    a, b = shared(a, b)
    one, other = value_of(wording, a), value_of(wording, b)
    return None if one is None or other is None else one - other
