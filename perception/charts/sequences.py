"""Labels that run on in a known order, months, days or whole numbers: slips in them put right."""

from collections.abc import Sequence
from difflib import SequenceMatcher

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
ISO_MONTH = r"(?P<year>(?:19|20)\d\d)(?P<mark>[-/.])(?P<month>0[1-9]|1[0-2])"
"""A pattern of "2021-04"."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDERS = (MONTHS, tuple(m[:3] for m in MONTHS), DAYS, tuple(d[:3] for d in DAYS))
_ALIKE = 0.45
"""What was read instead of a name has this much in common with it, 0..1."""
_LEAST_SHARE = 0.5


def put_right(labels: Sequence[str]) -> list[str]:
    """Labels with those that were misread replaced by what the order of the others demands.

    At least half of them, and two, must be members of one known order, in their places; what
    was read must resemble what takes its place, and be no member itself: an axis may well go
    from May to July, or leave a year out.
    """
    found = list(labels)
    for expected in _expected(labels):
        alike = [_likeness(a, b) for a, b in zip(labels, expected, strict=True)]
        right = sum(share == 1.0 for share in alike)
        if right >= max(2, _LEAST_SHARE * len(labels)) and right < len(labels):
            found = [
                want if share >= _ALIKE and not _is_member(said) else said
                for said, want, share in zip(labels, expected, alike, strict=True)
            ]
            break
    return found


def is_name(word: str) -> bool:
    """Whether it is the name of a month or a day in full."""
    return word.strip().capitalize() in (*MONTHS, *DAYS)


def _expected(labels: Sequence[str]) -> list[list[str]]:
    """How the labels would run in each order that one of them belongs to."""
    found: list[list[str]] = []
    for k, label in enumerate(labels):
        for order in _ORDERS:
            if label in order:
                start = order.index(label) - k
                found.append([order[(start + i) % len(order)] for i in range(len(labels))])
        for step in (1, -1):
            if label.isdigit() and len(label) == 4:
                found.append([str(int(label) + step * (i - k)) for i in range(len(labels))])
    return found


def _is_member(label: str) -> bool:
    is_year = label.isdigit() and len(label) == 4
    return is_year or any(label in order for order in _ORDERS)


def _likeness(said: str, expected: str) -> float:
    if said == expected:
        return 1.0
    return min(0.99, SequenceMatcher(None, said.lower(), expected.lower()).ratio())
