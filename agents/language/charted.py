"""Charted: what a sentence takes from a chart: a colour or a kind of thing, a number, a truth.

"The bowl whose colour has the tallest bar", "as many blocks as the chart shows for March", "if the
chart shows more for March than for May": each such phrase is looked up in the chart that was read,
and a mark stands in its place, which the grammar then reads as the colour, the kind, the number or
the truth that it is. Nothing else that is written on a chart gets into a sentence, so that a chart
can give no instructions.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handeye.perception.charts.chart import Chart

from .consulting import UnreadError, as_text, compare, entry_for, extreme_of, whole
from .words import Wordings, lexicon

_CHART = r"(?:(?:the|this|that|a|your|our) )?(?:(?:bar|line|pie|column) )?(?:chart|graph|diagram)"
_BOARD = r"(?:the|this|that) (?:board|sheet|picture|poster|paper|wall)"
_ITS = rf"(?:{_CHART}|{_BOARD})"
_IN_IT = rf"(?:in|on|of|from|according to|by) {_ITS}"
_IN = rf"(?: {_IN_IT})*"
_SHOWS = (
    r"(?:shows?|says?|has|have|gives?|counts?|lists?|tells?|reads?|indicates?|displays?|reports?|states?"
    r"|records?)"
)
_SHOWN = r"(?:shown|given|indicated|listed|displayed|counted|recorded|stated)"
_FOR = r"(?:for|in|under|at|of)"
_BAR = r"(?:bar|column|slice|sector|value|entry)"
_MOST = r"highest|tallest|largest|biggest|longest|greatest|most"
_LEAST = r"lowest|shortest|smallest|least|fewest"
_EXTREME = rf"(?:(?P<rank>second|third)[ -])?(?P<extreme>{_MOST}|{_LEAST})"
_HEAD = (
    r"(?:(?:(?:the|a|an|any|whichever) )?(?P<head>thing|object|item|whatever|whichever|what)"
    r"(?: is)? )?"
)
_HAVING = r"(?:with|that has|which has|having|has)"
_COLOR = r"(?:colou?r|kind|name|label)"
_NUMBERS = {
    word: n
    for n, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
}
_N = rf"(?P<n>\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})"
_WAYS = {
    "more": r"more|(?:a )?(?:higher|taller|larger|bigger|longer|greater)(?: value| bar| number)?",
    "fewer": r"less|fewer|(?:a )?(?:lower|shorter|smaller)(?: value| bar| number)?",
}
_WAY = rf"(?:(?P<more>{_WAYS['more']})|(?P<fewer>{_WAYS['fewer']}))"
_LIMIT = (
    r"(?:(?P<least>at least)|(?P<most>at most)|(?P<over>above|over|(?:more|higher|larger|taller) "
    r"than)|(?P<below>below|under|(?:less|fewer|lower|smaller|shorter) than)|exactly|equal to)"
)
_MENTIONED = re.compile(rf"\b(?:{_CHART})\b|\b(?:{_MOST}|{_LEAST}) (?:bar|column|slice|sector)\b")
_ASKING = re.compile(r"(?:please )?(?:which|what|how|is|are|was|does|do|did|tell me)\b")
_MOST_PHRASES = 8


@dataclass(frozen=True)
class Charted:
    """A sentence with marks in the place of what it takes from a chart.

    Attributes:
        text: the sentence.
        words: what each mark means, in the grammar's terms.
        said: what was looked up, with what was found.
    """

    text: str
    words: Wordings
    said: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What a phrase comes to: a term, the words around its mark, and how it was read."""

    term: str
    words: str
    said: str
    end: int


_Look = Callable[[re.Match[str], Chart, Sequence[str]], _Found]


def speaks_of_chart(text: str) -> bool:
    """Whether a chart must be read before a sentence can be understood."""
    plain = _plain(text)
    if any(pattern.search(plain) for pattern, _ in _PHRASES) or _VALUE_OF.search(plain):
        return True
    return bool(_ASKING.match(plain) and _MENTIONED.search(plain))


def answered(text: str, chart: Chart, answers: Sequence[str] = ()) -> tuple[str, str] | None:
    """The answer to a question about the chart itself and how it was read; None for others.

    Raises UnreadError where the chart does not tell.
    """
    plain = _plain(text)
    value = _VALUE_OF.match(plain)
    if value:
        entry, used = entry_for(chart, value["tail"], answers)
        if re.fullmatch(_IN, value["tail"][used:]):
            return as_text(entry.value), entry.words()
    if not _ASKING.match(plain):
        return None
    if _ABOUT_BARS.match(plain):
        found = re.search(rf"\b{_EXTREME}\b", plain)
        if found and not re.search(r"\b(?:value|number|much|many|high|tall)\b", plain):
            entry = extreme_of(chart, *_rank(found), answers)
            return entry.label, entry.words()
    truth = _marked(re.sub(r"^(?:is|does|do|did) ", "", plain), chart, answers)
    if truth.words and truth.text.strip() == _mark(1):
        return next(iter(truth.words.values())).removeprefix("FACT_"), truth.said[0]
    if truth.words:
        return None
    said = chart.ask(re.sub(_IN, "", plain))
    return (said, f"asked of the chart: {said}") if said else None


def charted(text: str, chart: Chart, answers: Sequence[str] = ()) -> Charted:
    """A sentence with what its phrases about the chart come to.

    Args:
        text: as it was said.
        chart: as it was read.
        answers: what the user said to questions so far, the latest last.

    Raises UnreadError where the chart does not tell what is wanted of it.
    """
    return _marked(_plain(text), chart, answers)


def _marked(plain: str, chart: Chart, answers: Sequence[str]) -> Charted:
    words: dict[tuple[str, ...], str] = {}
    said: list[str] = []
    for pattern, look in _PHRASES:
        while len(said) < _MOST_PHRASES and (match := pattern.search(plain)):
            found = look(match, chart, answers)
            mark = _mark(len(said) + 1)
            words[(mark,)] = found.term
            said.append(found.said)
            rest = re.sub(rf"^{_IN}", "", plain[found.end :])
            plain = plain[: match.start()] + found.words.format(mark) + rest
    return Charted(plain, words, tuple(said))


def _which(match: re.Match[str], chart: Chart, answers: Sequence[str]) -> _Found:
    """A colour, or a kind of thing: that of the tallest bar, or the lowest."""
    entry = extreme_of(chart, *_rank(match), answers)
    term = lexicon("en").wordings.get(tuple(entry.label.lower().split()), "")
    if term.startswith("COLOR_"):
        head = "the thing " if match["head"] else ""
        return _Found(term, head + "that is {}", entry.words(), match.end())
    if term.startswith(("CAT_", "CATS_")) and match["head"]:
        kind = f"CAT_{term.split('_', 1)[1]}"
        return _Found(kind, "the {}", entry.words(), match.end())
    wanted = "no kind of thing that I know" if match["head"] else "no colour"
    raise UnreadError(
        f'{entry.words()}; "{entry.label}" is {wanted}, so it does not say what is meant'
    )


def _number(match: re.Match[str], chart: Chart, answers: Sequence[str]) -> _Found:
    """How many: of a category that is named, or of the tallest bar."""
    if match.groupdict().get("extreme"):
        entry, end = extreme_of(chart, *_rank(match), answers), match.end()
    elif match.groupdict().get("label"):
        (entry, _), end = entry_for(chart, match["label"], answers), match.end()
    else:
        entry, used = entry_for(chart, match["tail"], answers)
        end = match.start("tail") + used
        shown = re.match(rf" (?:{_SHOWS}|is high|is tall|is)(?=$|[ ,.;])", match.string[end:])
        end += shown.end() if shown else 0
    noun = match["noun"].replace("{", "").replace("}", "")
    return _Found(f"NUMBER_{whole(entry)}", "{} " + noun, entry.words(), end)


def _more(match: re.Match[str], chart: Chart, answers: Sequence[str]) -> _Found:
    """Whether there is more for one category than for another."""
    first, _ = entry_for(chart, match["first"], ())
    second, used = entry_for(chart, match["tail"], answers)
    so = compare(chart, first, second) == (1 if match["more"] else -1)
    return _fact(match, so, f"{first.words()}; {second.words()}", match.start("tail") + used)


def _limit(match: re.Match[str], chart: Chart, answers: Sequence[str]) -> _Found:
    """Whether there is more or less for a category than a number."""
    entry, used = entry_for(chart, match["tail"], answers)
    number = float(_NUMBERS.get(match["n"], match["n"]))
    value = entry.value
    so = value == number
    for name, holds in (
        ("least", value >= number),
        ("most", value <= number),
        ("over", value > number),
        ("below", value < number),
    ):
        if match[name]:
            so = holds
    last = match.end() if match.end("n") == match.end() else match.start("tail") + used
    return _fact(match, so, entry.words(), last)


def _fact(match: re.Match[str], so: bool, said: str, end: int) -> _Found:
    so = so != bool(match.groupdict().get("no"))
    return _Found("FACT_yes" if so else "FACT_no", "{}", said, end)


def _rank(match: re.Match[str]) -> tuple[int, bool]:
    """(place from the top or bottom, whether from the top)."""
    place = {"second": 2, "third": 3}.get(match.groupdict().get("rank") or "", 1)
    return place, re.fullmatch(_MOST, match["extreme"]) is not None


def _mark(number: int) -> str:
    return f"reading_{number}"


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    plain = " ".join(re.sub(r"[\"“”‘]", "", plain).split()).rstrip(" .!?")
    return _without_opening(plain.replace("what's ", "what is "))


def _without_opening(plain: str) -> str:
    """ "Look at the chart and …": what is looked up says that it must be read."""
    opening = _OPENING.match(plain)
    if opening:
        rest = re.sub(rf"\bit (?={_SHOWS}\b)", "the chart ", plain[opening.end() :])
        plain = rest if any(pattern.search(rest) for pattern, _ in _PHRASES) else plain
    late = _LATE.match(plain)
    return f"{late[2]} for {late[1]}" if late else plain


_NO = r"(?P<no>(?:does not|doesn't|did not|didn't) )?"
_TAIL = r"(?P<tail>.+)"
_AS_MANY = r"as many (?P<noun>[^,.;]+?) as"
_THAN = rf"than (?:the (?:{_BAR}|one) |that )?(?:{_FOR} )?{_TAIL}"
_IF = r"(?:(?<=if )|(?<=unless )|(?<=when ))"
_FACTS = (
    (rf"(?:the|{_ITS}'s) {_BAR}{_IN} {_FOR} (?P<tail>.+?) is {_LIMIT} {_N}\b", _limit),
    (
        rf"{_IF}(?P<first>[^,]+?) (?:is|was|has|shows) {_WAY} than (?:for )?"
        rf"(?=[^,]* {_IN_IT}){_TAIL}",
        _more,
    ),
    (
        rf"there (?:is|are|was|were) {_WAY}(?: \w+)? {_FOR} (?P<first>.+?) "
        rf"(?=[^,]* {_IN_IT}){_THAN}",
        _more,
    ),
    (rf"{_ITS} {_NO}{_SHOWS} {_WAY}(?: \w+)? {_FOR} (?P<first>.+?) {_THAN}", _more),
    (rf"the {_BAR} {_FOR} (?P<first>.+?) (?:is )?{_WAY} {_THAN}", _more),
    (rf"{_ITS} {_NO}{_SHOWS} (?:{_LIMIT} )?{_N}(?: \w+)? {_FOR} {_TAIL}", _limit),
    (rf"the {_BAR} {_FOR} (?P<tail>.+?) is (?:{_LIMIT} )?{_N}\b", _limit),
)
_COUNTS = (
    (rf"{_AS_MANY} {_ITS} {_SHOWS} {_FOR} {_TAIL}", _number),
    (rf"{_AS_MANY} (?:there are |shown )?{_IN_IT} {_FOR} {_TAIL}", _number),
    (rf"{_AS_MANY} the {_EXTREME} {_BAR}{_IN}(?: {_SHOWS}\b)?", _number),
    (rf"{_AS_MANY} the {_BAR}{_IN} {_FOR} {_TAIL}", _number),
    (
        rf"{_AS_MANY} (?:the )?(?P<label>\w+)(?:'s)? {_BAR}{_IN}(?: {_SHOWS}\b| is high\b)?",
        _number,
    ),
    (rf"{_AS_MANY} (?P<label>\w+) (?:{_SHOWS}|is) {_IN_IT}", _number),
    (
        rf"the number of (?P<noun>[^,.;]+?)(?: that (?:is|are))? {_SHOWN}{_IN} {_FOR} {_TAIL}",
        _number,
    ),
    (rf"the number of (?P<noun>[^,.;]+?)(?: that| which)? {_ITS} {_SHOWS} {_FOR} {_TAIL}", _number),
)
_NAMES = (
    (rf"{_HEAD}whose {_COLOR} (?:has|is|shows) (?:the )?{_EXTREME}(?: {_BAR})?\b", _which),
    (
        rf"{_HEAD}(?:that has|which has|of|in|with) the (?:same )?{_COLOR} (?:of|as) "
        rf"the {_EXTREME} {_BAR}\b",
        _which,
    ),
    (rf"{_HEAD}(?:that|which) (?:scores|ranks|is) (?:the )?{_EXTREME} {_IN_IT}", _which),
    (
        rf"{_HEAD}(?:of|in|with) the (?P<extreme>most|least) (?:popular|common|frequent|liked) "
        rf"{_COLOR} {_IN_IT}",
        _which,
    ),
    (rf"{_HEAD}(?:of|in|with) the {_COLOR} (?:of|{_HAVING}) the {_EXTREME} {_BAR}\b", _which),
    (rf"{_HEAD}{_HAVING} the {_EXTREME} {_BAR}\b", _which),
    (rf"{_HEAD}whose {_BAR}{_IN} is (?:the )?{_EXTREME}\b", _which),
    (
        rf"{_HEAD}(?:(?:of|in) the {_COLOR} )?(?:that |which |of which )?{_ITS} {_SHOWS} "
        rf"(?:the )?{_EXTREME}(?: {_BAR})?(?: (?:of|for))?\b",
        _which,
    ),
)
_PHRASES: tuple[tuple[re.Pattern[str], _Look], ...] = tuple(
    (re.compile(rf"\b{pattern}"), look) for pattern, look in (*_FACTS, *_COUNTS, *_NAMES)
)
"""What each kind of phrase looks like, and how it is looked up; truths first, for they are longer
and hold the words of the others."""
_OPENING = re.compile(
    rf"(?:please )?(?:(?:(?:have a )?look at|read|check|consult|see|study) {_ITS}(?: first)?"
    rf"(?: and then| and|,? then|[,.:])"
    rf"|{_IN_IT},?) "
)
_LATE = re.compile(rf"for ([^,]+), (.* as {_ITS} {_SHOWS})$")
_VALUE_OF = re.compile(
    rf"(?:please )?(?:tell me )?(?:(?:how (?:many|much)(?: \w+){{0,3}}|what(?: number| value)?) "
    rf"(?:does|do|did) {_ITS} {_SHOWS}"
    rf"|what is the (?:value{_IN}|number(?: {_IN_IT})+|number(?= for))"
    rf"|how (?:high|tall|long|big) is the {_BAR}{_IN}) {_FOR} {_TAIL}"
)
_ABOUT_BARS = re.compile(r"(?:please )?(?:tell me )?(?:which|what) \w+ (?:has|is|was|shows|had)\b")
