"""Numbers as they are printed on charts: "1,200", "−3.5", "45 %", "€ 1.2M", "34 kg", "10³".

Some may mean two things: "1.200" is a little more than one, or more than a thousand; "10 m" are
metres, or thousandths. What else stands on the axis tells: see `notations` and `leaning`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SCALES = {
    "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "B": 1e9, "G": 1e9, "bn": 1e9, "T": 1e12,
    "mn": 1e6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9,
}  # fmt: skip
_SCALE_WORDS = {
    "tsd": 1e3, "thousand": 1e3, "mio": 1e6, "mln": 1e6, "million": 1e6, "mrd": 1e9,
    "billion": 1e9,
}  # fmt: skip
_CURRENCY = r"US\$|[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK"
_UNITS = frozenset({
    "mg", "g", "kg", "t", "kt", "Mt", "lb", "oz", "nm", "µm", "μm", "mm", "cm", "km", "mi", "ft",
    "ml", "cl", "hl", "ns", "µs", "μs", "ms", "s", "sec", "min", "h", "hr", "hrs", "Wh", "kWh",
    "MWh", "GWh", "TWh", "mW", "kW", "MW", "GW", "mV", "kV", "mA", "Hz", "kHz", "MHz", "GHz", "Pa",
    "hPa", "kPa", "MPa", "bar", "mbar", "psi", "kJ", "MJ", "kN", "kcal", "cal", "dB", "ppm", "ppb",
    "km/h", "mph", "m/s", "rpm", "fps", "kbps", "Mbps", "Gbps", "kB", "KB", "MB", "GB", "TB", "PB",
    "KiB", "MiB", "GiB", "km2", "m2", "m3", "ha", "W", "V", "A", "J", "N", "L", "l", "Ω",
})  # fmt: skip
_UNITS_BY_NAME = {
    unit.lower(): unit
    for unit in _UNITS
    if len(unit) > 1 and sum(unit.lower() == other.lower() for other in _UNITS) == 1
}
"""Units that are told whatever letters of theirs are read as capitals."""

_NUMBER = re.compile(
    rf"^(?P<sign>[-+~(]?)(?:(?P<before>{_CURRENCY})\s*)?(?P<sign2>-?)"
    r"(?P<digits>\d[\d.,' ]*|\.\d+)(?P<exp>[eE][-+]?\d{1,3})?(?P<tail>.*?)\)?$"
)
_TAIL = re.compile(
    r"(?:(?P<scale>k|K|M|m|bn|B|G|T|mn|n|µ|μ)|"
    rf"(?P<word>{'|'.join(_SCALE_WORDS)})\.?)?\s*(?P<unit>%|{_CURRENCY}|°C|°F|°)?",
)
_SCALE_WORD = re.compile(rf"\b(?:{'|'.join(_SCALE_WORDS)})\b", re.IGNORECASE)
_POWER = re.compile(r"^10\s*\^?\s*(?P<exponent>-?\d{1,2})$")
_TIMES_POWER = re.compile(
    r"^(?P<factor>\d(?:\.\d)?)\s*[×x*X]\s*10\s*\^?\s*(?P<exponent>-?\d{1,2})$"
)
_SLIPS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1", "S": "5"})

_LIKE = str.maketrans("，％。º", ",%.°")
_LETTER_ONE = re.compile(r"^[lI|](?=[eE][-+−]?\d)")
"""The 1 of "1e6", which is often read as a letter."""
_OPEN = re.compile(r"[1-9]\d{0,2}(?P<mark>[.,])\d{3}")
"""Digits whose one mark may part thousands or begin decimals; after a 0 it does the latter."""
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3}")
"""Whole thousands, or lakhs, with marks between them."""
_SPACED = re.compile(r"\d{1,3}(?:([ '])\d{3})(?:\1\d{3})*(?:[.,]\d*)?")


@dataclass(frozen=True)
class Number:
    """A printed number.

    Attributes:
        value: what it is worth.
        unit: "%", "$", "kg" and the like; "" for none.
        digits: significant decimals behind the point.
    """

    value: float
    unit: str = ""
    digits: int = 0


@dataclass(frozen=True)
class Notation:
    """How what may mean two things is meant.

    Attributes:
        decimal: the mark before decimals, "." or ","; the other one parts thousands.
        milli: whether an "m" behind a number makes it thousandths; a unit otherwise.
    """

    decimal: str = "."
    milli: bool = False


USUAL = Notation()


def parse_number(text: str, notation: Notation = USUAL) -> Number | None:
    """The number that a text is, as a whole; None where it is none."""
    matched = _matched(text)
    if matched is None:
        return None
    match, factor, unit = matched
    digits = _decimal(match["digits"].strip().rstrip(".,'"), notation.decimal)
    if digits is None:
        return None
    if notation.milli and unit == "m":
        factor, unit = _SCALES["m"], ""
    value = float(digits + (match["exp"] or "")) * factor
    if match["sign"] in ("-", "(") or match["sign2"] == "-":
        value = -value
    decimals = len(digits.split(".")[1]) if "." in digits else 0
    return Number(value + 0.0, unit, decimals)  # 0.0 makes a -0 a 0


def notations(texts: Iterable[str]) -> list[Notation]:
    """The notations that give the numbers of a group different values, the usual one first."""
    numbers = list(texts)
    marks = any(_OPEN.fullmatch(_digits(text)) for text in numbers)
    metres = any((n := parse_number(text)) is not None and n.unit == "m" for text in numbers)
    return [
        Notation(decimal, milli)
        for milli in ((False, True) if metres else (False,))
        for decimal in (".,"[: 1 + marks])
    ]


def leaning(texts: Sequence[str], around: Sequence[str] = ()) -> str:
    """The mark before decimals that a group of numbers speaks for; "" if it speaks for none.

    "0.5" and "1.234.567" tell; so do "500" and "0" beside "1.000": they would have as many
    decimals. Where the group does not tell, the other numbers of the chart may.
    """
    digits = [_digits(text) for text in texts]
    votes = Counter(_decimal_mark(d) for d in digits)
    parting = {found["mark"] for d in digits if (found := _OPEN.fullmatch(d))}
    if len(parting) == 1:
        votes["." if parting == {","} else ","] += sum(d.isdigit() and len(d) < 4 for d in digits)
    if parting == {","} and _never_needed(digits):
        votes["."] += sum(_OPEN.fullmatch(d) is not None for d in digits)
    if votes["."] == votes[","]:
        return leaning([t for t in around if not _OPEN.fullmatch(_digits(t))]) if around else ""
    return "." if votes["."] > votes[","] else ","


def _never_needed(digits: Sequence[str]) -> bool:
    """Whether all of several numbers have three digits behind a mark, of which the last is 0.

    Behind a comma such are no decimals.
    """
    behind = [d for d in digits if _OPEN.fullmatch(d)]
    return len(behind) > 1 and all(d.endswith("0") for d in behind)


def doubt(texts: Sequence[str], around: Sequence[str] = ()) -> str:
    """What is open of a group of numbers in the usual notation, in words; "" if nothing is."""
    found = [_OPEN.fullmatch(_digits(text)) for text in texts]
    marks = {match["mark"] for match in found if match}
    if not texts or None in found or len(marks) != 1 or leaning(texts, around):
        return ""
    number = parse_number(texts[0])
    return (
        f'whether the "{marks.pop()}" of "{texts[0]}" begins decimals or parts thousands: '
        f"it was read as {number.value if number else 0.0:g}"
    )


def power_of_ten(text: str) -> float | None:
    """10 to the power that is printed high beside a 10, which reads "10³" or "103"."""
    plain = _plain(text)
    times = _TIMES_POWER.match(plain.replace("°", "0"))
    if times:
        return float(times["factor"]) * 10.0 ** int(times["exponent"])
    match = _POWER.match(plain)
    if match is None and re.fullmatch(r"10[°oO]", plain):
        return 1.0
    return 10.0 ** int(match["exponent"]) if match else None


def offset_factor(text: str) -> float | None:
    """What a text such as "1e6" or "×10⁶" at an axis' end multiplies its labels by."""
    plain = _plain(text).replace("×", "x").replace("X", "x").replace(" ", "")
    match = re.fullmatch(r"(?:1e|x?1?0?\*?10\^?|x10)(?P<exponent>[-+]?\d{1,2})", plain)
    if match is None or (not plain.lower().startswith(("1e", "x"))):
        return None
    return 10.0 ** int(match["exponent"])


def offset_shift(text: str) -> float | None:
    """What a text such as "+2e3" at an axis' end adds to its labels."""
    match = re.fullmatch(r"([+-]\d+(?:\.\d+)?e[+-]?\d{1,2})", _plain(text).replace(" ", ""))
    return float(match[1]) if match else None


def _plain(text: str) -> str:
    text = _LETTER_ONE.sub("1", text.strip().translate(_SUPERSCRIPTS))
    return re.sub(r"[−–—]", "-", text).translate(_LIKE)


def _matched(text: str) -> tuple[re.Match[str], float, str] | None:
    """A number's parts, and the factor and unit that stand behind it."""
    plain = _plain(text)
    options = [plain]
    digits = sum(c.isdigit() for c in plain)
    if 2 * digits >= len(plain) and len(plain) <= 8:
        options.append(plain.translate(_SLIPS))
    for option in options:
        match = _NUMBER.match(option)
        behind = _behind(match) if match else None
        if match is not None and behind is not None:
            return match, *behind
    return None


def _digits(text: str) -> str:
    """The digits of a number with the marks between them; "" of what is no number."""
    matched = _matched(text)
    return matched[0]["digits"].strip().rstrip(".,'") if matched else ""


def _behind(match: re.Match[str]) -> tuple[float, str] | None:
    """The factor and the unit that stand behind a number; None where something else does."""
    tail, money = match["tail"].strip(), match["before"] or ""
    if not money and tail == "m":
        return 1.0, tail
    if not money and (unit := _unit(tail, spaced=match["digits"].endswith(" "))):
        return 1.0, unit
    found = _TAIL.fullmatch(_SCALE_WORD.sub(lambda word: word[0].lower(), tail))
    if found is None:
        return None
    unit = found["unit"] or money
    if found["scale"] == "m":
        return (1e6, unit) if re.fullmatch(_CURRENCY, unit) else None
    return _SCALES.get(found["scale"], 1.0) * _SCALE_WORDS.get(found["word"], 1.0), unit


def _unit(tail: str, *, spaced: bool) -> str:
    """The unit that a word is; "" for none. Capitals close behind a number are rather names."""
    if tail in _UNITS:
        return tail if spaced or len(tail) > 1 or tail in "gths" else ""
    return _UNITS_BY_NAME.get(tail.lower(), "")


def _decimal_mark(digits: str) -> str:
    """The mark that begins decimals, or would, as the other one parts thousands; "" if unknown."""
    marks = [c for c in digits if c in ".,"]
    if not marks or _OPEN.fullmatch(digits):
        return ""
    if len(marks) > 1 and len(set(marks)) == 1:
        return "." if marks[0] == "," else ","
    return marks[-1]


def _decimal(digits: str, decimal: str) -> str | None:
    """A point for the decimals and nothing for the thousands; None if neither reading fits."""
    if _SPACED.fullmatch(digits):
        digits = re.sub("[ ']", "", digits)
    if " " in digits or "'" in digits:
        return None
    whole, _, rest = digits.partition(_decimal_mark(digits) or decimal)
    if (rest and not rest.isdigit()) or not (
        _GROUPED.fullmatch(whole) or not re.search("[.,]", whole)
    ):
        return None
    whole = re.sub("[.,]", "", whole) or "0"
    return f"{whole}.{rest}" if rest else whole
