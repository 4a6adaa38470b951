"""Odd detections: a still thing neither grows nor shrinks, however a model draws it."""

import numpy as np

from .frame import Points
from .lifting import Lifted
from .track import Track

STILL_M = 0.03
"""What is seen no farther from its place has not moved."""


def is_odd(item: Lifted, track: Track, earlier: Points) -> bool:
    """Whether a detection shows clearly more, or clearly less, than what is known of a thing.

    Args:
        item: what was detected.
        track: the thing that it is taken for.
        earlier: [N, 3] what the same camera saw of it from the same place before, m.
    """
    return _swallows(item, earlier) or _is_part(item, track) or _is_taller(item, track)


def _swallows(item: Lifted, earlier: Points) -> bool:
    """Whether a detection takes in a surface [N, 3] and clearly more than it."""
    if len(earlier) < 20:
        return False
    low, high = np.percentile(earlier, [1, 99], axis=0)
    around = np.all(item.low < low + 0.01) and np.all(item.high > high - 0.01)
    return bool(around and np.any(item.high - item.low > 0.012 + 1.15 * (high - low)))


def _is_taller(item: Lifted, track: Track) -> bool:
    """Whether a detection at its place reaches clearly higher than a thing well known."""
    lifted = item.low[2] > track.low[2] + 0.02
    if (
        track.sightings < 3
        or lifted
        or float(np.abs(item.center - track.center)[:2].max()) > STILL_M
    ):
        return False
    height = float(track.high[2] - track.low[2])
    return bool(item.high[2] > track.high[2] + 0.012 + 0.15 * height)


def _is_part(item: Lifted, track: Track) -> bool:
    """Whether a detection shows clearly less of a thing than is known of it."""
    if (
        not track.seen
        or np.any(item.low < track.low - 0.01)
        or np.any(item.high > track.high + 0.01)
    ):
        return False
    size = track.high - track.low
    return bool(np.any(size - item.size > 0.012 + 0.3 * size))
