"""A chart taken apart: its plot, its inks, and which name each has in the legend."""

from dataclasses import dataclass, replace

import numpy as np

from ..frame import Image, Mask
from .direct_labels import stand_at_ends
from .edges import upper_edge
from .ink import Canvas, Ink, is_grey, is_mixed, likeness_of_hue, share_near
from .layout import Box, Layout
from .legend import Entry, find_legend
from .legend_gaps import with_missed
from .similar import told_apart

_PALER = 80.0
"""How far apart a grey stroke and its like in the legend may be, in RGB."""
_SAME = 14.0
"""Colours of areas that are closer than this, in RGB, are one."""
_LINE_SHARE, _DOTTED, _LIKE = 0.5, 0.25, 0.95
"""A line that the legend does not name goes over so much of the plot, has so much of the ink of
another line, and is less like its colour."""
_TICKS = 4
"""So many dashes of one length above or beside each other are ticks."""
_THIN, _LONG = 3, 12
"""How thin and how long ticks are at most, pixels."""


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
    legend = with_missed(image, canvas, find_legend(canvas, layout.free))
    if stand_at_ends(canvas, legend):
        legend = []
    for entry in legend:
        x0, y0, x1, y1 = entry.swatch
        pad = max(3, round(0.35 * entry.text.height))
        for ink in canvas.inks:
            ink.mask[max(y0 - pad, 0) : y1 + pad, max(x0 - pad, 0) : x1 + pad] = False
    window = _grown(_window(canvas, layout), canvas)
    inks = [replace(ink, mask=_within(ink.mask, window)) for ink in canvas.inks]
    frame = _frame(canvas, layout, window)
    inks = [replace(k, mask=_within(k.mask, frame)) if k.grey else k for k in inks]
    inks = [_without_ticks(k, window) if k.grey else k for k in inks]
    inks = [ink for ink in inks if int(ink.mask.sum()) >= 10]
    inks = [ink for ink in inks if not _is_shade_under(ink, inks)]
    inks = told_apart(canvas.rgb, legend, inks)
    matched = _matched(legend, inks)
    hues = [ink for ink in inks if not ink.grey and ink.mask.sum() > 40]
    if matched and (len(matched) > 1 or len(hues) < 2):
        names = [entry.text.text for entry, _ in matched]
        shown = [ink for _, ink in matched]
        # What a legend does not name is data too, if there is much of it.
        least = 0.25 * min(int(ink.mask.sum()) for ink in shown)
        others = [k for k in hues if all(k is not i for i in shown)]
        rest = [k for k in others if k.mask.sum() > least and k.solid > 0.5]
        rest += [k for k in others if k.solid <= 0.5 and _is_series(k, shown, canvas, window)]
        names += [""] * len(rest)
        return Parts(image, canvas, layout, legend, (*shown, *rest), tuple(names), window)
    inks = _one_of_a_hue(inks)
    hued = max((int(ink.mask.sum()) for ink in inks if not ink.grey), default=0)
    strong = [ink for ink in inks if not ink.grey or int(ink.mask.sum()) > max(1.5 * hued, 40)]
    return Parts(image, canvas, layout, [], tuple(strong), ("",) * len(strong), window)


def _is_series(ink: Ink, shown: list[Ink], canvas: Canvas, window: Box) -> bool:
    """Whether an ink that is named nowhere draws a line of its own, beside those that are."""
    columns = np.flatnonzero(ink.mask.any(axis=0))
    wide = np.ptp(columns) > _LINE_SHARE * (window[2] - window[0])
    much = ink.mask.sum() > _DOTTED * min(int(k.mask.sum()) for k in shown)
    new = all(likeness_of_hue(ink.color, k.color) < _LIKE for k in shown)
    if not (wide and much and new):
        return False
    # The soft edges of other lines run along them.
    edges = sum(share_near(ink, k) for k in shown) > _LINE_SHARE
    return not edges and not is_mixed(ink.color, [k.color for k in shown], canvas.backgrounds)


def _without_ticks(ink: Ink, window: Box) -> Ink:
    """A grey ink without the ticks at the plot's edges.

    At the left they are dashes exactly above each other, at the bottom uprights exactly beside
    each other, which nothing is below of.
    """
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        ink.mask.astype(np.uint8), connectivity=8
    )
    left = window[0] + 0.05 * (window[2] - window[0])
    ends = stats[:, 1] + stats[:, 3]
    alike: dict[tuple[str, int, int], list[int]] = {}
    for k in range(1, count):
        x, y, wide, tall, _ = (int(v) for v in stats[k])
        if x < left and tall <= _THIN and wide <= _LONG:
            alike.setdefault(("left", x, wide), []).append(k)
        if wide <= _THIN and tall <= _LONG and ends[k] >= ends[1:].max() - 1:
            alike.setdefault(("bottom", y, tall), []).append(k)
    ticks = [k for group in alike.values() if len(group) >= _TICKS for k in group]
    return replace(ink, mask=ink.mask & ~np.isin(labels, ticks)) if ticks else ink


def _is_shade_under(ink: Ink, inks: list[Ink]) -> bool:
    """Whether it is the area under a line that is drawn in a stronger shade of its colour."""
    if ink.grey or upper_edge(ink.mask) is None:
        return False
    wide = int(ink.mask.any(axis=0).sum())
    return any(
        not other.grey
        and likeness_of_hue(ink.color, other.color) > 0.97
        and 0.6 * wide < other.mask.any(axis=0).sum()
        and other.mask.sum() < 0.4 * ink.mask.sum()
        and upper_edge(other.mask) is None
        for other in inks
        if other is not ink
    )


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
    found = _plainly_matched(legend, inks)
    for entry in legend:
        if any(entry is e for e, _ in found):
            continue
        free = [ink for ink in inks if all(ink is not other for _, other in found)]
        near = max(free, key=lambda ink: _likeness(ink, entry), default=None)
        if near is not None and _likeness(near, entry) > -1e6:
            found.append((entry, near))
    found = _with_greys(legend, inks, found)
    for ink in inks:
        rims = [o for _, o in found if o.grey and o.solid < 0.5 and share_near(ink, o) > 0.6]
        if rims and ink.grey and ink.solid < 0.5 and all(ink is not o for _, o in found):
            rims[0].mask[ink.mask] = True
            continue
        # Small or see-through marks come in shades.
        if ink.solid > 0.5 or ink.grey or any(ink is other for _, other in found):
            continue
        like = [(likeness_of_hue(ink.color, e.color), o) for e, o in found if not o.grey]
        best, owner = max(like, key=lambda pair: pair[0], default=(0.0, ink))
        if best > 0.975 and (owner.solid < 0.5 or share_near(ink, owner) < 0.5):
            owner.mask[ink.mask] = True
    return found


def _plainly_matched(legend: list[Entry], inks: list[Ink]) -> list[tuple[Entry, Ink]]:
    """Entries with large areas of just their colour, the closest first: shades come in steps."""
    pairs = [
        (float(np.linalg.norm(ink.color - e.color)), i, k)
        for i, e in enumerate(legend)
        for k, ink in enumerate(inks)
        if ink.solid > 0.5
    ]
    found: dict[int, int] = {}
    for apart, i, k in sorted(pairs):
        if apart < _SAME and i not in found and k not in found.values():
            found[i] = k
    return [(legend[i], inks[k]) for i, k in found.items()]


def _with_greys(
    legend: list[Entry], inks: list[Ink], found: list[tuple[Entry, Ink]]
) -> list[tuple[Entry, Ink]]:
    """With the entries of thin grey strokes, which look paler in the legend than they are."""
    pairs = list(found)
    for entry in legend:
        free = [k for k in inks if k.grey and all(k is not o for _, o in pairs)]
        if not free or not is_grey(entry.color) or any(entry is e for e, _ in pairs):
            continue
        near = min(free, key=lambda ink: float(np.linalg.norm(ink.color - entry.color)))
        if float(np.linalg.norm(near.color - entry.color)) < _PALER:
            pairs.append((entry, near))
    # One that is left is the one ink's that is left, however much see-through its swatch is.
    bare = [e for e in legend if is_grey(e.color) and all(e is not o for o, _ in pairs)]
    free = [k for k in inks if k.grey and k.solid < 0.5 and all(k is not o for _, o in pairs)]
    if len(bare) == len(free) == 1:
        pairs.append((bare[0], free[0]))
    order = {id(entry): k for k, entry in enumerate(legend)}
    return sorted(pairs, key=lambda pair: order[id(pair[0])])


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


def _frame(canvas: Canvas, layout: Layout, window: Box) -> Box:
    """The window without the strips between tick labels and axis lines, where ticks are."""
    x0, y0, x1, y1 = window
    long = 0.45 * (y1 - y0), 0.45 * (x1 - x0)
    if layout.y_axis and layout.y_texts:
        reach = 1.6 * float(np.median([t.height for t in layout.y_texts]))
        upright = canvas.guides[max(round(y0), 0) : round(y1)].sum(axis=0) > long[0]
        for x in np.flatnonzero(upright):
            if x0 <= x < x0 + reach:
                x0 = float(x)
                break
        for x in np.flatnonzero(upright)[::-1]:
            if x1 - reach < x <= x1 < canvas.drawn.shape[1]:
                x1 = float(x)
                break
    if layout.x_axis and layout.x_texts:
        reach = 1.6 * float(np.median([t.height for t in layout.x_texts]))
        level = canvas.guides[:, max(round(x0), 0) : round(x1)].sum(axis=1) > long[1]
        for y in np.flatnonzero(level)[::-1]:
            if y1 - reach < y <= y1 < canvas.drawn.shape[0]:
                y1 = float(y)
                break
    return x0, y0, x1, y1


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


def _grown(window: Box, canvas: Canvas) -> Box:
    """A window up and down to the ends of what is drawn across its edges.

    Data may reach far beyond the last label; what lies apart from it there is none of it.
    """
    import cv2

    x0, y0, x1, y1 = window
    left, right, top, bottom = (round(v) for v in (max(x0, 0.0), x1, y0, y1))
    for ink in canvas.inks:
        if ink.grey:
            continue
        part = ink.mask[:, left:right].astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=8)
        for row in (top, bottom):
            if 0 < row < len(part):
                across = labels[row][(labels[row] > 0) & (labels[row - 1] > 0)]
                for k in np.unique(across):
                    y0 = min(y0, float(stats[k][1]))
                    y1 = max(y1, float(stats[k][1] + stats[k][3]))
    return x0, y0, x1, y1
