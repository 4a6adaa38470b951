"""Hatched bars and keys, strokes on the page's colour, painted in a colour for each hatching.

What is hatched differs in how dense its strokes are and which way they run. The first becomes how
dark the colour is, the second its hue, so that what follows tells series by their colours as ever.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..frame import Image
from .chart import Chart, Color
from .pages import Floats, page_of

_INK = 40.0
"""A pixel farther from the page than this, in RGB, is of a stroke."""
_CELL = 1500
"""Pixels between strokes of a hatching at most."""
_SLANTED = 0.8
"""Cells between slanted strokes fill less of the rectangles around them; those of grids do not."""
_STROKE_PX = 5
"""What strokes are thick at most."""
_OUTLINE_PX = 1
"""Half of how thick the outline of a hatched rectangle is."""
_LEAST_CELLS, _LEAST_SIDE, _LEAST_SHARE = 3, 6, 0.6
"""Of a key: its cells, its shorter side in pixels, and what share of it they fill."""
_BAR_CELLS, _BAR_SIDE, _BAR_SHARE = 4, 14, 0.88
"""The same of a bar; there are keys where there are bars alone."""
_HUE, _DARKER = 90.0, 0.8
"""How strong the hue is, in RGB; what is kept of the mean, so that none is as pale as the page."""
_THIRDS = np.array([0.0, 2 * np.pi / 3, -2 * np.pi / 3])
_ALIKE = 60.0
"""A series in a colour that is nearer, in RGB, to one that was painted is hatched so."""


class Hatched(NamedTuple):
    """A hatched rectangle.

    Attributes:
        box: (x0, y0, x1, y1) pixels within its outline.
        paint: RGB that stands for its hatching.
        own: RGB that it has as a whole, from afar.
    """

    box: tuple[int, int, int, int]
    paint: Color
    own: Color


def hatchings(image: Image) -> list[Hatched]:
    """The hatched bars of an image [H, W, 3], and the keys beside them."""
    import cv2

    ink = np.linalg.norm(image.astype(np.float32) - page_of(image), axis=-1) > _INK
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~ink).astype(np.uint8), connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    filled = area / np.maximum(stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT], 1)
    is_cell = (area < _CELL) & (area > 2)
    is_cell[0] = False  # the strokes themselves
    kernel = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    joined = cv2.morphologyEx(is_cell[labels].astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    bars: list[Hatched] = []
    keys: list[Hatched] = []
    for x, y, width, height, size in cv2.connectedComponentsWithStats(joined)[2][1:].tolist():
        side, share = min(width, height), size / (width * height)
        if side < _LEAST_SIDE or share < _LEAST_SHARE:
            continue
        part = slice(y, y + height), slice(x, x + width)
        cells = np.unique(labels[part][~ink[part]])
        cells = cells[is_cell[cells]]
        many = len(cells)
        if many < _LEAST_CELLS or np.average(filled[cells], weights=area[cells]) > _SLANTED:
            continue
        found = Hatched((x, y, x + width, y + height), *_colors(image[part]))
        if side >= _BAR_SIDE and share >= _BAR_SHARE and many >= _BAR_CELLS:
            bars.append(found)
        elif height < _BAR_SIDE:
            keys.append(found)
    return bars + [_nearest(bars, key.paint)._replace(box=key.box) for key in keys if bars]


def unhatched(image: Image, found: Sequence[Hatched]) -> Image:
    """An image with its hatched rectangles painted; itself where there are none."""
    if not found:
        return image
    painted, page = image.copy(), page_of(image)
    # The middle of its outline is where a bar ends.
    for one in found:
        _paint(painted, one.box, page, 2 * _OUTLINE_PX)
    for one in found:
        _paint(painted, one.box, one.paint, _OUTLINE_PX)
    return painted


def in_own_colors(chart: Chart, found: Sequence[Hatched]) -> Chart:
    """A chart that was read off painted bars, whose series have the colours that they were in."""
    if not found:
        return chart
    series = []
    for one in chart.series:
        nearest = _nearest(found, one.color)
        painted = np.linalg.norm(np.subtract(nearest.paint, one.color)) < _ALIKE
        series.append(replace(one, color=nearest.own) if painted else one)
    return replace(chart, series=tuple(series))


def _nearest(found: Sequence[Hatched], color: Color) -> Hatched:
    """The one whose paint is most like a colour."""
    return min(found, key=lambda one: float(np.linalg.norm(np.subtract(one.paint, color))))


def _paint(
    image: Image, box: tuple[int, int, int, int], color: Floats | Color, beyond: int
) -> None:
    x0, y0, x1, y1 = box
    whole = slice(max(y0 - beyond, 0), y1 + beyond), slice(max(x0 - beyond, 0), x1 + beyond)
    image[whole] = color


def _colors(hatched: Image) -> tuple[Color, Color]:
    """A colour that says how dense strokes are and which way they run, and their mean."""
    import cv2

    grey = cv2.GaussianBlur(hatched.mean(axis=-1).astype(np.float32), (3, 3), 0)
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    inner = (slice(2, -2), slice(2, -2))  # without the outline
    right, down = np.asarray(right)[inner], np.asarray(down)[inner]
    across, slanted = float((right**2 - down**2).sum()), float((2 * right * down).sum())
    one_way = np.hypot(across, slanted) / max(float((right**2 + down**2).sum()), 1e-6)
    hue = np.cos(np.arctan2(slanted, across) - _THIRDS)
    # Strokes that cross run no way: they get a hue that no slanted ones have.
    tint = _HUE * (one_way * hue + (1 - one_way) * np.cos(_THIRDS))
    return _rgb(_DARKER * hatched.mean() + tint), _rgb(hatched.mean(axis=(0, 1)))


def _rgb(color: npt.NDArray[np.float64]) -> Color:
    r, g, b = (int(v) for v in np.clip(np.round(color), 0, 255))
    return r, g, b
