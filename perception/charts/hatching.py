"""Hatched bars and keys, strokes on the page's colour, painted in a colour for each hatching.

What is hatched differs in how dense its strokes are and which way they run. The first becomes how
dark the colour is, the second its hue, so that what follows tells series by their colours as ever.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ..frame import Image

Floats = npt.NDArray[np.float64]
_INK = 40.0
"""A pixel farther from the page than this, in RGB, is of a stroke."""
_CELL = 1500
"""Pixels between strokes of a hatching at most."""
_SLANTED = 0.8
"""Cells between slanted strokes fill less of the rectangles around them; those of grids do not."""
_STROKE_PX = 5
_OUTLINE_PX = 1
"""Half of how thick the outline of a hatched rectangle is."""
_BAR, _KEY = (14, 4, 0.88), (6, 3, 0.6)
"""What is a bar, and what beside bars is a key: its shorter side, pixels; how many cells it has;
and the share of the rectangle around them that they fill."""
_HUE, _DARKER = 90.0, 0.8
"""How strong the hue is, in RGB; what is kept of the mean, so that none is as pale as the page."""
_THIRDS = np.array([0.0, 2 * np.pi / 3, -2 * np.pi / 3])


class _Hatched(NamedTuple):
    """A rectangle, (x0, y0, x1, y1) pixels, and the colour [3] for its hatching."""

    box: tuple[int, int, int, int]
    color: Floats


def unhatched(image: Image) -> Image:
    """An image [H, W, 3] with its hatched bars painted, and their keys; itself without any."""
    page = _page(image)
    ink = np.linalg.norm(image.astype(np.float32) - page, axis=-1) > _INK
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~ink).astype(np.uint8), connectivity=4)
    bars = _rectangles(image, ink, np.asarray(labels), np.asarray(stats), *_BAR)
    if not bars:
        return image
    known, keys = [bar.box for bar in bars], []
    for box, color in _rectangles(image, ink, np.asarray(labels), np.asarray(stats), *_KEY):
        if box not in known and box[3] - box[1] < _BAR[0]:
            nearest = min(bars, key=lambda bar: float(np.linalg.norm(bar.color - color)))
            keys.append(nearest._replace(box=box))
    painted = image.copy()
    # The middle of its outline is where a bar ends.
    for box, _ in bars + keys:
        _paint(painted, box, page, 2 * _OUTLINE_PX)
    for box, color in bars + keys:
        _paint(painted, box, color, _OUTLINE_PX)
    return painted


def _rectangles(
    image: Image,
    ink: npt.NDArray[np.bool_],
    labels: npt.NDArray[np.int32],
    stats: npt.NDArray[np.int32],
    side: int,
    cells: int,
    share: float,
) -> list[_Hatched]:
    """Rectangles that slanted strokes part into cells.

    Args:
        image: [H, W, 3].
        ink: [H, W] where strokes are.
        labels, stats: of what lies between them, as OpenCV tells connected components.
        side, cells, share: see `_BAR`.
    """
    area = stats[:, cv2.CC_STAT_AREA]
    filled = area / np.maximum(stats[:, cv2.CC_STAT_WIDTH] * stats[:, cv2.CC_STAT_HEIGHT], 1)
    is_cell = (area < _CELL) & (area > 2)
    is_cell[0] = False  # the strokes themselves
    kernel = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    joined = cv2.morphologyEx(is_cell[labels].astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    found = []
    for x, y, width, height, size in cv2.connectedComponentsWithStats(joined)[2][1:].tolist():
        if min(width, height) < side or size < share * width * height:
            continue
        part = slice(y, y + height), slice(x, x + width)
        inside = np.unique(labels[part][~ink[part]])
        inside = inside[is_cell[inside]]
        if len(inside) < cells or np.average(filled[inside], weights=area[inside]) > _SLANTED:
            continue
        found.append(_Hatched((x, y, x + width, y + height), _color(image[part])))
    return found


def _paint(
    image: Image, box: tuple[int, int, int, int], color: npt.NDArray[Any], beyond: int
) -> None:
    x0, y0, x1, y1 = box
    whole = slice(max(y0 - beyond, 0), y1 + beyond), slice(max(x0 - beyond, 0), x1 + beyond)
    image[whole] = np.clip(color, 0, 255).astype(np.uint8)


def _page(image: Image) -> npt.NDArray[np.float32]:
    """The colour that most of an image's edge has."""
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    colors, counts = np.unique(edge, axis=0, return_counts=True)
    return np.asarray(colors[counts.argmax()], np.float32)


def _color(hatched: Image) -> Floats:
    """A colour [3] that says how dense strokes are and which way they run."""
    grey = cv2.GaussianBlur(hatched.mean(axis=-1).astype(np.float32), (3, 3), 0)
    right, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    inner = (slice(2, -2), slice(2, -2))  # without the outline
    right, down = np.asarray(right)[inner], np.asarray(down)[inner]
    across, slanted = float((right**2 - down**2).sum()), float((2 * right * down).sum())
    one_way = np.hypot(across, slanted) / max(float((right**2 + down**2).sum()), 1e-6)
    hue = np.cos(np.arctan2(slanted, across) - _THIRDS)
    # Strokes that cross run no way: they get a hue that no slanted ones have.
    tint = _HUE * (one_way * hue + (1 - one_way) * np.cos(_THIRDS))
    return np.asarray(_DARKER * hatched.mean() + tint)
