"""Fixtures: what is furniture among what is seen, and what is only a part of it, or in it.

Furniture is too large for a hand, and stands where it stands. A model may call the front of an open
drawer a box, or see nothing of it but what lies in it; neither is a new thing, nor another place.
"""

import numpy as np

from .furniture import with_what_hangs_on
from .lifting import Lifted
from .scene import SceneObject
from .track import Track
from .vlm.lexicon import FURNITURE

_HANDY_M = 0.10
"""What is broader than this is nothing that a hand could have put there."""
_SLACK_M = 0.015
_LEVEL_M = 0.02
_LIKE_A_WALL = ("box", "block")


def may_be(track: Track, item: Lifted) -> bool:
    """Whether a detection can be of a thing, as far as one of the two is furniture."""
    seen = item.name[1] in FURNITURE
    if track.is_furniture == seen:
        return True
    thing = item.size if track.is_furniture else track.high - track.low
    return float(max(thing[:2])) > _HANDY_M


def is_part(item: Lifted, furniture: Track) -> bool:
    """Whether a detection shows a part of what has a drawer or a door: it is joined to it.

    What is not taken for furniture must also be as high, within its bounds, and too broad to have
    been put there.
    """
    if item.detection.state not in ("open", "closed"):
        within = np.all(item.low > furniture.low - _SLACK_M)
        within = within and np.all(item.high < furniture.high + _SLACK_M)
        level = abs(float(item.high[2] - furniture.high[2])) < _LEVEL_M
        if not (furniture.is_furniture and within and level and max(item.size[:2]) > _HANDY_M):
            return False
    whole = with_what_hangs_on(furniture.points, item.points)
    return len(whole) - len(furniture.points) > 0.5 * len(item.points)


def seems_a_part(thing: SceneObject, furniture: SceneObject) -> bool:
    """Whether what is called a box may be a front or a wall of furniture: of its colour, at it."""
    apart = np.abs(np.subtract(thing.position, furniture.position))
    touch = np.add(thing.size, furniture.size) / 2 + _SLACK_M
    like = thing.category in _LIKE_A_WALL and thing.color == furniture.color
    return like and bool((apart < touch).all())
