"""Whether two things have changed places, against the habit of believing places over names."""

from collections.abc import Iterable, Sequence

import numpy as np

from .lifting import Lifted
from .track import Track, unlike

_HERE_M = 0.05
_SURE = 0.5
_CONTRADICTS = 0.15
_PLAINLY = 0.3


def exchanged(tracks: Iterable[Track], lifted: Sequence[Lifted]) -> tuple[Track, Track] | None:
    """Two tracks of which each is seen where the other was; None where there are none.

    Furniture changes places with nothing. A model that takes one thing for another says so once,
    and where the thing is too small or too large for it. So both must be seen to have changed, in
    sizes that do not contradict it; or one of them, if the other is hidden and the size says it
    plainly.

    Args:
        tracks: as known before this look.
        lifted: what is seen in it.
    """
    known = [track for track in tracks if not track.is_furniture]
    named: dict[object, list[Track]] = {}
    for track in known:
        named.setdefault(track.name, []).append(track)
    standing = {id(track): _at(track, lifted) for track in known}
    for here in known:
        item = standing[id(here)]
        rightful = named.get(item.name, []) if item is not None else []
        if item is None or len(rightful) != 1 or not item.complete or rightful[0] is here:
            continue
        there = rightful[0]
        other = standing[id(there)]
        fits_better = unlike(here, item.size) - unlike(there, item.size)
        if other is None:
            if fits_better > _PLAINLY and not any(i.name == here.name for i in lifted):
                return here, there
        elif other.name == here.name:
            if other.complete:
                fits_better += unlike(there, other.size) - unlike(here, other.size)
            if fits_better > -_CONTRADICTS:
                return here, there
    return None


def exchange(first: Track, second: Track) -> None:
    """Let each of two tracks be where the other was, as was seen of it there."""
    first.low, second.low = second.low, first.low
    first.high, second.high = second.high, first.high
    first.seen, second.seen = second.seen, first.seen


def _at(track: Track, lifted: Sequence[Lifted]) -> Lifted | None:
    """The sure detection where a track was last seen, if there is one."""
    sure = [item for item in lifted if item.detection.score >= _SURE]
    gaps = [float(np.linalg.norm(item.center[:2] - track.center[:2])) for item in sure]
    nearest = min(range(len(sure)), key=gaps.__getitem__, default=None)
    return sure[nearest] if nearest is not None and gaps[nearest] < _HERE_M else None
