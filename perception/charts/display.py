"""Seven-segment displays: the digits of clocks, meters and scales."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..frame import Image, Mask
from .chart import Chart, ChartRow

_SEGMENTS = {
    "abcdef": "0", "bc": "1", "abdeg": "2", "abcdg": "3", "bcfg": "4", "acdfg": "5",
    "acdefg": "6", "cdefg": "6", "abc": "7", "abcf": "7", "abcdefg": "8", "abcdfg": "9",
    "abcfg": "9", "g": "-",
}  # fmt: skip
"""Which segments make which sign: a top, b c right, d bottom, e f left, g middle."""
_PLACES = {
    "a": (0.5, 0.0), "b": (1.0, 0.25), "c": (1.0, 0.75), "d": (0.5, 1.0), "e": (0.0, 0.75),
    "f": (0.0, 0.25), "g": (0.5, 0.5),
}  # fmt: skip
_HOLES = ((0.5, 0.25), (0.5, 0.75))
_LEAST_HEIGHT = 0.08
"""Of the image's height: smaller digits are print, not a display."""


@dataclass(frozen=True)
class _Piece:
    """A connected piece of what is lit; edges in pixels, half-open."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0


def read_display(image: Image) -> Chart | None:
    """The number on a seven-segment display; None where the image shows none.

    A display on which one sign is no digit is not read at all, nor is a lone digit believed: a
    frame with a bar across it looks like an 8, and a speck beside it like a point.

    Args:
        image: [H, W, 3] uint8.
    """
    for lit in _masks(image):
        for shear in (0.0, 0.09, 0.17):
            straight = _sheared(lit, shear)
            said = _row(straight)
            if said is not None and said[0] != "." and sum(c.isdigit() for c in said) > 1:
                try:
                    value = float(said) + 0.0  # 0.0 makes a -0 a 0
                except ValueError:
                    return None
                return Chart("display", (ChartRow("", said, value, 0.9),))
    return None


def _masks(image: Image) -> list[Mask]:
    """What may be lit: the bright on the dark, or the dark on the bright.

    The panel may stand out from what is around it more than the digits do from the panel: each
    side of Otsu's threshold is divided once more.
    """
    top, low = image.max(axis=-1), image.min(axis=-1)
    bright, dark = top > _otsu(top), low <= _otsu(low)
    found = [bright, dark]
    if bright.any() and dark.any():
        found += [bright & (top > _otsu(top[bright])), dark & (low <= _otsu(low[dark]))]
    return found


def _otsu(levels: npt.NDArray[np.uint8]) -> float:
    """Otsu's threshold of grey levels."""
    import cv2

    column = np.ascontiguousarray(levels.reshape(-1, 1))
    return float(cv2.threshold(column, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0])


def _sheared(mask: Mask, shear: float) -> Mask:
    """Slanted digits set upright."""
    import cv2

    if not shear:
        return mask
    height, width = mask.shape
    matrix = np.array([[1, shear, -shear * height / 2], [0, 1, 0]], np.float32)
    turned = cv2.warpAffine(mask.astype(np.uint8), matrix, (width, height))
    return np.asarray(turned) > 0


def _row(lit: Mask) -> str | None:
    """What the largest row of digits says; None where it is none."""
    pieces = _pieces(lit)
    if not pieces:
        return None
    strokes = [min(p.width, p.height) for p in pieces]
    height = _digit_height(pieces)
    if height < _LEAST_HEIGHT * lit.shape[0]:
        return None
    thick = float(np.median(strokes))
    import cv2

    # Points stand close to digits: they are taken out before segments are joined.
    dots = [p for p in pieces if max(p.width, p.height) < 1.8 * thick]
    segments = lit.copy()
    for dot in dots:
        segments[dot.y0 : dot.y1, dot.x0 : dot.x1] = False
    size = max(3, round(0.9 * thick) | 1)
    kernel = np.ones((size, size), np.uint8)
    closed = cv2.morphologyEx(segments.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    signs = [p for p in [*_pieces(np.asarray(closed) > 0), *dots] if p.height < 1.4 * height]
    digits = [p for p in signs if p.height > 0.8 * height and p.width < 0.95 * height]
    if not digits:
        return None
    line = (min(p.y0 for p in digits), max(p.y1 for p in digits))
    if any(
        abs(p.y0 - line[0]) > 0.15 * height or abs(p.y1 - line[1]) > 0.15 * height for p in digits
    ):
        return None
    widths = [p.width for p in digits if p.width > 0.35 * height]
    if not widths or max(widths) > 1.2 * min(widths):
        return None
    wide = float(np.median(widths))
    others = [
        p for p in signs if p not in digits and p.y0 >= line[0] - 2 and p.y1 <= line[1] + thick
    ]
    text = ""
    for sign in sorted([*digits, *others], key=lambda p: p.x0):
        if sign in digits:
            found = _digit(lit, sign, wide, thick)
        elif sign.width > 0.3 * height and sign.height < 0.4 * height:
            middle = (sign.y0 + sign.y1) / 2
            found = "-" if abs(middle - sum(line) / 2) < 0.15 * height else None
        elif max(sign.width, sign.height) < 0.3 * height and sign.y1 > line[1] - 0.2 * height:
            found = "."
        else:
            found = None
        if found is None:
            return None
        text += found
    return text if any(c.isdigit() for c in text) else None


def _pieces(mask: Mask) -> list[_Piece]:
    """Connected pieces that do not touch the image's edge, without dust."""
    import cv2

    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    height, width = mask.shape
    found = []
    for x, y, w, h, area in stats[1:count]:
        if area < 0.0002 * mask.size or x <= 0 or y <= 0 or x + w >= width or y + h >= height:
            continue
        found.append(_Piece(int(x), int(y), int(x + w), int(y + h)))
    return found


def _digit_height(pieces: list[_Piece]) -> float:
    """Height of the digits: two upright segments and what is between, or one joined digit."""
    tallest = max(p.height for p in pieces)
    tops, bottoms = [p.y0 for p in pieces], [p.y1 for p in pieces]
    whole = max(bottoms) - min(tops)
    return float(whole if whole < 2.6 * tallest else tallest)


def _digit(lit: Mask, box: _Piece, wide: float, thick: float) -> str | None:
    """The digit in a box, by which of its seven segments are lit."""
    x0 = box.x1 - wide if box.width < 0.55 * wide else float(box.x0)
    inset = 0.5 * thick
    left, top = x0 + inset, box.y0 + inset
    across, down = box.x1 - inset - left, box.y1 - inset - top
    reach = max(1, round(0.3 * thick))

    def share_at(u: float, v: float) -> float:
        x, y = round(left + u * across), round(top + v * down)
        patch = lit[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        return float(patch.mean()) if patch.size else 0.0

    # A filled rectangle is no 8.
    if any(share_at(*hole) > 0.5 for hole in _HOLES):
        return None
    on = ""
    for name, place in _PLACES.items():
        share = share_at(*place)
        if 0.35 < share < 0.55:
            return None
        on += name if share >= 0.55 else ""
    return _SEGMENTS.get(on)
