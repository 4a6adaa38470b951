"""Drawn charts: a bar chart as a picture, as one would print it; the simulator's own pen."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from handeye.perception.frame import Image

Rgb = tuple[int, int, int]

WIDTH, HEIGHT = 960, 640
"""Size of a drawn chart, pixels."""
_FINER = 2
"""It is drawn so much larger, and made smaller, which smooths its edges."""
_PALETTE: tuple[Rgb, ...] = (
    (38, 88, 150),
    (196, 88, 34),
    (44, 124, 72),
    (140, 52, 96),
    (84, 84, 92),
)
_COLORS: dict[str, Rgb] = {
    "red": (204, 44, 40),
    "orange": (240, 140, 30),
    "yellow": (236, 200, 40),
    "green": (48, 148, 66),
    "blue": (40, 92, 190),
    "purple": (126, 66, 160),
    "pink": (236, 130, 170),
    "brown": (120, 80, 50),
}
"""Of paper and ink no bars are made: where white or black is among the colours, all bars are alike.
"""
_STEPS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class ChartStyle:
    """How a chart looks.

    Attributes:
        flat: whether the bars lie.
        own_colors: whether bars that stand for colours have them.
        rgb: of the bars, else.
        grid: whether there are lines across.
        printed: whether the values stand at the bars.
        paper: of the sheet.
        share: how much of its room a bar fills.
    """

    flat: bool = False
    own_colors: bool = True
    rgb: Rgb = _PALETTE[0]
    grid: bool = True
    printed: bool = False
    paper: Rgb = field(default=(255, 255, 255))
    share: float = 0.6


def sample_chart_style(rng: np.random.Generator) -> ChartStyle:
    """Draw a style."""
    return ChartStyle(
        flat=bool(rng.random() < 0.35),
        own_colors=bool(rng.random() < 0.6),
        rgb=_PALETTE[int(rng.integers(len(_PALETTE)))],
        grid=bool(rng.random() < 0.6),
        printed=bool(rng.random() < 0.25),
        paper=(255, 255, 255) if rng.random() < 0.6 else (250, 246, 234),
        share=float(rng.uniform(0.5, 0.72)),
    )


def draw_chart(
    table: Mapping[str, int], style: ChartStyle, *, title: str = "", values: str = ""
) -> Image:
    """A bar chart of a table.

    Args:
        table: category -> value, from 0 up.
        style: how it looks.
        title: above it; "" for none.
        values: name of the value axis; "" for none.

    Returns:
        [640, 960, 3] uint8.
    """
    from PIL import Image as Picture
    from PIL import ImageDraw

    if not all(name in _COLORS for name in table):
        style = replace(style, own_colors=False)
    picture = Picture.new("RGB", (WIDTH * _FINER, HEIGHT * _FINER), style.paper)
    pen = _Pen(ImageDraw.Draw(picture), style)
    if title:
        pen.text((WIDTH / 2, 40), title, 38, "mm")
    (pen.lying if style.flat else pen.standing)(table, values)
    small = picture.resize((WIDTH, HEIGHT), Picture.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.uint8)


def _ticks(largest: int) -> list[int]:
    """Where the value axis has marks: from 0 to one beyond the largest value."""
    step = next((s for s in _STEPS if largest / s <= 7), _STEPS[-1])
    return [step * k for k in range(math.floor(largest / step) + 2)]


class _Pen:
    """Draws in the units of the finished picture."""

    def __init__(self, draw: Any, style: ChartStyle) -> None:
        self._draw, self._style = draw, style

    def standing(self, table: Mapping[str, int], values: str) -> None:
        """Bars that stand, their values to the left."""
        left, right, top, bottom = 130.0, WIDTH - 40.0, 90.0, HEIGHT - 80.0
        ticks = _ticks(max(table.values()))
        for tick in ticks:
            y = bottom - (bottom - top) * tick / ticks[-1]
            if self._style.grid:
                self.line((left, y), (right, y), (216, 216, 216), 1.5)
            self.line((left - 9, y), (left, y))
            self.text((left - 16, y), str(tick), 30, "rm")
        room = (right - left) / len(table)
        for i, (name, value) in enumerate(table.items()):
            x, half = left + room * (i + 0.5), room * self._style.share / 2
            y = bottom - (bottom - top) * value / ticks[-1]
            self.bar((x - half, y), (x + half, bottom), name)
            self.text((x, bottom + 30), name, 32, "mm")
            if self._style.printed:
                self.text((x, y - 20), str(value), 28, "mm")
        self.line((left, top), (left, bottom))
        self.line((left, bottom), (right, bottom))
        if values:
            self.text((left - 60, top - 30), values, 26, "lm")

    def lying(self, table: Mapping[str, int], values: str) -> None:
        """Bars that lie, their values below."""
        left, right, top, bottom = 190.0, WIDTH - 50.0, 80.0, HEIGHT - 110.0
        ticks = _ticks(max(table.values()))
        for tick in ticks:
            x = left + (right - left) * tick / ticks[-1]
            if self._style.grid:
                self.line((x, top), (x, bottom), (216, 216, 216), 1.5)
            self.line((x, bottom), (x, bottom + 9))
            self.text((x, bottom + 30), str(tick), 30, "mm")
        room = (bottom - top) / len(table)
        for i, (name, value) in enumerate(table.items()):
            y, half = top + room * (i + 0.5), room * self._style.share / 2
            x = left + (right - left) * value / ticks[-1]
            self.bar((left, y - half), (x, y + half), name)
            self.text((left - 16, y), name, 32, "rm")
            if self._style.printed:
                self.text((x + 20, y), str(value), 28, "mm")
        self.line((left, top), (left, bottom))
        self.line((left, bottom), (right, bottom))
        if values:
            self.text(((left + right) / 2, HEIGHT - 30), values, 28, "mm")

    def bar(self, corner: tuple[float, float], other: tuple[float, float], name: str) -> None:
        """A bar, in the colour that it stands for where the style says so."""
        style = self._style
        fill = _COLORS[name] if style.own_colors else style.rgb
        box = tuple(round(v * _FINER) for v in (*corner, *other))
        if box[2] > box[0] and box[3] > box[1]:
            self._draw.rectangle(box, fill=fill)

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        fill: Rgb = (40, 40, 40),
        width: float = 2.5,
    ) -> None:
        """A straight stroke."""
        points = [round(v * _FINER) for v in (*start, *end)]
        self._draw.line(points, fill=fill, width=round(width * _FINER))

    def text(self, at: tuple[float, float], words: str, size: int, anchor: str) -> None:
        """Words; the anchor as in Pillow."""
        from PIL import ImageFont

        face = ImageFont.load_default(size=size * _FINER)
        place = (at[0] * _FINER, at[1] * _FINER)
        self._draw.text(place, words, font=face, fill=(30, 30, 30), anchor=anchor)
