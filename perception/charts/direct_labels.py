"""Direct labels: names that stand at the ends of lines, in place of a legend."""

from collections.abc import Sequence

import numpy as np

from .axis import Axis
from .curves import Curve
from .ink import Canvas
from .layout import number_of
from .legend import Entry
from .text import Text

_GAP, _OFF = 3.0, 1.2
"""How far behind a line's end its name begins, and how far above or below it is, in heights."""
_GOES_ON = 1.0
"""A swatch whose ink goes on to the left for so many of its widths is the end of a line."""


def stand_at_ends(canvas: Canvas, legend: list[Entry]) -> bool:
    """Whether what were taken for the swatches of a legend are the ends of lines, all of them."""
    return len(legend) > 1 and all(_is_end(canvas, entry) for entry in legend)


def _is_end(canvas: Canvas, entry: Entry) -> bool:
    import cv2

    x0, y0, x1, y1 = entry.swatch
    if not canvas.inks or x0 >= entry.text.box[0]:
        return False
    ink = min(canvas.inks, key=lambda k: float(np.linalg.norm(k.color - entry.color)))
    # Grid lines may have cut the line to pieces.
    whole = cv2.morphologyEx(ink.mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, labels = cv2.connectedComponents(np.asarray(whole), connectivity=8)
    own = np.unique(labels[y0:y1, x0:x1])
    columns = np.flatnonzero(np.isin(labels, own[own > 0]).any(axis=0))
    return len(columns) > 0 and x0 - columns[0] > _GOES_ON * (x1 - x0)


def named_at_ends(curves: Sequence[Curve], texts: list[Text], y_axis: Axis) -> list[Text] | None:
    """The text that stands behind the end of each curve.

    Args:
        curves: two or more; one alone needs no name.
        texts: that may be names.
        y_axis: tells which numbers may be values, and no names.

    Returns:
        A text for each curve, no two the same; None where one has none.
    """
    from scipy.optimize import linear_sum_assignment

    words = [t for t in texts if t.is_level and not _may_be_value(t, y_axis)]
    if len(curves) < 2 or len(words) < len(curves):
        return None
    far = np.array([[_distance(curve, text) for text in words] for curve in curves])
    rows, columns = linear_sum_assignment(np.minimum(far, 1e3))
    if not np.isfinite(far[rows, columns]).all():
        return None
    return [words[k] for k in columns]


def _distance(curve: Curve, text: Text) -> float:
    """From a curve's end to where a text begins, in its heights; infinite if not beside it."""
    height = max(text.height, 1.0)
    gap = (text.box[0] - float(curve.x[-1])) / height
    off = abs(text.center[1] - float(curve.y[-1])) / height
    return gap + 2 * off if -0.5 <= gap <= _GAP and off <= _OFF else float("inf")


def _may_be_value(text: Text, axis: Axis) -> bool:
    """Whether a text is a number that the axis may have: a year is none among a few hundreds."""
    number = number_of(text)
    if number is None:
        return False
    values = [value for _, value in axis.ticks]
    span = max(values) - min(values)
    return min(values) - span <= number.value <= max(values) + span
