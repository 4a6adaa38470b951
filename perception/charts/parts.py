"""A chart taken apart: its plot, its inks, and which name each has in the legend."""

from dataclasses import dataclass, replace

import numpy as np

from ..frame import Image, Mask
from .ink import Canvas, Ink, likeness_of_hue, share_near
from .layout import Box, Layout
from .legend import Entry, find_legend


@dataclass(frozen=True, eq=False)
class Parts:
    """A chart taken apart, with what its texts are.

    Attributes:
        canvas: background, guides and inks; without the legend's swatches.
        layout: numeric axes and their texts.
        legend: its entries.
        inks: those that show data, in the legend's order where there is one.
        names: of each of these inks, "" where there is no legend.
        window: (x0, y0, x1, y1) of the plot, pixels.
        image: [H, W, 3] uint8.
    """

    image: Image
    canvas: Canvas
    layout: Layout
    legend: list[Entry]
    inks: tuple[Ink, ...]
    names: tuple[str, ...]
    window: Box


def parts_of(image: Image, canvas: Canvas, layout: Layout) -> Parts:
    """Find the legend, the plot, and the inks in it that show data."""
    legend = find_legend(canvas, layout.free)
    window = _window(canvas, layout)
    for entry in legend:
        x0, y0, x1, y1 = entry.swatch
        pad = max(3, round(0.35 * entry.text.height))
        for ink in canvas.inks:
            ink.mask[max(y0 - pad, 0) : y1 + pad, max(x0 - pad, 0) : x1 + pad] = False
    inks = [replace(ink, mask=_within(ink.mask, window)) for ink in canvas.inks]
    inks = [ink for ink in inks if int(ink.mask.sum()) >= 10]
    matched = _matched(legend, inks)
    hues = [ink for ink in inks if not ink.grey and ink.mask.sum() > 40]
    if matched and (len(matched) > 1 or len(hues) < 2):
        names = [entry.text.text for entry, _ in matched]
        shown = [ink for _, ink in matched]
        # What a legend does not name is data too, if there is much of it.
        least = 0.25 * min(int(ink.mask.sum()) for ink in shown)
        rest = [
            k
            for k in hues
            if all(k is not i for i in shown) and k.mask.sum() > least and k.solid > 0.5
        ]
        names += [""] * len(rest)
        return Parts(image, canvas, layout, legend, (*shown, *rest), tuple(names), window)
    inks = _one_of_a_hue(inks)
    hued = max((int(ink.mask.sum()) for ink in inks if not ink.grey), default=0)
    strong = [ink for ink in inks if not ink.grey or int(ink.mask.sum()) > max(1.5 * hued, 40)]
    return Parts(image, canvas, layout, [], tuple(strong), ("",) * len(strong), window)


def _one_of_a_hue(inks: list[Ink]) -> list[Ink]:
    """Without a legend, shades of one hue that are no areas are one stroke with its rims."""
    kept: list[Ink] = []
    for ink in inks:
        like = [
            o
            for o in kept
            if not ink.grey and not o.grey and likeness_of_hue(ink.color, o.color) > 0.97
        ]
        if like and ink.solid < 0.5:
            like[0].mask[ink.mask] = True
        else:
            kept.append(ink)
    return kept


def _matched(legend: list[Entry], inks: list[Ink]) -> list[tuple[Entry, Ink]]:
    """Each entry with the ink of its colour, if the plot has it."""
    found: list[tuple[Entry, Ink]] = []
    for entry in legend:
        free = [ink for ink in inks if all(ink is not other for _, other in found)]
        near = max(free, key=lambda ink: _likeness(ink, entry), default=None)
        if near is not None and _likeness(near, entry) > -1e6:
            found.append((entry, near))
    for ink in inks:
        # Small or see-through marks come in shades.
        if ink.solid > 0.5 or ink.grey or any(ink is other for _, other in found):
            continue
        like = [(likeness_of_hue(ink.color, e.color), o) for e, o in found if not o.grey]
        best, owner = max(like, key=lambda pair: pair[0], default=(0.0, ink))
        if best > 0.975 and (owner.solid < 0.5 or share_near(ink, owner) < 0.5):
            owner.mask[ink.mask] = True
    return found


def _likeness(ink: Ink, entry: Entry) -> float:
    """How well an ink fits a legend's entry: alike in colour, and not a mere edge of another."""
    apart = float(np.linalg.norm(ink.color - entry.color))
    if apart < 230 and likeness_of_hue(ink.color, entry.color) > 0.985 and not ink.grey:
        return float(np.log(ink.mask.sum()) - 0.05 * apart)
    return float(np.log(ink.mask.sum()) - 0.14 * apart) if apart < 48 else -1e9


def _within(mask: Mask, window: Box) -> Mask:
    x0, y0, x1, y1 = (round(v) for v in window)
    out = np.zeros_like(mask)
    out[max(y0, 0) : y1, max(x0, 0) : x1] = mask[max(y0, 0) : y1, max(x0, 0) : x1]
    return out


def _window(canvas: Canvas, layout: Layout) -> Box:
    """Where data may lie: between the tick labels and the image's other edges."""
    height, width = canvas.drawn.shape
    x0, y0, x1, y1 = 0.0, 0.0, float(width), float(height)
    if layout.y_axis and layout.y_texts:
        left = float(np.median([t.center[0] for t in layout.y_texts])) < width / 2
        if left:
            x0 = max(t.box[2] for t in layout.y_texts) + 1
        else:
            x1 = min(t.box[0] for t in layout.y_texts) - 1
        reach = sorted(p for p, _ in layout.y_axis.ticks)
        step = (reach[-1] - reach[0]) / max(len(reach) - 1, 1)
        y0, y1 = max(y0, reach[0] - 1.6 * step), min(y1, reach[-1] + 1.6 * step)
    if layout.x_axis and layout.x_texts:
        below = float(np.median([t.center[1] for t in layout.x_texts])) > height / 2
        if below:
            y1 = min(y1, min(t.box[1] for t in layout.x_texts) - 1)
        else:
            y0 = max(y0, max(t.box[3] for t in layout.x_texts) + 1)
    return x0, y0, x1, y1
