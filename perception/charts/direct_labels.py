"""Direct labels: names that stand at the ends of lines, in place of a legend."""

from collections.abc import Sequence

import numpy as np

from .curves import Curve
from .layout import number_of
from .text import Text

_GAP, _OFF = 3.0, 1.2
"""How far behind a line's end its name begins, and how far above or below it is, in heights."""


def named_at_ends(curves: Sequence[Curve], texts: list[Text]) -> list[Text] | None:
    """The text that stands behind the end of each curve.

    Args:
        curves: two or more; one alone needs no name.
        texts: that may be names; numbers are none.

    Returns:
        A text for each curve, no two the same; None where one has none.
    """
    from scipy.optimize import linear_sum_assignment

    words = [t for t in texts if t.is_level and number_of(t) is None]
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
