"""What stands in the way: the things without which there would be room."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from handeye.perception.frame import Points
from handeye.perception.scene import SceneObject

_MOST = 4
"""So many things are thought away, one or two at a time."""
_BLURRED_M = 0.02
"""How far outside of a thing's box something may be seen of it."""


def in_the_way(
    near: Sequence[str],
    things: Mapping[str, SceneObject],
    cloud: Points,
    has_room: Callable[[Points], bool],
) -> list[str]:
    """The thing, or else the two, without which there is room; none where that is not enough.

    Args:
        near: ids of what may be in the way, the likeliest first.
        things: by id.
        cloud: [N, 3] what is seen around, m, base frame.
        has_room: whether there is room among points [M, 3].
    """
    close = near[:_MOST]
    for names in (*combinations(close, 1), *combinations(close, 2)):
        left = cloud
        for name in names:
            left = _without(things[name], left)
        if has_room(left):
            return list(names)
    return []


def said(names: Sequence[str]) -> str:
    """ "ball_3 stands in the way"."""
    return f"{' and '.join(names)} {'stands' if len(names) == 1 else 'stand'} in the way"


def _without(thing: SceneObject, points: Points) -> Points:
    """Points [N, 3] but those of a thing, or so near that they may be of it."""
    middle, size = np.array(thing.position), np.array(thing.size)
    own = (np.abs(points - middle) < size / 2 + _BLURRED_M).all(axis=1)
    return np.asarray(points[~own])
