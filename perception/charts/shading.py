"""Shading beneath lines: spans of time and bands of confidence, painted over with the page."""

import numpy as np
import numpy.typing as npt

from ..frame import Image, Mask
from .axis import Axis
from .ink import Canvas, Floats, Ink, runs_of
from .layout import Layout
from .pages import closed

_PALE, _FAINT = 150.0, 125.0
"""How far from the page, in RGB, spans and bands are at the most."""
_SOLID = 0.5
"""Share of what is shaded that lies within larger areas of its colour."""
_GAP_PX = 7
"""Lines over what is shaded are less thick than this."""
_OF_SPAN = 0.6
"""Share of the plot's height that a column of a span is shaded over; lines hide the rest."""
_NARROWEST, _OVER_PX = 4, 5
"""How wide a span is at least, and how far beside its side a line that goes over it is seen."""
_WITHIN = 0.8
"""Share of what is drawn in a span's colour that is of spans."""
_LEVEL_PX = 3
"""How far the ends of spans, and of the columns of one, are apart at most."""
_STRONGER, _STRONGER_BY = 1.5, 50.0
"""How much farther from the page than a band the line within it is, in two ways."""
_LIKE = 40.0
"""Colours that are nearer, in RGB, are the same."""
_BESIDE_PX = 9
"""How near a line what is shaded begins, above it and below."""
_LEVEL_SHARE = 0.03
"""Of the picture's height: what has a base that is so level is an area."""
_BLOCK, _BLOCKS = 0.9, 0.3
"""Share of the rectangle around it that a rectangle fills; and of a band that may be rectangles."""
_LONG = 0.2
"""Share of the picture's width that a band goes on for at least."""
_ALONG, _AMONG = 0.5, 0.4
"""Share of a band's width along which lines are; and of the rim of two that overlap that is of
others."""


def unshaded(image: Image, canvas: Canvas, layout: Layout) -> Image:
    """The image [H, W, 3] without what is shaded beneath lines; itself where nothing is.

    Spans go from one end of an axis to the other, and lines over their sides; bands go along lines,
    on both sides. What is left are strokes, as if they had been drawn on the page.
    """
    pale = [k for k in canvas.inks if k.solid > _SOLID and _off_page(k, canvas) < _PALE]
    if not pale or (layout.x_axis is None and layout.y_axis is None):
        return image
    shaded: list[tuple[Mask, Ink]] = []
    tinted = np.any([_own(ink, canvas) for ink in pale], axis=0)
    for ink in pale:
        region = _span(ink, canvas, layout)
        if region is None and _is_band(ink, canvas, tinted):
            region = closed(ink.mask, _GAP_PX)
        if region is not None:
            shaded.append((region, ink))
    if not shaded:
        return image
    shaded += _mixed(canvas, pale, shaded)
    found = canvas.rgb
    for region, ink in shaded:
        found = _painted_over(found, region, ink.color, _page(ink, canvas))
    return np.asarray(np.clip(np.round(found), 0, 255), np.uint8)


def _page(ink: Ink, canvas: Canvas) -> Floats:
    """The background that an ink is nearest to."""
    apart = np.linalg.norm(canvas.backgrounds - ink.color, axis=-1)
    return np.asarray(canvas.backgrounds[int(apart.argmin())], np.float32)


def _off_page(ink: Ink, canvas: Canvas) -> float:
    """How far an ink is from the page, in RGB."""
    return float(np.linalg.norm(ink.color - _page(ink, canvas)))


def _own(ink: Ink, canvas: Canvas) -> Mask:
    """[H, W] where an ink has its own colour; lines within it are taken for it, too."""
    return np.asarray(ink.mask & (np.linalg.norm(canvas.rgb - ink.color, axis=-1) < _LIKE))


def _span(ink: Ink, canvas: Canvas, layout: Layout) -> Mask | None:
    """Where an ink fills rectangles from one end of an axis to the other; None if not there."""
    away = np.linalg.norm(canvas.rgb - _page(ink, canvas), axis=-1)
    strokes = (away > _LIKE) & (np.linalg.norm(canvas.rgb - ink.color, axis=-1) > _LIKE)
    strokes &= ~canvas.text & ~canvas.guides
    if layout.y_axis is not None:
        region = _upright_spans(ink.mask, strokes, layout.y_axis)
        if region is not None:
            return region
    if layout.x_axis is not None:
        region = _upright_spans(ink.mask.T, strokes.T, layout.x_axis)
        return None if region is None else region.T
    return None


def _upright_spans(mask: Mask, strokes: Mask, axis: Axis) -> Mask | None:
    ticks = [p for p, _ in axis.ticks]
    top, bottom = max(int(min(ticks)), 0), int(max(ticks))
    between = mask[top:bottom]
    if bottom - top < 20 or not len(between):
        return None
    region = np.zeros_like(mask)
    ends, crossed = [], False
    for x0, x1 in runs_of(between.mean(axis=0) > _OF_SPAN):
        part = mask[:, x0:x1]
        tops, lows = part.argmax(axis=0), len(part) - part[::-1].argmax(axis=0)
        # A tick may stand under it.
        level = all(np.ptp(np.percentile(e, [10, 90])) < _LEVEL_PX for e in (tops, lows))
        if x1 - x0 < _NARROWEST or not level:
            continue
        y0, y1 = int(np.median(tops)), int(np.median(lows))
        if y0 <= top + _LEVEL_PX and y1 >= bottom - _LEVEL_PX:
            region[y0:y1, max(x0 - 1, 0) : x1 + 1] = True
            ends.append((y0, y1))
            crossed |= any(_goes_over(strokes[y0:y1], x) for x in (x0, x1))
    # A bar may reach both ends, too; no line goes over its sides.
    if not crossed or np.ptp(ends, axis=0).max() > _LEVEL_PX:
        return None
    return region if (mask & region).sum() > _WITHIN * mask.sum() else None


def _goes_over(strokes: Mask, column: int) -> bool:
    """Whether a stroke goes on over a column."""
    before = strokes[:, max(column - _OVER_PX, 0) : max(column - 1, 0)].any(axis=1)
    after = strokes[:, column + 1 : column + _OVER_PX].any(axis=1)
    near = np.convolve(after, np.ones(2 * _OVER_PX + 1), "same") > 0
    return bool((before & near).any())


def _is_band(ink: Ink, canvas: Canvas, tinted: Mask) -> bool:
    """Whether an ink is shaded along lines that have something shaded on both sides.

    Areas have a level base, and bars are rectangles, with lines of the grid across.

    Args:
        ink: that may be shaded.
        canvas: the chart.
        tinted: [H, W] where anything pale is.
    """
    import cv2

    strength = _off_page(ink, canvas)
    if strength > _FAINT:
        return False
    away = np.linalg.norm(canvas.rgb - _page(ink, canvas), axis=-1)
    strong = (
        (away > max(_STRONGER * strength, strength + _STRONGER_BY)) & ~canvas.text & ~canvas.guides
    )
    kernel = np.ones((_BESIDE_PX, 1), np.uint8)
    sides = [
        np.asarray(cv2.dilate(tinted.astype(np.uint8), kernel, anchor=(0, at))) > 0
        for at in (0, _BESIDE_PX - 1)
    ]
    own = _own(ink, canvas)
    near = np.asarray(cv2.dilate(own.astype(np.uint8), np.ones((2 * _BESIDE_PX, 1), np.uint8))) > 0
    within = strong & sides[0] & sides[1] & near
    region = closed(own | within, _GAP_PX)
    columns = np.flatnonzero(region.any(axis=0))
    if len(columns) < _LONG * region.shape[1]:
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    full = sum(int(area) for _, _, w, h, area in stats[1:] if area > _BLOCK * w * h)
    lows = len(region) - region[::-1, columns].argmax(axis=0)
    level = np.ptp(np.percentile(lows, [5, 95])) < _LEVEL_SHARE * len(region)
    blocks = full > _BLOCKS * region.sum()
    return bool(not level and not blocks and within[:, columns].any(axis=0).mean() > _ALONG)


def _mixed(
    canvas: Canvas, pale: list[Ink], shaded: list[tuple[Mask, Ink]]
) -> list[tuple[Mask, Ink]]:
    """Those pale inks which are what is shaded where bands overlap: mostly among bands."""
    import cv2

    known = np.any([region for region, _ in shaded], axis=0)
    found = []
    for ink in pale:
        if any(ink is other for _, other in shaded):
            continue
        region = closed(ink.mask, _GAP_PX)
        ring = np.asarray(cv2.dilate(region.astype(np.uint8), np.ones((7, 7), np.uint8))) > 0
        ring &= ~region & ~canvas.guides
        if (ring & known).sum() > _AMONG * ring.sum():
            found.append((region, ink))
    return found


def _painted_over(rgb: Floats, region: Mask, color: Floats, page: Floats) -> Floats:
    """An image in which a region of one colour has the page's; strokes over it keep theirs.

    At its edge a stroke is a mixture with what is under it: as much as it differs from that, over
    how much its middle does, is its own.
    """
    import cv2

    off = np.linalg.norm(rgb - color, axis=-1).astype(np.float32)
    most = np.maximum(np.asarray(cv2.dilate(off, np.ones((5, 5), np.uint8))), 90.0)
    own: npt.NDArray[np.float32] = np.clip(off / most, 0.0, 1.0)
    painted = rgb + (1 - own[..., None]) * (page - color)
    return np.asarray(np.where(region[..., None], painted, rgb), np.float32)
