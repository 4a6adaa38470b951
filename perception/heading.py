"""Heading: which way a thing that is longer than wide lies, about the vertical."""

import math

import numpy as np

from .frame import Points

_LONGER = 1.18
_LEAST_POINTS = 30
_TOP_SHARE = 0.35


def yaw_of(points: Points) -> float | None:
    """The direction of a thing's longer side, seen from above; None where no side is longer.

    The rectangle of least area around its upper part, which a camera from above sees whole.

    Args:
        points: [N, 3] its surface as seen, m, z up.

    Returns:
        Angle from the x axis, rad, in [0, π): a side has no front and no back.
    """
    import cv2

    if len(points) < _LEAST_POINTS:
        return None
    low, high = np.percentile(points[:, 2], [2, 98])
    upper = points[points[:, 2] >= high - _TOP_SHARE * (high - low)]
    middle = np.median(upper[:, :2], axis=0)
    far = np.hypot(*(upper[:, :2] - middle).T)
    upper = upper[far <= np.percentile(far, 99)]
    if len(upper) < _LEAST_POINTS:
        return None
    corners = cv2.boxPoints(cv2.minAreaRect(upper[:, :2].astype(np.float32)))
    one, other = corners[1] - corners[0], corners[2] - corners[1]
    short, long = sorted((one, other), key=lambda side: float(np.hypot(*side)))
    if float(np.hypot(*long)) < _LONGER * float(np.hypot(*short)):
        return None
    return math.atan2(float(long[1]), float(long[0])) % math.pi


def turned_by(before_rad: float, after_rad: float, period_rad: float = 2 * math.pi) -> float:
    """The least turn from one direction to another, rad; negative is clockwise from above.

    Directions that differ by `period_rad` are the same: π for what has no front and no back.
    """
    half = period_rad / 2
    return (after_rad - before_rad + half) % period_rad - half
