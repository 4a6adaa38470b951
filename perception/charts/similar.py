"""Similar colours that a legend tells apart: one ink of an image that is two of a chart."""

import numpy as np

from ..frame import Mask
from .ink import Floats, Ink
from .legend import Entry

_NEAR, _APART = 30.0, 12.0
"""Entries and inks closer than the one, in RGB, may be of one colour; entries closer than the
other are."""
_LEAST_SHARE, _LEAST_SOLID = 0.04, 0.6
"""Of a part: how much of the ink it is, and how much of it lies within larger areas."""


def told_apart(rgb: Floats, legend: list[Entry], inks: list[Ink]) -> list[Ink]:
    """Inks, with those split that several entries of the legend come close to.

    Args:
        rgb: [H, W, 3] float32, the chart.
        legend: its entries.
        inks: in the plot.
    """
    found: list[Ink] = []
    for ink in inks:
        near = [
            e
            for e in legend
            if float(np.linalg.norm(e.color - ink.color)) < _NEAR
            and all(
                float(np.linalg.norm(e.color - ink.color))
                <= float(np.linalg.norm(e.color - other.color))
                for other in inks
            )
        ]
        found += _split(rgb, ink, [e.color for e in near]) if len(near) == 2 else [ink]
    return sorted(found, key=lambda ink: -int(ink.mask.sum()))


def _split(rgb: Floats, ink: Ink, colors: list[Floats]) -> list[Ink]:
    """The ink's parts in two colours, each a solid area; the ink itself where it has but one."""
    import cv2

    if ink.solid < 0.5 or float(np.linalg.norm(colors[0] - colors[1])) < _APART:
        return [ink]
    solid = np.asarray(cv2.erode(ink.mask.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
    pixels = rgb[solid]
    means = np.stack(colors)
    for _ in range(4):
        owner = np.linalg.norm(pixels[:, None] - means, axis=-1).argmin(axis=-1)
        if min((owner == k).mean() for k in (0, 1)) < _LEAST_SHARE:
            return [ink]
        means = np.stack([np.median(pixels[owner == k], axis=0) for k in (0, 1)])
    if float(np.linalg.norm(means[0] - means[1])) < _APART:
        return [ink]
    first = np.linalg.norm(rgb - means[0], axis=-1) < np.linalg.norm(rgb - means[1], axis=-1)
    parts = [_smooth(ink.mask & first), _smooth(ink.mask & ~first)]
    parts = [parts[0] & ~(parts[1] & ~first), parts[1] & ~(parts[0] & first)]
    inner = [
        np.asarray(cv2.erode(p.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0 for p in parts
    ]
    shares = [float(i.sum() / max(int(p.sum()), 1)) for i, p in zip(inner, parts, strict=True)]
    if min(shares) < _LEAST_SOLID:
        return [ink]
    return [Ink(m, p, s) for m, p, s in zip(means, parts, shares, strict=True)]


def _smooth(mask: Mask) -> Mask:
    """A mask without the specks and rims that the other colour's mixtures make."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return np.asarray(opened) > 0
