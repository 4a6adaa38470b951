"""Shades that run into each other, as gradients do: which of an image's inks are one."""

import numpy as np
import numpy.typing as npt

_SMOOTH = 10.0
"""Neighbouring pixels of a gradient differ by less than this in every channel."""
_LEAST_SHARE, _LEAST = 0.6, 20


def run_together(
    rgb: npt.NDArray[np.float32], owner: npt.NDArray[np.int16], count: int
) -> list[list[int]]:
    """Groups of inks whose shared borders are smooth: an edge between two colours is sharp.

    Args:
        rgb: [H, W, 3] float32, the chart.
        owner: [H, W] the ink of each pixel, -1 for none.
        count: of inks.

    Returns:
        Each ink once, in groups, by their numbers.
    """
    borders = np.zeros(count * count, np.int64)
    smooth = np.zeros(count * count, np.int64)
    for a, b, first, second in (
        (owner[:, :-1], owner[:, 1:], rgb[:, :-1], rgb[:, 1:]),
        (owner[:-1], owner[1:], rgb[:-1], rgb[1:]),
    ):
        at = (a != b) & (a >= 0) & (b >= 0)
        low, high = np.minimum(a[at], b[at]), np.maximum(a[at], b[at])
        code = low.astype(np.int64) * count + high
        near = np.abs(first[at] - second[at]).max(axis=-1) < _SMOOTH
        borders += np.bincount(code, minlength=count * count)
        smooth += np.bincount(code[near], minlength=count * count)
    joined = (borders >= _LEAST) & (smooth > _LEAST_SHARE * borders)
    group = list(range(count))
    for code in np.flatnonzero(joined):
        kept, joins = group[int(code) // count], group[int(code) % count]
        group = [kept if g == joins else g for g in group]
    return [[k for k in range(count) if group[k] == g] for g in dict.fromkeys(group)]
