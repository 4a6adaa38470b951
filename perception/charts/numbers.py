"""Numbers as they are printed on charts: "1,200", "−3.5", "45 %", "1.2M", "10³"."""

import re
from dataclasses import dataclass

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SCALES = {
    "k": 1e3, "K": 1e3, "M": 1e6, "m": 1e-3, "B": 1e9, "G": 1e9, "bn": 1e9, "T": 1e12,
    "mn": 1e6, "mio": 1e6, "µ": 1e-6, "μ": 1e-6,
}  # fmt: skip
_NUMBER = re.compile(
    r"^(?P<sign>[-+~(]?)(?P<unit>[$€£¥]?)(?P<sign2>-?)"
    r"(?P<digits>\d[\d.,' ]*|\.\d+)(?P<exp>[eE][-+]?\d{1,3})?"
    r"\s*(?P<scale>k|K|M|m|bn|B|G|T|mn|mio|µ|μ)?\s*(?P<after>%|[$€£¥]|°C|°F|°)?\)?$"
)
_POWER = re.compile(r"^10\s*\^?\s*(?P<exponent>-?\d{1,2})$")
_TIMES_POWER = re.compile(
    r"^(?P<factor>\d(?:\.\d)?)\s*[×x*X]\s*10\s*\^?\s*(?P<exponent>-?\d{1,2})$"
)
_SLIPS = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1", "S": "5"})

_LETTER_ONE = re.compile(r"^[lI|](?=[eE][-+−]?\d)")
"""The 1 of "1e6", which is often read as a letter."""


@dataclass(frozen=True)
class Number:
    """A printed number.

    Attributes:
        value: what it is worth.
        unit: "%", "$" and the like; "" for none.
        digits: significant decimals behind the point.
    """

    value: float
    unit: str = ""
    digits: int = 0


def parse_number(text: str) -> Number | None:
    """The number that a text is, as a whole; None where it is none."""
    plain = _plain(text)
    match = _NUMBER.match(plain)
    digits = sum(c.isdigit() for c in plain)
    if match is None and 2 * digits >= len(plain) and len(plain) <= 8:
        match = _NUMBER.match(plain.translate(_SLIPS))
    if match is None:
        return None
    plain_digits = _decimal(match["digits"])
    if plain_digits is None:
        return None
    value = float(plain_digits + (match["exp"] or ""))
    scale = match["scale"] or ""
    value *= _SCALES.get(scale, 1.0)
    if match["sign"] in ("-", "(") or match["sign2"] == "-":
        value = -value
    decimals = len(plain_digits.split(".")[1]) if "." in plain_digits else 0
    return Number(value, match["after"] or match["unit"] or "", decimals)


def power_of_ten(text: str) -> float | None:
    """10 to the power that is printed high beside a 10, which reads "10³" or "103"."""
    plain = _plain(text)
    times = _TIMES_POWER.match(plain.replace("°", "0"))
    if times:
        return float(times["factor"]) * 10.0 ** int(times["exponent"])
    match = _POWER.match(plain)
    if match is None and re.fullmatch(r"10[°oO]", text.strip()):
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
    return re.sub(r"[−–—]", "-", text).replace("，", ",").replace("％", "%").replace("。", ".")


def _decimal(digits: str) -> str | None:
    """A point for the decimals and nothing for the thousands; None if neither reading fits."""
    digits = digits.strip().rstrip(".,'").replace("'", ",")
    if " " in digits:
        return digits.replace(" ", "") if re.fullmatch(r"\d{1,3}( \d{3})+", digits) else None
    groups = re.fullmatch(r"\d{1,3}([.,]\d{3})+", digits)
    marks = {c for c in digits if c in ".,"}
    if len(marks) == 2:
        last = max(digits.rfind("."), digits.rfind(","))
        return re.sub(r"[.,]", "", digits[:last]) + "." + digits[last + 1 :]
    if not marks:
        return digits
    if "," in marks:
        if groups:
            return digits.replace(",", "")
        return digits.replace(",", ".") if digits.count(",") == 1 else None
    if digits.count(".") > 1:
        return digits.replace(".", "") if groups else None
    return digits if not digits.startswith(".") else f"0{digits}"
