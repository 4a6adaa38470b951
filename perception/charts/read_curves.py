"""From curves to rows: at which places a line's points stand, and how high."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .axis import Axis
from .categories import Label
from .chart import ChartRow
from .curves import Curve

_OFF_PX = 2.2


def curve_rows(
    curves: Sequence[tuple[str, Curve]], x_axis: Axis | None, y_axis: Axis, labels: list[Label]
) -> tuple[list[ChartRow], list[str]]:
    """The table behind curves, and what of it could not be read.

    Args:
        curves: (name, curve) of each series.
        x_axis: None for categories.
        y_axis: of the values.
        labels: of the categories, if there is no numeric axis.
    """
    if x_axis is None:
        places: list[tuple[float, str | float, float]] = [(t.at, t.text, t.score) for t in labels]
        unread = [] if labels else ["the names along the horizontal axis"]
    else:
        places = [(x_axis.pixel(v), v, x_axis.agreed) for v in _positions(curves, x_axis)]
        unread = []
    rows = []
    for name, curve in curves:
        for at, x, sure in places:
            if not curve.x[0] - 4 <= at <= curve.x[-1] + 4:
                continue
            pixel = curve.at(_nearest_vertex(curve, at))
            rows.append(ChartRow(name, x, y_axis.rounded_at(pixel), 0.9 * sure * y_axis.agreed))
    return rows, unread


def _nearest_vertex(curve: Curve, at: float) -> float:
    """A place near a corner means the corner: labels and corners are both a little off."""
    near = min(curve.vertices, key=lambda v: abs(v - at), default=at)
    return near if abs(near - at) <= _OFF_PX else at


def _positions(curves: Sequence[tuple[str, Curve]], axis: Axis) -> list[float]:
    """The values of x at which the points stand.

    They are taken to be on the coarsest regular grid that, joined point by point, gives the
    curves back; where there is none, at the markers or the bends.
    """
    low = min(float(c.x[0]) for _, c in curves)
    high = max(float(c.x[-1]) for _, c in curves)
    marked = [v for _, curve in curves if curve.marked for v in curve.vertices]
    if axis.scale == "linear" and axis.step > 0:
        for parts in (0.1, 0.2, 0.25, 0.5, 1, 2, 4, 5, 10, 20):
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
            elif all(_gives_back(curve, pixels) for _, curve in curves):
                return grid
    corners = sorted(marked or [v for _, curve in curves for v in curve.vertices])
    merged: list[float] = []
    for corner in corners:
        if not merged or corner - merged[-1] > 6:
            merged.append(corner)
    return [axis.rounded_at(corner) for corner in merged]


def _gives_back(curve: Curve, places: npt.NDArray[np.float64]) -> bool:
    """Whether a curve is made of straight strokes between places, pixels."""
    inside = places[(places > curve.x[0] - 5) & (places < curve.x[-1] + 5)]
    if len(inside) < 2:
        return False
    heights = np.array([curve.at(p) for p in _snapped(inside, curve)])
    straight = np.interp(curve.x, inside, heights)
    slope = np.abs(np.gradient(straight))
    return bool(np.mean(np.abs(curve.y - straight) < 2.5 + 1.2 * slope) > 0.94)


def _snapped(places: npt.NDArray[np.float64], curve: Curve) -> npt.NDArray[np.float64]:
    return np.array([_nearest_vertex(curve, float(p)) for p in places])
