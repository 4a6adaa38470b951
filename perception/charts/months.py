"""Months along an axis of which only some have labels."""

import re
from collections.abc import Sequence
from datetime import date

import numpy as np

from .categories import Label
from .curves import Curve

_ISO = re.compile(r"((?:19|20)\d\d)([-/.])(0[1-9]|1[0-2])")
_NAMED = re.compile(r"([A-Za-z]{3,9})\.?(?: ((?:19|20)\d\d))?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SOME_YEAR = 2001
"""For months without one."""
_LEAST = 3
_OFF_PX, _BESIDE_PX = 2.5, 3.5
"""How far labels may be from where their months are, and points from theirs."""
_MOST, _MET = 0.85, 0.5
"""Share of the points that stand at a month, and of the months that have one, at least."""
_INFERRED = 0.9


def with_months_between(labels: list[Label], curves: Sequence[Curve]) -> list[Label]:
    """Labels for every month, where some months have one and points stand at those between.

    The same labels where they are no months, not evenly apart in days, or points stand elsewhere.
    """
    months = _months_of([label.text.strip() for label in labels])
    if months is None or len(months) < _LEAST or not curves:
        return labels
    days = np.array([_first(month).toordinal() for month in months], np.float64)
    at = np.array([label.at for label in labels])
    if np.any(np.diff(days) <= 0) or max(np.diff(months)) < 2:
        return labels
    slope, intercept = np.polyfit(days, at, 1)
    if slope <= 0 or np.abs(slope * days + intercept - at).max() > _OFF_PX:
        return labels
    low, high = min(float(c.x[0]) for c in curves), max(float(c.x[-1]) for c in curves)
    pitch = slope * 31
    beyond = [int((at[0] - low) / pitch) + 1, int((high - at[-1]) / pitch) + 1]
    every = range(months[0] - max(beyond[0], 0), months[-1] + max(beyond[1], 0) + 1)
    pixels = {month: slope * _first(month).toordinal() + intercept for month in every}
    pixels = {m: p for m, p in pixels.items() if low - 2 * _BESIDE_PX < p < high + 2 * _BESIDE_PX}
    points = np.array([v for curve in curves for v in curve.vertices])
    places = np.array(list(pixels.values()))
    if not len(points) or not len(places):
        return labels
    apart = np.abs(points[:, None] - places)
    near, met = apart.min(axis=1) < _BESIDE_PX, apart.min(axis=0) < _BESIDE_PX
    if near.mean() < _MOST or met.mean() < _MET:
        return labels
    own = dict(zip(months, labels, strict=True))
    score = min(label.score for label in labels) * _INFERRED
    style = next(label.text.strip() for label in labels if not _YEAR.fullmatch(label.text.strip()))
    if len(pixels) > 12 and not re.search(r"\d", style):
        return labels  # Two of them would be called alike.
    return [own.get(m) or Label(float(p), _said(m, style), score) for m, p in pixels.items()]


def _months_of(texts: list[str]) -> list[int] | None:
    """Months since the year 0 of "2021-04", "Apr 2021", or "April"; None if any is no month.

    A year among names of months stands for its January; without any year they are of some year.
    """
    exact = [_exact(text) for text in texts]
    places = [_place(text) for text in texts]
    if sum(place is not None for place in places) < 2 or any(
        e is None and p is None for e, p in zip(exact, places, strict=True)
    ):
        return None
    anchor = next((k for k, month in enumerate(exact) if month is not None), 0)
    found = {anchor: exact[anchor] or 12 * _SOME_YEAR + (places[anchor] or 0)}
    for k in range(anchor + 1, len(texts)):
        after = found[k - 1] + 1
        found[k] = exact[k] or after + ((places[k] or 0) - after) % 12
    for k in range(anchor - 1, -1, -1):
        before = found[k + 1] - 1
        found[k] = before - (before - (places[k] or 0)) % 12
    return [found[k] for k in range(len(texts))]


def _exact(text: str) -> int | None:
    """Months since the year 0 of a label with a year."""
    iso, named = _ISO.fullmatch(text), _NAMED.fullmatch(text)
    if iso:
        return 12 * int(iso[1]) + int(iso[3]) - 1
    place = _place(text)
    if named and named[2] and place is not None:
        return 12 * int(named[2]) + place
    return 12 * int(text) if _YEAR.fullmatch(text) else None


def _place(text: str) -> int | None:
    """Which month of the year, from 0, a label says."""
    iso, named = _ISO.fullmatch(text), _NAMED.fullmatch(text)
    if iso:
        return int(iso[3]) - 1
    said = named[1].title() if named else ""
    fits = [k for k, name in enumerate(_NAMES) if said in (name, name[:3])]
    return fits[0] if fits else None


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _said(month: int, style: str) -> str:
    """A month as it would be labelled in the style of another."""
    year, place = divmod(month, 12)
    iso, named = _ISO.fullmatch(style), _NAMED.fullmatch(style)
    if iso:
        return f"{year}{iso[2]}{place + 1:02d}"
    short = named is None or len(named[1]) == 3
    name = _NAMES[place][:3] if short else _NAMES[place]
    return f"{name} {year}" if named and named[2] else name
