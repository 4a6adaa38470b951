"""The catalogue: what can lie on a table, in which colours and sizes.

Colours are named regions of HSV space with gaps between them, so that every shade that a seed
draws has one right name. Sizes keep everything within what a gripper of 8 cm stroke can take,
by the body or by the rim.
"""

import colorsys
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Category = Literal[
    "cup", "bowl", "plate", "block", "ball", "can", "bottle", "box", "duck", "lego", "teddy"
]
CATEGORIES: tuple[Category, ...] = get_args(Category)

ColorName = Literal[
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black"
]
COLORS: tuple[ColorName, ...] = get_args(ColorName)

Rgb = tuple[float, float, float]
Range = tuple[float, float]

# (hue in degrees, saturation, value), each a range to draw from.
_SHADES: dict[ColorName, tuple[Range, Range, Range]] = {
    "red": ((-6, 4), (0.82, 1.0), (0.65, 0.95)),
    "orange": ((22, 31), (0.85, 1.0), (0.92, 1.0)),
    "yellow": ((50, 58), (0.78, 1.0), (0.88, 1.0)),
    "green": ((105, 145), (0.6, 1.0), (0.4, 0.8)),
    "blue": ((208, 232), (0.7, 1.0), (0.55, 0.95)),
    "purple": ((268, 284), (0.55, 0.9), (0.4, 0.72)),
    "pink": ((318, 340), (0.35, 0.6), (0.9, 1.0)),
    "brown": ((18, 28), (0.6, 0.8), (0.28, 0.42)),
    "white": ((0, 360), (0.0, 0.04), (0.9, 1.0)),
    "black": ((0, 360), (0.0, 0.15), (0.03, 0.12)),
}

# Metres: (footprint diameter or side, height) ranges. Meshes scale uniformly to the first.
SIZES: dict[str, tuple[Range, Range]] = {
    "cup": ((0.068, 0.085), (0.075, 0.105)),
    "bowl": ((0.12, 0.165), (0.045, 0.065)),
    "plate": ((0.15, 0.20), (0.018, 0.026)),
    "block": ((0.034, 0.056), (0.034, 0.056)),
    "ball": ((0.042, 0.066), (0.042, 0.066)),
    "can": ((0.05, 0.066), (0.085, 0.12)),
    "bottle": ((0.05, 0.064), (0.15, 0.20)),
    "box": ((0.045, 0.065), (0.08, 0.14)),
    "duck": ((0.075, 0.10), (0.07, 0.10)),
    "lego": ((0.045, 0.06), (0.03, 0.04)),
    "teddy": ((0.075, 0.10), (0.09, 0.13)),
}

UPSIDE_STABLE: frozenset[Category] = frozenset({"block", "box", "can", "cup", "lego"})
"""Categories with a level top that something can be set on."""

HELD_OUT: dict[Category, ColorName] = {
    category: COLORS[(3 * i + 1) % len(COLORS)] for i, category in enumerate(CATEGORIES)
}
"""One colour of each category that no training scene ever shows."""
HELD_OUT_PAIRS: frozenset[tuple[ColorName, Category]] = frozenset(
    (color, category) for category, color in HELD_OUT.items()
)
"""The same as pairs."""
HELD_OUT_FURNITURE: dict[str, ColorName] = {"drawer": "blue", "fridge": "brown"}
"""The same for furniture."""


@dataclass(frozen=True)
class ObjectSpec:
    """One object to build.

    Attributes:
        category, color: its right names.
        width_m: footprint diameter, or the longer side of the footprint.
        height_m: total height.
        rgb: the shade, 0..1.
        variant: which of the category's shapes.
    """

    category: Category
    color: ColorName
    width_m: float
    height_m: float
    rgb: Rgb
    variant: int = 0

    @property
    def name(self) -> str:
        """Words for it, such as "red cup"."""
        return f"{self.color} {self.category}"


def sample_shade(color: ColorName, rng: np.random.Generator) -> Rgb:
    """Draw an RGB shade, 0..1, that is rightly called `color`."""
    hue, saturation, value = (rng.uniform(*bounds) for bounds in _SHADES[color])
    return colorsys.hsv_to_rgb((hue / 360.0) % 1.0, saturation, value)


def sample_object(
    category: Category,
    color: ColorName,
    rng: np.random.Generator,
    *,
    size: Literal["small", "any", "big"] = "any",
) -> ObjectSpec:
    """Draw size and shade of an object; "small" and "big" draw from the outer thirds."""
    low, high = {"small": (0.0, 0.25), "any": (0.0, 1.0), "big": (0.75, 1.0)}[size]
    share = rng.uniform(low, high)
    width, height = (a + share * (b - a) for a, b in SIZES[category])
    if category not in ("block", "ball", "duck", "lego", "teddy"):
        height *= rng.uniform(0.95, 1.05)
    return ObjectSpec(
        category, color, width, height, sample_shade(color, rng), int(rng.integers(0, 2**16))
    )
