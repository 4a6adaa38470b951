"""Bars: rectangles of ink that share a base, upright or level, side by side or stacked."""

from dataclasses import dataclass, replace

import numpy as np

from ..frame import Mask
from .ink import Canvas, Floats, Ink
from .seams import taken_apart

_MOST = 150
"""More pieces than this of one colour are no bars."""
_MANY = 8
"""From so many bars on their pitch is known well enough to part those that run together."""
_THIN_SHARE = 0.15
"""How thin what is left of an axis line may be: of the largest bar's shorter side."""
_REACH, _REACH_SHARE = 2.2, 0.02
"""How far feet may lie from their common base: pixels, and a share of the longest bar where a
sheet was not laid quite flat or an outline is drawn on both sides of the zero line."""

_WIDEST_RIM, _STRONGER = 5, 0.06
"""Of a rim: pixels, and how much farther from the page than the bar's inside its colour is."""
_UNDER_GUIDE = 0.35
"""How far a bar goes on below an axis line that hides its foot, pixels: some libraries draw the
line's middle there, others its edge."""


@dataclass(frozen=True)
class Bar:
    """A rectangle of one ink; edges in pixels, half-open.

    Attributes:
        hidden: whether something lies on its end, so that nobody can say where it is.
    """

    ink: int
    x0: float
    y0: float
    x1: float
    y1: float
    hidden: bool = False

    def turned(self) -> "Bar":
        """With x and y exchanged."""
        return replace(self, x0=self.y0, y0=self.x0, x1=self.y1, y1=self.x1)

    def rises(self, base: float) -> bool:
        """Whether it stands above a level, as if upright, and does not hang below it."""
        return abs(self.y0 - base) >= abs(self.y1 - base)

    def end(self, base: float) -> float:
        """The edge of it that is away from a level."""
        return self.y0 if self.rises(base) else self.y1

    @property
    def width(self) -> float:
        """Of an upright bar."""
        return self.x1 - self.x0

    @property
    def middle(self) -> float:
        """Across its length, of an upright bar."""
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True)
class Bars:
    """The bars of a chart, as if upright: turned where they are level.

    Attributes:
        bars: all of them.
        upright: False where x and y were exchanged.
        base: pixel at which those that do not stand on others begin.
        stacked: whether several inks stand on each other.
        mixed: the ink that shows where others overlap, if they do.
    """

    bars: tuple[Bar, ...]
    upright: bool
    base: float
    stacked: bool
    mixed: int | None = None


def find_bars(canvas: Canvas, inks: tuple[Ink, ...], upright: bool | None) -> Bars | None:
    """Bars in a chart; None where what is drawn is not mostly bars.

    Args:
        canvas: the chart.
        inks: to look at.
        upright: which way they run, where the axes tell; None lets the shapes tell.
    """
    found: list[Bar] = []
    area, covered = 0, 0.0
    for k, ink in enumerate(inks):
        bars = _rectangles(ink.mask, canvas, k)
        area += int(ink.mask.sum())
        covered += sum(_inside(ink.mask, bar) for bar in bars)
        found += bars
    if not found or covered < 0.72 * area:
        return None
    found = _without_rests(found)
    way = upright is not False
    found = [part for bar in found for part in _parted(bar, found, inks, way)]
    found = [_outlined(_sharpened(bar, canvas, inks[bar.ink]), canvas, inks) for bar in found]
    options = [True, False] if upright is None else [upright]
    arranged = [_arranged(found, way) for way in options]
    best = max(arranged, key=lambda pair: pair[0])
    return best[1] if best[0] >= 0.6 else None


def _rectangles(mask: Mask, canvas: Canvas, k: int) -> list[Bar]:
    import cv2

    text = canvas.text

    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    # Thin lines of the same colour tie bars together; very low bars are as thin.
    thick = np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)))
    around = np.asarray(cv2.dilate(thick, np.ones((5, 5), np.uint8)))
    thin = np.where(around > 0, 0, closed).astype(np.uint8)
    contours = [
        contour
        for part in (thick, thin)
        for contour in cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    ]
    pieces = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        if w < 3 or h < 1 or w * h < 12:
            continue
        shape = np.zeros((h, w), np.uint8)
        cv2.drawContours(shape, [contour - np.array([x, y])], -1, 1, -1)
        at = slice(y, y + h), slice(x, x + w)
        others = canvas.drawn[at] & ~mask[at]
        apart = taken_apart(mask[at] & (shape > 0), canvas.guides[at] | text[at], others)
        if apart is not None:
            pieces += [Bar(k, x + u, y + v, x + u + p, y + v + q) for u, v, p, q in apart]
        elif float(((shape > 0) | text[at]).mean()) > 0.82:
            pieces.append(Bar(k, x, y, x + w, y + h))
    pieces.sort(key=lambda bar: -_area(bar))
    return _rejoined(pieces[:_MOST], text)


def _without_rests(bars: list[Bar]) -> list[Bar]:
    """Bars without what is left of an axis line between them: thin, and as wide as no bar."""
    largest = max(bars, key=_area)
    thin = max(3.0, _THIN_SHARE * min(largest.x1 - largest.x0, largest.y1 - largest.y0))
    solid = [bar for bar in bars if min(bar.x1 - bar.x0, bar.y1 - bar.y0) > thin]
    widths = [side for bar in solid for side in (bar.x1 - bar.x0, bar.y1 - bar.y0)]

    def is_bar(bar: Bar) -> bool:
        long = max(bar.x1 - bar.x0, bar.y1 - bar.y0)
        return bar in solid or any(abs(long - width) < 0.15 * width + 2 for width in widths)

    return [bar for bar in bars if is_bar(bar)] if solid else bars


def _parted(bar: Bar, bars: list[Bar], inks: tuple[Ink, ...], upright: bool) -> list[Bar]:
    """The bars that one as wide as several consists of, where the gaps between are too fine."""
    if not upright:
        turned = [replace(ink, mask=ink.mask.T) for ink in inks]
        all_turned = [other.turned() for other in bars]
        return [part.turned() for part in _parted(bar.turned(), all_turned, tuple(turned), True)]
    middles = np.sort([other.middle for other in bars])
    if len(bars) < _MANY or any(other.ink != bar.ink for other in bars):
        return [bar]
    width = float(np.median([other.x1 - other.x0 for other in bars]))
    pitch = float(np.median(np.diff(middles)))
    count = round((bar.x1 - bar.x0 + pitch - width) / pitch)
    if count < 2 or abs(bar.x1 - bar.x0 + pitch - width - count * pitch) > 0.15 * pitch + 1:
        return [bar]
    parts = []
    for k in range(count):
        x0, x1 = round(bar.x0 + k * pitch), round(bar.x0 + k * pitch + width)
        inner = inks[bar.ink].mask[int(bar.y0) : int(bar.y1), x0 + 1 : max(x1 - 1, x0 + 2)]
        rows = np.flatnonzero(inner.mean(axis=1) > 0.5)
        if not len(rows):
            return [bar]
        parts.append(replace(bar, x0=x0, x1=x1, y0=bar.y0 + rows[0], y1=bar.y0 + rows[-1] + 1))
    return parts


def _rejoined(pieces: list[Bar], text: Mask) -> list[Bar]:
    """Pieces of a bar that a grid line or a printed value cut apart."""
    joined = True
    while joined:
        joined = False
        for i, a in enumerate(pieces):
            for j in range(i + 1, len(pieces)):
                both = _joined(a, pieces[j], text) or _turned(
                    _joined(a.turned(), pieces[j].turned(), text.T)
                )
                if both is not None:
                    pieces = [p for k, p in enumerate(pieces) if k not in (i, j)] + [both]
                    joined = True
                    break
            if joined:
                break
    return pieces


def _turned(bar: Bar | None) -> Bar | None:
    return bar.turned() if bar else None


def _joined(a: Bar, b: Bar, text: Mask) -> Bar | None:
    """One upright bar of two with the same sides, if nothing but text or a thin line is between."""
    if abs(a.x0 - b.x0) > 2 or abs(a.x1 - b.x1) > 2:
        return None
    low, high = (a, b) if a.y0 < b.y0 else (b, a)
    gap = high.y0 - low.y1
    if gap > 4:
        between = text[int(low.y1) : int(high.y0), int(a.x0) : int(a.x1)]
        if gap > 40 or not between.size or between.any(axis=1).mean() < 0.8:
            return None
    return Bar(a.ink, min(a.x0, b.x0), low.y0, max(a.x1, b.x1), max(low.y1, high.y1))


def _inside(mask: Mask, bar: Bar) -> float:
    return float(mask[int(bar.y0) : int(bar.y1), int(bar.x0) : int(bar.x1)].sum())


def _sharpened(bar: Bar, canvas: Canvas, ink: Ink) -> Bar:
    """Edges to a fraction of a pixel, from how much ink is in the row beyond each."""
    x0, y0, x1, y1 = int(bar.x0), int(bar.y0), int(bar.x1), int(bar.y1)
    if x1 - x0 < 4 or y1 - y0 < 2:
        return bar
    height, width = canvas.drawn.shape
    columns, rows = slice(x0 + 1, x1 - 1), slice(y0 + (y1 - y0 > 4), y1 - (y1 - y0 > 4))
    return replace(
        bar,
        y0=y0 + 1 - _share(canvas, ink, y0, columns, True) - (
            _share(canvas, ink, y0 - 1, columns, True) if y0 > 0 else 0.0
        ),
        y1=y1 - 1 + _share(canvas, ink, y1 - 1, columns, True) + (
            _share(canvas, ink, y1, columns, True) if y1 < height else 0.0
        ),
        x0=x0 + 1 - _share(canvas, ink, x0, rows, False) - (
            _share(canvas, ink, x0 - 1, rows, False) if x0 > 0 else 0.0
        ),
        x1=x1 - 1 + _share(canvas, ink, x1 - 1, rows, False) + (
            _share(canvas, ink, x1, rows, False) if x1 < width else 0.0
        ),
    )  # fmt: skip


def _outlined(bar: Bar, canvas: Canvas, inks: tuple[Ink, ...]) -> Bar:
    """A bar out to the middle of its outline, or in to that of its rim, if it has one."""
    left, right = _stroke(bar, canvas, inks, -1), _stroke(bar, canvas, inks, 1)
    turned = replace(canvas, rgb=canvas.rgb.transpose(1, 0, 2))
    above = _stroke(bar.turned(), turned, inks, -1)
    below = _stroke(bar.turned(), turned, inks, 1)
    pairs = [p for p in ((left, right), (above, below)) if min(p) > 0 and max(p) - min(p) <= 1]
    half = float(np.mean(pairs[0])) / 2 if pairs else -_rim(bar, canvas) / 2
    return replace(bar, x0=bar.x0 - half, y0=bar.y0 - half, x1=bar.x1 + half, y1=bar.y1 + half)


def _rim(bar: Bar, canvas: Canvas) -> float:
    """Width of the stroke in a stronger shade of its own colour that runs around a bar, pixels.

    Half of such a stroke lies outside of what the bar stands for. 0 where there is none.
    """
    x0, x1 = round(bar.x0), round(bar.x1)
    if x1 - x0 < 3 * _WIDEST_RIM or bar.y1 - bar.y0 < 8:
        return 0.0
    quarter = (bar.y1 - bar.y0) / 4
    rows = slice(round(bar.y0 + quarter), round(bar.y1 - quarter))
    profile = np.median(canvas.rgb[rows, x0:x1], axis=0)
    inner = np.median(profile[_WIDEST_RIM:-_WIDEST_RIM], axis=0)
    page = min(canvas.backgrounds, key=lambda b: float(np.linalg.norm(b - inner)))
    along = inner - page
    strength = (profile - page) @ along / max(float(along @ along), 1.0) - 1
    widths = []
    for side in (strength[:_WIDEST_RIM], strength[::-1][:_WIDEST_RIM]):
        if side.max() < _STRONGER:
            return 0.0
        widths.append(float(np.clip(side, 0, None).sum() / side.max()))
    return float(np.mean(widths)) if abs(widths[0] - widths[1]) <= 1 else 0.0


def _stroke(bar: Bar, canvas: Canvas, inks: tuple[Ink, ...], side: int) -> int:
    """Width of the stroke of another colour along a bar's side, pixels; 0 for none."""
    quarter = (bar.y1 - bar.y0) / 4
    rows = slice(round(bar.y0 + quarter), max(round(bar.y1 - quarter), round(bar.y0 + quarter) + 1))
    at = round(bar.x0) - 1 if side < 0 else round(bar.x1)
    known = [*canvas.backgrounds, *(ink.color for ink in inks)]
    width = 0
    while 0 <= at < canvas.rgb.shape[1] and width <= 5:
        color = np.median(canvas.rgb[rows, at], axis=0)
        if min(float(np.linalg.norm(color - k)) for k in known) < 60:
            break
        if any(_between(color, inks[bar.ink].color, b) for b in canvas.backgrounds):
            break
        width += 1
        at += side
    return width if width <= 5 else 0


def _between(color: Floats, a: Floats, b: Floats) -> bool:
    """Whether a colour is a mixture of two, as the edges of what is drawn are."""
    along = b - a
    t = float((color - a) @ along / max(float(along @ along), 1.0))
    return 0.0 < t < 1.0 and float(np.linalg.norm(color - a - t * along)) < 20


def _share(canvas: Canvas, ink: Ink, at: int, other: slice, row: bool) -> float:
    """How much of a row or column of pixels is the ink, 0..1; 1 for what hides it."""
    pixels = canvas.rgb[at, other] if row else canvas.rgb[other, at]
    guide = canvas.guides[at, other] if row else canvas.guides[other, at]
    if guide.mean() > 0.5:
        return _UNDER_GUIDE
    hidden = canvas.text[at, other] if row else canvas.text[other, at]
    if len(pixels) == 0 or hidden.mean() > 0.5:
        mask = ink.mask[at, other] if row else ink.mask[other, at]
        return float(mask.mean() > 0.5)
    color = np.median(pixels[~hidden], axis=0)
    background = min(canvas.backgrounds, key=lambda b: float(np.linalg.norm(b - color)))
    along = ink.color - background
    t = float((color - background) @ along / max(float(along @ along), 1.0))
    apart = float(np.linalg.norm(color - (background + t * along)))
    return float(np.clip(t, 0, 1)) if apart < 40 else 0.0


def _arranged(found: list[Bar], upright: bool) -> tuple[float, Bars | None]:
    """The bars one way round, and how much of their area stands on a common base."""
    bars = _without_slivers(found if upright else [bar.turned() for bar in found])
    base, standing = _base(bars)
    rest = [bar for bar in bars if bar not in standing]
    stacked = [bar for bar in rest if _stands_on_another(bar, bars)]
    area = sum(_area(bar) for bar in bars)
    kept = [*standing, *stacked]
    good = sum(_area(bar) for bar in kept)
    width = float(np.median([bar.x1 - bar.x0 for bar in kept])) if kept else 0.0
    alike = [bar for bar in kept if abs(bar.x1 - bar.x0 - width) < 0.35 * width + 2]
    share = good / max(area, 1e-9) * (0.5 + 0.5 * len(alike) / max(len(kept), 1))
    lone = len(kept) < 2
    high = [bar for bar in stacked if bar in alike]
    is_stacked = bool(high) and len(high) >= 0.25 * len(alike)
    order = sorted(alike, key=lambda bar: (bar.middle, -bar.y1))
    return (share * (0.9 if lone else 1.0)), Bars(tuple(order), upright, base, is_stacked)


def _without_slivers(bars: list[Bar]) -> list[Bar]:
    """Bars without the shades along the ends of others that were taken for bars."""
    return [
        bar
        for bar in bars
        if bar.y1 - bar.y0 > 2.5
        or not any(
            other.y1 - other.y0 > 2.5
            and min(bar.x1, other.x1) - max(bar.x0, other.x0) > 0.7 * (bar.x1 - bar.x0)
            and min(abs(bar.y0 - other.y1), abs(bar.y1 - other.y0), abs(bar.y1 - other.y1)) < 2.5
            for other in bars
        )
    ]


def _area(bar: Bar) -> float:
    return (bar.x1 - bar.x0) * (bar.y1 - bar.y0)


def _base(bars: list[Bar]) -> tuple[float, list[Bar]]:
    """The level that the most width of bars touches with one end, and those bars."""
    levels = sorted([bar.y1 for bar in bars] + [bar.y0 for bar in bars])
    best: list[Bar] = []
    most = (0.0, 0.0, -np.inf)
    at = 0.0
    reach = max(_REACH, _REACH_SHARE * max((bar.y1 - bar.y0 for bar in bars), default=0.0))
    for level in levels:
        touching = [b for b in bars if min(abs(b.y0 - level), abs(b.y1 - level)) <= reach]
        standing = [b for b in touching if abs(b.y1 - level) <= reach]
        # Of very low bars both ends are near: the feet lie level, the tops do not.
        off = sum(min(abs(b.y0 - level), abs(b.y1 - level)) for b in touching)
        rank = (_breadth(touching), _breadth(standing), -off)
        if rank > most:
            best, at, most = touching, level, rank
    ends = [b.y1 if abs(b.y1 - at) < abs(b.y0 - at) else b.y0 for b in best]
    return float(np.median(ends)) if ends else at, best


def _breadth(bars: list[Bar]) -> float:
    """How much of the axis bars take up; what two of them share, as in stacks, counts once."""
    total, reached = 0.0, -np.inf
    for bar in sorted(bars, key=lambda b: b.x0):
        total += max(0.0, bar.x1 - max(bar.x0, reached))
        reached = max(reached, bar.x1)
    return total


def _stands_on_another(bar: Bar, bars: list[Bar]) -> bool:
    for other in bars:
        if other is bar or other.ink == bar.ink:
            continue
        overlap = min(bar.x1, other.x1) - max(bar.x0, other.x0)
        touching = min(abs(bar.y1 - other.y0), abs(bar.y0 - other.y1)) <= 4
        if touching and overlap > 0.7 * min(bar.x1 - bar.x0, other.x1 - other.x0):
            return True
    return False
