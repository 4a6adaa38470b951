"""Spaces that were lost when a line of text was read: where its letters stand far apart."""

from collections.abc import Sequence

import numpy as np

from ..frame import Image

_WIDE, _WIDER = 0.17, 3.0
"""Least width of a space, in heights of the line, and over that of the gaps between letters."""
_LEAST, _LEAST_LETTERS = 5, 3
_CONTRAST = 0.3
"""Of the strongest ink: what is fainter is none."""


def with_spaces(text: str, places: Sequence[float], crop: Image) -> str:
    """A text with spaces at the wide gaps between its letters, if it was read without any.

    Args:
        text: as it was read.
        places: where the middle of each of its signs is, columns of the crop.
        crop: [H, W, 3] uint8, the line of text, laid level.
    """
    letters = sum(c.isalpha() for c in text)
    if " " in text or len(text) < _LEAST or letters < _LEAST_LETTERS or len(places) != len(text):
        return text
    page = np.median(np.concatenate([crop[0], crop[-1]]).astype(np.float32), axis=0)
    apart = np.abs(crop.astype(np.float32) - page).max(axis=-1)
    filled = np.flatnonzero((apart > max(_CONTRAST * float(apart.max()), 20.0)).any(axis=0))
    steps = np.diff(filled)
    gaps = steps[steps > 1] - 1
    if not len(gaps):
        return text
    least = max(_WIDE * crop.shape[0], _WIDER * float(np.median(gaps)))
    middles = [
        float(filled[k] + filled[k + 1]) / 2 for k in range(len(steps)) if steps[k] - 1 >= least
    ]
    cuts = {int(np.searchsorted(np.asarray(places), middle)) for middle in middles}
    return "".join(
        f" {c}" if k in cuts and text[k - 1].isalnum() and c.isalnum() and k else c
        for k, c in enumerate(text)
    )
