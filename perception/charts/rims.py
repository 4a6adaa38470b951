"""Rims of marks: the mixtures around one series' marks that have the colour of another series."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .ink import Ink

_NEAR_SHARE = 0.8
"""Share of a rim's pixels that touch the mark that it is around."""


def without_rims(inks: Sequence[Ink]) -> tuple[Ink, ...]:
    """Inks without what is but the blurred edge of another ink's marks: thin, and all along them.

    Around a black mark on white paper runs a grey line, which is no mark of a grey series.
    """
    import cv2

    cleaned = []
    for k, ink in enumerate(inks):
        others = np.zeros(ink.mask.shape, np.uint8)
        for j, other in enumerate(inks):
            if j != k and other.solid > 0.2:
                others |= other.mask
        near = np.asarray(cv2.dilate(others, np.ones((5, 5), np.uint8))) > 0
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            ink.mask.astype(np.uint8), connectivity=8
        )
        inner = np.asarray(cv2.erode(ink.mask.astype(np.uint8), np.ones((3, 3), np.uint8))) > 0
        thick = np.bincount(labels[inner], minlength=count)
        along = np.bincount(labels[near & ink.mask], minlength=count)
        rims = [
            n
            for n in range(1, count)
            if thick[n] == 0 and along[n] > _NEAR_SHARE * stats[n][cv2.CC_STAT_AREA]
        ]
        cleaned.append(replace(ink, mask=ink.mask & ~np.isin(labels, rims)) if rims else ink)
    return tuple(cleaned)
