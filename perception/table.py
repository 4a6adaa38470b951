"""Table: how high it is, from the points in front of the arm; and a word where none is seen."""

import logging

import numpy as np

from .frame import Points

_ENOUGH = 1000
_LAYER = 100
"""So many points where the table may be are one."""
_WITHIN_M = 0.06


def table_in(points: Points, camera: str) -> tuple[bool, float]:
    """Whether enough is seen in front of the arm to know a table by, and how high it is, m.

    Eyes that see no table see no things on it: the log says what is wrong then, most likely.

    Args:
        points: [N, 3] in the region in front of the base, base frame.
        camera: the name of the one that saw them.
    """
    if len(points) <= _ENOUGH:
        _warn(camera, "hardly anything in front of the arm", "is its depth in metres?")
        return False, 0.0
    if int((np.abs(points[:, 2]) < _WITHIN_M).sum()) < _LAYER:
        within = f"within {100 * _WITHIN_M:.0f} cm of the height of the base"
        _warn(camera, f"no table {within}", "does it stand there?")
    return True, table_height(points)


def _warn(camera: str, seen: str, question: str) -> None:
    text = 'camera "%s" shows %s, so that nothing can be seen on a table: %s Is T_world_camera the'
    text += " pose of the camera (z into the picture, y down) in the frame of the base?"
    logging.getLogger("handeye").warning(text, camera, seen, question)


def table_height(points: Points, near_m: float = 0.0, within_m: float = _WITHIN_M) -> float:
    """Height of the table: the fullest 2 mm layer within `within_m` of where it should be."""
    z = points[np.abs(points[:, 2] - near_m) < within_m, 2]
    if len(z) < _LAYER:
        return near_m
    counts, edges = np.histogram(z, bins=np.arange(near_m - within_m, near_m + within_m, 0.002))
    peak = int(counts.argmax())
    layer = z[(z > edges[peak] - 0.002) & (z < edges[peak + 1] + 0.002)]
    return float(np.median(layer))
