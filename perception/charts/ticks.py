"""Ticks: the marks or grid lines beside tick labels, which lie truer than the labels do."""

from dataclasses import replace

import numpy as np

from .axis import Axis
from .ink import Floats
from .text import Text

_STRIP = 18
"""Tick marks or the beginnings of grid lines are within so many pixels of the labels."""
_REACH = 5
_FAINTEST = 14.0
_ALIKE = 0.25
"""Share of the strongest mark's strength that a nearer mark needs to be taken instead."""


def snapped(axis: Axis, texts: list[Text], rgb: Floats, *, upright: bool) -> Axis:
    """An axis fitted to the tick marks or grid lines at its labels, where most have one.

    Args:
        axis: fitted to the middles of the labels.
        texts: its labels.
        rgb: [H, W, 3] float32, the chart.
        upright: True for labels above each other, False for labels in a row.
    """
    sides = [(t.box[0], t.box[2]) if upright else (t.box[1], t.box[3]) for t in texts]
    if not sides:
        return axis
    image = rgb if upright else rgb.transpose(1, 0, 2)
    near, far = float(np.median([s[0] for s in sides])), float(np.median([s[1] for s in sides]))
    before = (near + far) / 2 < image.shape[1] / 2
    start = max(s[1] for s in sides) + 1 if before else min(s[0] for s in sides) - 1 - _STRIP
    strip = image[:, max(round(start), 0) : max(round(start) + _STRIP, 0)]
    if strip.shape[1] < 4:
        return axis
    apart = np.abs(strip - np.median(strip, axis=0)).max(axis=-1)
    profile = np.sort(apart, axis=1)[:, -4:].mean(axis=1)
    # The mark of 9 lies close to that of 10.
    decade = 1 / max(abs(axis.slope), 1e-9) if axis.scale == "log" else np.inf
    reach = int(np.clip(0.03 * decade, 2, _REACH))
    places = [_peak(profile, pixel, reach) for pixel, _ in axis.ticks]
    shifts = np.array(
        [np.nan if p is None else p - t[0] for p, t in zip(places, axis.ticks, strict=True)]
    )
    usual = float(np.nanmedian(shifts)) if np.isfinite(shifts).any() else 0.0
    good = np.abs(shifts - usual) < 1.8
    if good.sum() < max(3, 0.6 * len(shifts)):
        return axis
    ticks = [
        (float(p) if p is not None and ok else t[0] + usual, t[1])
        for p, t, ok in zip(places, axis.ticks, good, strict=True)
    ]
    pixels, values = np.array([t for t, ok in zip(ticks, good, strict=True) if ok]).T
    values = np.log10(values) if axis.scale == "log" else values
    slope, intercept = np.polyfit(pixels, values, 1)
    off = np.abs(slope * pixels + intercept - values) / abs(slope)
    if off.max() > 1.5:
        return axis
    return replace(
        axis, slope=float(slope), intercept=float(intercept), ticks=tuple(ticks), marked=True
    )


def _peak(profile: Floats, pixel: float, reach: int) -> float | None:
    """Middle of the thin mark nearest to a place, to a fraction of a pixel."""
    low, high = max(0, round(pixel) - reach), min(len(profile), round(pixel) + reach + 1)
    part = profile[low:high]
    if len(part) < 5 or part.max() - np.median(part) < _FAINTEST:
        return None
    rise = part - np.median(part)
    padded = np.pad(part, 1, constant_values=-1.0)
    tops = (part >= padded[:-2]) & (part >= padded[2:]) & (rise >= _ALIKE * rise.max())
    # Of several marks the nearest: on a logarithmic axis smaller ones crowd around.
    near = np.flatnonzero(tops & (rise >= _FAINTEST))
    top = int(near[np.abs(near + low - pixel).argmin()])
    around = slice(max(0, top - 2), top + 3)
    weight = np.clip(part[around] - np.median(part), 0, None)
    return float(low + (np.arange(len(part))[around] @ weight) / weight.sum())
