"""Absence as vision-language models write it: that nothing is there, or not what was asked for."""

import re
from collections.abc import Sequence
from typing import Any

from .written import WrittenBox, says_nothing, without_thoughts
from .written_json import read_values

_ABSENT = re.compile(
    r"^(?:no|none|nothing)\b|\bthere(?: is|['’]s| are) (?:no|not)\b|\bno (?:such|sign)\b"
    r"|(?:\bnot|n['’]t) (?:any|appear|contain|depicted|detect(?:ed)?|find|found|have|here|in"
    r"|include|present|see|seen|show|shown|there|visible)\b",
    re.IGNORECASE,
)
_UNABLE = r"(?:\b(?:cannot|can not|could not|unable to|not able to)|n['’]t) "
_UNFOUND = re.compile(rf"{_UNABLE}(?:detect|find|identify|locate|see|spot)\b", re.IGNORECASE)
_BLIND = re.compile(
    rf"{_UNABLE}(?:access|open|process|see|view) (?:an?|any|the|this|that|your)"
    r" (?:image|photo|picture)\b",
    re.IGNORECASE,
)
_FILLERS = {"a", "an", "and", "in", "is", "of", "on", "or", "that", "the", "this", "to", "with"}
_SURENESS = ("score", "confidence")


def says_absent(text: str) -> bool:
    """Whether a model says that there is nothing: by an empty list that is whole, or in words.

    A box of zeros or negative numbers is nothing too. A refusal says nothing of the kind, be there
    an empty list behind it.
    """
    values = read_values(text)
    if values:
        return all(one.whole and _is_empty(one.value) for one in values) and not _refuses(text)
    return not says_nothing(text) and _ABSENT.search(without_thoughts(text)) is not None


def of_phrase(boxes: Sequence[WrittenBox], phrase: str = "") -> list[WrittenBox]:
    """Of the boxes that a model wrote, those of what a phrase names; of what there is without one.

    A box that is called "not found", or "no red cup", is none. Where some are called by words of
    the phrase, those that share none with it are other things; where none is, the model has words
    of its own for what it was asked for.
    """
    there = [
        box for box in boxes if not _ABSENT.search(box.label) or box.label.lower() in phrase.lower()
    ]
    wanted = _words(phrase)
    if not any(wanted & _words(box.label) for box in there):
        return there
    return [box for box in there if not box.label or wanted & _words(box.label)]


def _words(text: str) -> set[str]:
    """The words that tell things apart, in the singular."""
    words = re.findall(r"[^\W_]+", text.lower())
    return {word.removesuffix("s") for word in words if word not in _FILLERS}


def _refuses(text: str) -> bool:
    """Whether the words around a list tell that the model sees no image, or will not look at it.

    That it sees no cup is no refusal.
    """
    words = without_thoughts(text)
    missing = _ABSENT.search(words) or _UNFOUND.search(words)
    return _BLIND.search(words) is not None or (says_nothing(text) and not missing)


def _is_empty(value: Any) -> bool:
    """Whether a value has lists and nulls in it, and in these nothing; words tell of no place."""
    if isinstance(value, list):
        return all(_is_empty(item) for item in value)
    if isinstance(value, dict):
        items = [
            item
            for key, item in value.items()
            if not isinstance(item, str) and key not in _SURENESS
        ]
        return all(_is_empty(item) for item in items) and (bool(items) or not value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (number and value <= 0)
