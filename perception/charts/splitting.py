"""Labels of neighbouring bars or points that were read as one line of text, taken apart again."""

import itertools
import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..frame import Image
from .bars import Bars
from .sequences import is_name
from .text import Text, quad_of, text_reader

_CAPITAL_AT_END = re.compile(r"[^\W\d_A-Z][A-Z]$")
_FULL = 0.78
"""Labels that were read as one take up at least this share of their places."""


def split_at(image: Image, texts: list[Text], places: list[float], lowest: float) -> list[Text]:
    """Level texts that run on below several bars or points, cut between them and read again.

    Args:
        image: [H, W, 3] uint8.
        texts: that may be labels.
        places: columns of the bars or points, pixels.
        lowest: row of the lowest tick of the values: labels begin there.
    """
    found: list[Text] = []
    quads: list[npt.NDArray[np.float32]] = []
    for text in texts:
        x0, y0, x1, y1 = text.box
        under = [p for p in places if x0 - 2 < p < x1 + 2]
        pitch = float(np.median(np.diff(sorted(places)))) if len(places) > 1 else 1e9
        # Labels that touch each other fill their places, and leave no gaps between them.
        full = len(under) > 1 and _FULL * pitch < (x1 - x0) / len(under) < 1.15 * pitch
        full = full and not is_name(text.text)
        if not text.is_level or y0 < lowest - 6 or len(under) < 2 or not (" " in text.text or full):
            found.append(text)
            continue
        cuts = [_gap(image, text, (a + b) / 2, (b - a) / 3) for a, b in itertools.pairwise(under)]
        cuts = _between(cuts, under, x0, x1) if full else cuts
        if any(cut is None for cut in cuts):
            found.append(text)
            continue
        edges = [x0 - 2, *(float(c) for c in cuts if c is not None), x1 + 2]
        middles = [(a + b) / 2 for a, b in itertools.pairwise(edges)]
        reach = 0.3 * min(b - a for a, b in itertools.pairwise(under))
        if any(abs(m - p) > max(reach, 3.0) for m, p in zip(middles, under, strict=True)):
            found.append(text)
            continue
        margin = 0.17 * (y1 - y0)
        for left, right in itertools.pairwise(edges):
            quads.append(quad_of(left, y0 - margin, right, y1 + margin))
    return [*found, *_with_capitals([t for t in text_reader().read_at(image, quads) if t.text])]


def _with_capitals(texts: list[Text]) -> list[Text]:
    """Neighbouring labels that touch, cut within a capital's word: "HydroN", "uclear"."""
    said = [t.text for t in texts]
    for k, (before, after) in enumerate(itertools.pairwise(said)):
        if _CAPITAL_AT_END.search(before) and after[0].islower():
            said[k], said[k + 1] = before[:-1], before[-1] + after
    return [replace(t, text=words) for t, words in zip(texts, said, strict=True)]


def column_places(bars: Bars) -> list[float]:
    """Middles of the columns of bars, of groups if they are grouped closely."""
    ordered = sorted(bars.bars, key=lambda b: b.middle)
    groups: list[list[float]] = []
    inks: set[int] = set()
    width = float(np.median([b.x1 - b.x0 for b in ordered]))
    last = -1e9
    if bars.stacked:
        for bar in ordered:
            if groups and abs(bar.middle - groups[-1][0]) < 0.5 * width:
                groups[-1].append(bar.middle)
            else:
                groups.append([bar.middle])
        return [float(np.mean(group)) for group in groups]
    gaps = np.array([b.x0 - a.x1 for a, b in itertools.pairwise(ordered)])
    # Bars that stand evenly apart are no groups, whatever their colours.
    alone = len(gaps) > 1 and gaps.min() > 0 and np.ptp(gaps) < max(2.0, 0.3 * gaps.min())
    for bar in ordered:
        if bar.x0 - last > 0.3 * width or not groups or bar.ink in inks or alone:
            groups.append([])
            inks = set()
        inks.add(bar.ink)
        groups[-1].append(bar.middle)
        last = max(last, bar.x1)
    return [float(np.mean(group)) for group in groups]


def _between(
    cuts: list[float | None], places: list[float], x0: float, x1: float
) -> list[float | None]:
    """The cuts with those between labels that touch: each label is as long on both sides."""
    edges: list[float | None] = [x0, *cuts, x1]
    after, before = list(edges), list(edges)
    for i, place in enumerate(places):
        left = after[i]
        if after[i + 1] is None and left is not None:
            after[i + 1] = 2 * place - left
    for i in range(len(places) - 1, -1, -1):
        right = before[i + 1]
        if before[i] is None and right is not None:
            before[i] = 2 * places[i] - right
    found: list[float | None] = []
    for k in range(1, len(edges) - 1):
        # The end from which fewer labels have to be counted errs less.
        steps = [
            next(
                n for n in range(len(edges)) if k + way * n >= 0 and edges[k + way * n] is not None
            )
            for way in (-1, 1)
        ]
        ends = [(after[k] or 0.0), (before[k] or 0.0)]
        weights = np.array([0.25 ** steps[0], 0.25 ** steps[1]])
        found.append(edges[k] if edges[k] is not None else float(weights @ ends / weights.sum()))
    return found


def _gap(image: Image, text: Text, near: float, reach: float) -> float | None:
    """Middle of the widest empty stretch of columns within a text near a place."""
    y0, y1 = max(0, round(text.box[1])), round(text.box[3])
    left, right = max(0, round(near - reach)), min(image.shape[1], round(near + reach))
    strip = image[y0:y1, left:right].astype(np.int64)
    if strip.size == 0:
        return None
    page = np.median(image[y0:y1].reshape(-1, 3), axis=0)
    empty = (np.abs(strip - page).max(axis=-1) < 60).all(axis=0)
    best, start = (0, 0), None
    for i, blank in enumerate([*empty, False]):
        if blank and start is None:
            start = i
        elif not blank and start is not None:
            best = max(best, (i - start, start))
            start = None
    return left + best[1] + best[0] / 2 if best[0] >= 2 else None
