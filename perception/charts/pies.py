"""Pies and donuts: a circle of coloured sectors."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..frame import Mask
from .ink import Canvas

_AS_LARGE = 0.6
"""Circles whose radius is at least this share of the largest one's are pies like it."""
FARTHEST = 1.7
"""A sector's name is within so many radii of the middle."""


@dataclass(frozen=True, eq=False)
class Sector:
    """A sector: its ink, its share of the circle, and its middle direction.

    Attributes:
        ink: place among the canvas' inks.
        share: 0..1.
        angle: of its middle, radians clockwise from straight up.
    """

    ink: int
    share: float
    angle: float


@dataclass(frozen=True, eq=False)
class Pie:
    """A pie: centre and radii in pixels; sectors clockwise from straight up.

    Attributes:
        others: how many further pies of about its size there are besides.
    """

    center: tuple[float, float]
    radius: float
    hole: float
    sectors: tuple[Sector, ...]
    others: int = 0


def find_pie(canvas: Canvas) -> Pie | None:
    """The largest circle of sectors; None where there is none."""
    import cv2

    whole = (canvas.drawn | canvas.text | canvas.guides).astype(np.uint8)
    closed = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    solid = cv2.morphologyEx(np.asarray(closed), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    contours, _ = cv2.findContours(np.asarray(solid), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    ordered = sorted(contours, key=cv2.contourArea, reverse=True)
    largest = _pie(canvas, ordered[0])
    if largest is None:
        return None
    least = _AS_LARGE**2 * cv2.contourArea(ordered[0])
    others = [_pie(canvas, c) for c in ordered[1:] if cv2.contourArea(c) >= least]
    return replace(largest, others=sum(pie is not None and len(pie.sectors) > 1 for pie in others))


def _pie(canvas: Canvas, contour: npt.NDArray[Any]) -> Pie | None:
    """The pie within a contour; None if it is no circle of sectors."""
    import cv2

    circle = _circle(contour[:, 0].astype(np.float64))
    if circle is None:
        return None
    cx, cy, radius = circle
    least = 0.12 * min(canvas.drawn.shape)
    if radius < least or cv2.contourArea(contour) < 0.45 * np.pi * radius**2:
        return None
    owner = _owners(canvas)
    hole = _hole(canvas, cx, cy, radius)
    sectors = _sectors(owner, canvas.text, (cx, cy), hole, radius)
    if not sectors or sum(s.share for s in sectors) < 0.9:
        return None
    return Pie((cx, cy), radius, hole, tuple(sectors))


def _circle(points: npt.NDArray[np.float64]) -> tuple[float, float, float] | None:
    """The circle through most of a contour (RANSAC); None if few of its points lie on one."""
    rng = np.random.default_rng(0)
    best, best_count = None, 0
    for _ in range(150):
        picked = points[rng.choice(len(points), 3, replace=False)]
        circle = _through(picked)
        if circle is None:
            continue
        off = np.abs(np.hypot(points[:, 0] - circle[0], points[:, 1] - circle[1]) - circle[2])
        count = int((off < 2.0).sum())
        if count > best_count:
            best, best_count = circle, count
    if best is None or best_count < 0.55 * len(points):
        return None
    off = np.abs(np.hypot(points[:, 0] - best[0], points[:, 1] - best[1]) - best[2])
    near = points[off < 2.0]
    design = np.column_stack([2 * near, np.ones(len(near))])
    a, b, c = np.linalg.lstsq(design, (near**2).sum(axis=1), rcond=None)[0]
    angles = np.unique((np.arctan2(near[:, 1] - b, near[:, 0] - a) * 18 / np.pi).astype(int))
    if len(angles) < 27:
        return None
    return float(a), float(b), float(np.sqrt(c + a * a + b * b))


def _through(p: npt.NDArray[np.float64]) -> tuple[float, float, float] | None:
    design = np.column_stack([2 * p, np.ones(3)])
    if abs(np.linalg.det(design)) < 1e-6:
        return None
    a, b, c = np.linalg.solve(design, (p**2).sum(axis=1))
    return float(a), float(b), float(np.sqrt(max(c + a * a + b * b, 0.0)))


def _owners(canvas: Canvas) -> npt.NDArray[np.int64]:
    owner = np.full(canvas.drawn.shape, -1, np.int64)
    for k, ink in enumerate(canvas.inks):
        owner[ink.mask] = k
    return owner


def _hole(canvas: Canvas, cx: float, cy: float, radius: float) -> float:
    """Radius of the hole of a donut; 0 for a pie."""
    directions = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    ends = []
    for direction in directions:
        for r in np.arange(0.0, 0.9 * radius, 1.0):
            x, y = round(cx + r * np.cos(direction)), round(cy + r * np.sin(direction))
            if (
                0 <= y < canvas.drawn.shape[0]
                and 0 <= x < canvas.drawn.shape[1]
                and canvas.drawn[y, x]
            ):
                ends.append(r)
                break
    hole = float(np.median(ends)) if ends else 0.0
    return hole if hole > 0.15 * radius else 0.0


def _sectors(
    owner: npt.NDArray[np.int64],
    text: Mask,
    center: tuple[float, float],
    hole: float,
    radius: float,
) -> list[Sector]:
    """Runs of the same ink around the circle, by a vote over several radii."""
    count = 2880
    angles = (np.arange(count) + 0.5) / count * 2 * np.pi
    radii = np.linspace(hole + 0.12 * (radius - hole), radius - 0.08 * (radius - hole) - 1, 15)
    if not hole:
        radii = radii[radii > 0.35 * radius]
    x = np.round(center[0] + np.sin(angles)[:, None] * radii).astype(int)
    y = np.round(center[1] - np.cos(angles)[:, None] * radii).astype(int)
    x, y = np.clip(x, 0, owner.shape[1] - 1), np.clip(y, 0, owner.shape[0] - 1)
    seen = np.where(text[y, x], -1, owner[y, x])
    inks = int(owner.max()) + 1
    votes = np.stack([(seen == k).sum(axis=1) for k in range(inks)], axis=-1)
    winner = np.where(votes.max(axis=1) > 0, votes.argmax(axis=1), -1)
    return _runs(_bridged(winner))


def _bridged(winner: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Thin lines between sectors go half to each neighbour; specks of an ink vanish."""
    out = winner.copy()
    for k in np.unique(out[out >= 0]):
        own = out == k
        runs = int((own & ~np.roll(own, 1)).sum())
        # Lines around the sectors are many, and each is thin.
        if own.mean() < 0.004 or (runs > 2 and own.mean() < 0.012 * runs):
            out[own] = -1
    known = np.flatnonzero(out >= 0)
    if not len(known):
        return out
    places = np.arange(len(out))
    after = known[np.searchsorted(known, places) % len(known)]
    before = known[(np.searchsorted(known, places, side="right") - 1) % len(known)]
    forward, back = (after - places) % len(out), (places - before) % len(out)
    return np.where(out >= 0, out, np.where(forward < back, out[after], out[before]))


def _runs(winner: npt.NDArray[np.int64]) -> list[Sector]:
    count = len(winner)
    changes = np.flatnonzero(winner != np.roll(winner, 1))
    if not len(changes):
        return [Sector(int(winner[0]), 1.0, np.pi)] if winner[0] >= 0 else []
    runs = []
    for start, end in zip(changes, [*changes[1:], changes[0] + count], strict=True):
        if winner[start] >= 0:
            middle = (start + end) / 2 % count
            runs.append((int(winner[start]), end - start, middle))
    sectors = [Sector(k, n / count, m / count * 2 * np.pi) for k, n, m in runs if n > 0.003 * count]
    begin = min(
        range(len(sectors)),
        key=lambda i: (sectors[i].angle - sectors[i].share * np.pi) % (2 * np.pi),
    )
    return sectors[begin:] + sectors[:begin]
