"""What has newly appeared in the depth, whether a model recognises it or not."""

import numpy as np

from .frame import Points
from .geometry import main_cluster

_NEW_M = 0.012
_MIN_POINTS = 10


def appeared(cloud: Points, known: Points) -> Points:
    """The largest connected part of a cloud that is nowhere near what was known before.

    Args:
        cloud: [N, 3] what is seen above the table now, m.
        known: [M, 3] what was seen before, m.

    Returns:
        [K, 3] float32; empty when it has fewer than ten points.
    """
    new = cloud
    if len(cloud) and len(known):
        from scipy.spatial import cKDTree

        distance, _ = cKDTree(known).query(cloud, distance_upper_bound=_NEW_M)
        new = cloud[~np.isfinite(distance)]
    body = main_cluster(new)
    return body if len(body) >= _MIN_POINTS else np.zeros((0, 3), np.float32)
