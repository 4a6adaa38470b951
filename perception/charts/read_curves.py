"""From curves to rows: at which places a line's points stand, and how high."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..frame import Mask
from .axis import Axis
from .categories import Label
from .chart import ChartRow
from .curves import Curve
from .cut_off import Ends, runs_along

_OFF_PX = 2.2
_ON_TICK_PX = 1.5
"""A point that is nearer to a tick than this stands at its value."""
_OFF_MARK_PX = 8.0
"""Markers that are farther from a label are not what it names: slanted ones are a little off."""
_STRAIGHT, _ALL_GIVEN = 0.75, 0.95
"""Share of a line that straight strokes between its labels give back, if it may have no other
points, and if it has none, whatever its stroke seems to carry."""
_ROUND_BENDS, _SHARP, _WAVES = 6, 1.0, 0.34
"""A rounded line has at least so many bends, at none of which it turns by so much, radians, and
begins to turn the other way at no more than such a share of them."""
_ENDS_PX = 6.0
"""So much may the two ends of the curves differ in how far labels are off: strokes have caps."""


def curve_rows(
    curves: Sequence[tuple[str, Curve]],
    x_axis: Axis | None,
    y_axis: Axis,
    labels: list[Label],
    ends: Ends = (-np.inf, np.inf),
    covered: Mask | None = None,
) -> tuple[list[ChartRow], list[str]]:
    """The table behind curves, and what of it could not be read.

    Args:
        curves: (name, curve) of each series.
        x_axis: None for categories.
        y_axis: of the values.
        labels: of the categories, if there is no numeric axis.
        ends: of the plot; a line that runs along them goes on beyond.
        covered: [H, W] where something else may hide a line; by default nowhere.
    """
    if x_axis is None:
        places: list[tuple[float, str | float, float]] = _aligned(labels, curves)
        unread = [] if labels else ["the names along the horizontal axis"]
    else:
        places = [(x_axis.pixel(v), v, x_axis.agreed) for v in _positions(curves, x_axis)]
        unread = []
    pixels = np.array([at for at, _, _ in places])
    slack = max(4.0, 0.12 * float(np.median(np.diff(np.sort(pixels))))) if len(places) > 1 else 4.0
    rows = []
    for name, curve in curves:
        heights = _heights(curve, pixels)
        between = _unlabelled(curve, pixels) if x_axis is None else 0
        told = x_axis is None or not curve.marked
        if between:
            unread.append(f"{between} points{' of ' + name if name else ''} between the labels")
        elif told and _gives_back(curve, np.sort(pixels)) < _STRAIGHT:
            unread.append(f"how the line{' of ' + name if name else ''} runs between the labels")
        for (at, x, sure), height in zip(places, heights, strict=True):
            if not curve.x[0] - slack <= at <= curve.x[-1] + slack:
                continue
            if (
                between
                and curve.marked
                and np.abs(np.array(curve.vertices) - at).min() > _OFF_MARK_PX
            ):
                unread.append(f"{_told(name, x)}: no point stands there")
                continue
            if covered is not None and curve.breaks_at(at, covered):
                unread.append(f"{_told(name, x)}: the line has a gap there")
            elif runs_along(curve, at, ends):
                unread.append(f"{_told(name, x)}: the line goes on beyond the plot")
            else:
                rows.append(
                    ChartRow(name, x, y_axis.rounded_at(height), 0.9 * sure * y_axis.agreed)
                )
    return rows, unread


def _unlabelled(curve: Curve, places: npt.NDArray[np.float64]) -> int:
    """How many of a curve's markers stand at none of the places that have labels."""
    if not curve.marked or not len(places) or _gives_back(curve, np.sort(places)) > _ALL_GIVEN:
        return 0
    off = np.abs(np.array(curve.vertices)[:, None] - places[None]).min(axis=1)
    gap = float(np.median(np.diff(curve.vertices)))
    return int((off > max(_OFF_MARK_PX, 0.3 * gap)).sum())


def _told(name: str, x: str | float) -> str:
    """What to call the place of a line."""
    at = x if isinstance(x, str) else f"{x:g}"
    return f"{name} at {at}" if name else f"the value at {at}"


def _aligned(
    labels: list[Label], curves: Sequence[tuple[str, Curve]]
) -> list[tuple[float, str | float, float]]:
    """Labels at the corners of the curves, if all are off by the same: slanted ones often are."""
    corners = np.array(sorted(v for _, curve in curves for v in curve.vertices))
    places = np.array([label.at for label in labels])
    shift = 0.0
    if len(corners) and len(places) > 2:
        reach = 0.25 * float(np.median(np.diff(np.sort(places))))
        off = np.array([corners[np.abs(corners - p).argmin()] - p for p in places])
        near = off[np.abs(off) < reach]
        usual = float(np.median(near)) if len(near) else 0.0
        if (np.abs(off - usual) < 2.5).mean() > 0.6:
            shift = usual
        elif curves:
            shift = _shift_of_ends(places, curves)
    return [(label.at + shift, label.text, label.score) for label in labels]


def _shift_of_ends(places: npt.NDArray[np.float64], curves: Sequence[tuple[str, Curve]]) -> float:
    """How far labels are off that are so by the same at the first and last point of the curves.

    Slanted labels hang by their ends or by their middles; 0 where the curves' ends don't tell.
    """
    first = min(float(c.x[0]) for _, c in curves) - float(places.min())
    last = max(float(c.x[-1]) for _, c in curves) - float(places.max())
    pitch = float(np.median(np.diff(np.sort(places))))
    told = abs(first - last) < _ENDS_PX and max(abs(first), abs(last)) < 0.8 * pitch
    return (first + last) / 2 if told else 0.0


def _heights(curve: Curve, places: npt.NDArray[np.float64]) -> list[float]:
    """Rows of a curve at places, ascending or not: where the strokes between them meet.

    Corners are blunt and hidden where lines cross; the strokes that lead to them are not.
    """
    order = np.argsort(places)
    ordered = places[order]
    strokes = [_stroke(curve, a, b) for a, b in itertools.pairwise(ordered)]
    found = np.zeros(len(places))
    for i, at in enumerate(ordered):
        near = _nearest_vertex(curve, float(at))
        own = curve.at(near)
        marker = curve.marked and near != at
        sides = [s for s in (strokes[i - 1] if i else None, *strokes[i : i + 1]) if s is not None]
        ends = [slope * at + intercept for slope, intercept in sides]
        steep = max((abs(slope) for slope, _ in sides), default=0.0)
        agree = len(ends) == 2 and abs(ends[0] - ends[1]) < 2.5 + 1.2 * steep
        lone = len(ends) == 1 and len(strokes) > 1
        if not marker and (agree or lone) and abs(np.mean(ends) - own) < 4.0 + 1.5 * steep:
            own = float(np.mean(ends))
        found[order[i]] = own
    return [float(v) for v in found]


def _stroke(curve: Curve, a: float, b: float) -> tuple[float, float] | None:
    """(slope, intercept) of the straight stroke between two places; None where it is none."""
    margin = 0.12 * (b - a)
    inside = (curve.x > a + margin) & (curve.x < b - margin) & curve.seen
    if inside.sum() < 6:
        return None
    x, y = curve.x[inside], curve.y[inside]
    for _ in range(3):
        slope, intercept = np.polyfit(x, y, 1)
        off = np.abs(y - slope * x - intercept)
        limit = max(1.0, 2.5 * float(np.median(off)))
        if (off <= limit).all():
            break
        x, y = x[off <= limit], y[off <= limit]
    if len(x) < max(6, 0.6 * inside.sum()) or off.max() > 1.2 + 0.6 * abs(slope):
        return None
    return float(slope), float(intercept)


def _nearest_vertex(curve: Curve, at: float) -> float:
    """A place near a corner means the corner: labels and corners are both a little off."""
    near = min(curve.vertices, key=lambda v: abs(v - at), default=at)
    return near if abs(near - at) <= _OFF_PX else at


def _positions(curves: Sequence[tuple[str, Curve]], axis: Axis) -> list[float]:
    """The values of x at which the points stand.

    They are taken to be on the coarsest regular grid that, joined point by point, gives the
    curves back; where there is none, at the markers or the bends. Lines that are rounded off have
    no bends where their points stand: they are read at the labels.
    """
    low = min(float(c.x[0]) for _, c in curves)
    high = max(float(c.x[-1]) for _, c in curves)
    marked = [v for _, curve in curves if curve.marked for v in curve.vertices]
    if axis.scale == "linear" and axis.step > 0:
        for parts in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 4, 5, 10, 20):
            step = axis.step / parts
            if abs(step / axis.slope) < 3.5 or (step < 1 and axis.ticks[0][1] > 1000):
                break
            first, last = round(axis.value(low) / step), round(axis.value(high) / step)
            grid = [float(round(k * step, 9)) for k in range(first, last + 1)]
            pixels = np.array([axis.pixel(g) for g in grid])
            if (
                len(grid) < (2 if parts >= 1 else 4)
                or abs(pixels[0] - low) > 9
                or abs(pixels[-1] - high) > 9
            ):
                continue
            if marked:
                off = [float(np.abs(pixels - v).min()) for v in marked]
                near = [min(abs(p - v) for v in marked) < 4 for p in pixels]
                if np.mean(np.array(off) < 3.0) > 0.85 and np.mean(near) > 0.5:
                    return grid
            elif np.mean([_gives_back(curve, pixels) for _, curve in curves]) > 0.92:
                return grid
            bends = [v for _, curve in curves for v in curve.vertices]
            gaps = np.abs(pixels[:, None] - np.array(bends)) if bends else np.full((1, 1), np.inf)
            at_grid, met = gaps.min(axis=0) < 3, gaps.min(axis=1) < 3
            if at_grid.mean() > 0.8 and met.mean() > 0.7:
                return grid
    if not marked and all(is_rounded(curve) for _, curve in curves):
        inside = [v for p, v in axis.ticks if low - _ENDS_PX < p < high + _ENDS_PX]
        if len(inside) > 2:
            return sorted(inside)
    corners = sorted(marked or [v for _, curve in curves for v in curve.vertices])
    merged: list[float] = []
    for corner in corners:
        if not merged or corner - merged[-1] > 6:
            merged.append(corner)
    return [_at_tick(corner, axis) for corner in merged]


def is_rounded(curve: Curve) -> bool:
    """Whether a line has no corners: it turns little at each of many bends, the same way on."""
    if len(curve.vertices) < _ROUND_BENDS:
        return False
    places = np.array(curve.vertices)
    slopes = np.diff([curve.at(v) for v in places]) / np.diff(places)
    turns = np.diff(np.arctan(slopes))
    changes = int((np.sign(turns[1:]) != np.sign(turns[:-1])).sum())
    return bool(np.abs(turns).max() < _SHARP and changes <= _WAVES * len(turns))


def _at_tick(corner: float, axis: Axis) -> float:
    """The value at a pixel: that of the tick which stands there, if one does."""
    at, value = min(axis.ticks, key=lambda tick: abs(tick[0] - corner))
    return value if abs(at - corner) < _ON_TICK_PX else axis.rounded_at(corner)


def _gives_back(curve: Curve, places: npt.NDArray[np.float64]) -> float:
    """Share of a curve that straight strokes between places, pixels, give back."""
    inside = places[(places > curve.x[0] - 5) & (places < curve.x[-1] + 5)]
    if len(inside) < 2:
        return 0.0
    straight = np.interp(curve.x, inside, _heights(curve, inside))
    slope = np.abs(np.gradient(straight))
    return float(np.mean(np.abs(curve.y - straight) < 2.5 + 1.2 * slope))
