"""Months along an axis of which only some have labels."""

import re
from collections.abc import Sequence
from datetime import date

import numpy as np

from .categories import Label
from .curves import Curve
from .sequences import ISO_MONTH, MONTHS

_ISO = re.compile(ISO_MONTH)
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAMED = re.compile(r"(?P<name>[A-Za-z]{3,9})\.?(?: (?P<year>(?:19|20)\d\d))?")
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
    before, after = (max(int(gap / (28 * slope)) + 1, 0) for gap in (at[0] - low, high - at[-1]))
    every = range(months[0] - before, months[-1] + after + 1)
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
    told = [_told(text) for text in texts]
    if sum(not _YEAR.fullmatch(text) for text in texts) < 2 or any(one is None for one in told):
        return None
    known = [one for one in told if one is not None]
    anchor = next((k for k, (year, _) in enumerate(known) if year is not None), 0)
    found = [0] * len(known)
    found[anchor] = 12 * (known[anchor][0] or _SOME_YEAR) + known[anchor][1]
    for k in range(anchor + 1, len(known)):
        (year, place), after = known[k], found[k - 1] + 1
        found[k] = 12 * year + place if year is not None else after + (place - after) % 12
    for k in range(anchor - 1, -1, -1):
        before = found[k + 1] - 1
        found[k] = before - (before - known[k][1]) % 12
    return found


def _told(text: str) -> tuple[int | None, int] | None:
    """The year, if a label has one, and the month from 0 that it says; None if it says none."""
    iso, named = _ISO.fullmatch(text), _NAMED.fullmatch(text)
    if iso:
        return int(iso["year"]), int(iso["month"]) - 1
    if _YEAR.fullmatch(text):
        return int(text), 0
    said = named["name"].title() if named else ""
    for place, name in enumerate(MONTHS):
        if named and said in (name, name[:3]):
            return (int(named["year"]) if named["year"] else None), place
    return None


def _first(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _said(month: int, style: str) -> str:
    """A month as it would be labelled in the style of another."""
    year, place = divmod(month, 12)
    iso, named = _ISO.fullmatch(style), _NAMED.fullmatch(style)
    if iso:
        return f"{year}{iso['mark']}{place + 1:02d}"
    name = MONTHS[place][:3] if named and len(named["name"]) == 3 else MONTHS[place]
    return f"{name} {year}" if named and named["year"] else name
