"""Exclusive: an arm is driven by one thread at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from handeye.perception.errors import UserError

from .robot import Robot

_LOCK = threading.Lock()
_DRIVEN: dict[int, tuple[int, str]] = {}
"""By the identity of a robot without its guards: the thread that drives it, and what it does."""


@contextmanager
def exclusive(robot: Robot, doing: str) -> Iterator[None]:
    """Keep an arm to this thread; raises UserError where another one drives it.

    Two runs at once would take things out of each other's hand, each in good faith. The thread
    itself may come in again: what listens to a run may have a skill executed. `stop()` is always
    open to all.

    Args:
        robot: guarded or not; guards of one robot count as one.
        doing: what for, for the error that others get.
    """
    key, me = id(getattr(robot, "unguarded", robot)), threading.get_ident()
    with _LOCK:
        before = _DRIVEN.get(key)
        if before is not None and before[0] != me:
            raise UserError(
                f"{robot.spec.name} is busy with {before[1]}, in another thread; wait for its end, "
                "or stop() it"
            )
        _DRIVEN[key] = before or (me, doing)
    try:
        yield
    finally:
        if before is None:
            with _LOCK:
                del _DRIVEN[key]
