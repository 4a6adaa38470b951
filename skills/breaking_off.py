"""Breaking off: a motion that is cancelled, stopped or late in its middle goes not to its end."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from handeye.perception.errors import CancelledError, DeadlineError, StoppedError, UserError

from .contract import looked, must, refused, tried
from .robot import CancelToken, Joints, Robot, RobotState

_LEAST, _MOST = 0.02, 0.9
"""Shares of a way: below the one a motion had not begun, above the other it was not broken off."""
_PAUSES = 7
"""How often an arm is looked at afterwards, a tenth of the motion's time apart."""
_PATIENCE_S = (0.05, 0.5)
"""How long, at least and at most, a motion that has stop() called for it waits for the call."""
_ENDS_S = 10.0
"""How long stop() may take."""


class Go(Protocol):
    """A slow motion, from where it always begins."""

    def __call__(
        self, *, deadline_s: float | None = None, cancel: CancelToken | None = None
    ) -> object:
        """Move; as `Robot` says."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion to break off.

    Attributes:
        name: of the robot's member, such as "move_to".
        go: makes it.
        back: brings the arm back to where it begins.
        along: what of a state changes on its way, [m] numbers of one unit.
    """

    name: str
    go: Go
    back: Callable[[], object]
    along: Callable[[RobotState], Joints]


@dataclass(frozen=True)
class _Whole:
    """How a motion goes that nothing breaks off: looks at its token, robot's and wall clock."""

    looks: int
    clock_s: float
    wall_s: float
    start: Joints
    way: float

    @property
    def middles(self) -> tuple[int, int]:
        """Looks to break off at: the second where it had not begun to move at the first."""
        return self.looks // 3 + 1, 2 * self.looks // 3 + 1


class _Watched(CancelToken):
    """A token that counts how often it is looked at, and does something once it was so often."""

    def __init__(self, at: int = 0, act: Callable[[CancelToken], None] = lambda _: None) -> None:
        super().__init__()
        self.looks, self._at, self._act = 0, at, act

    @property
    def cancelled(self) -> bool:
        self._look()
        return super().cancelled

    def check(self) -> None:
        self._look()
        super().check()

    def _look(self) -> None:
        self.looks += 1
        if self.looks == self._at:
            self._act(self)


class _Stop:
    """Calls stop() from a thread of its own, once, when it is called."""

    def __init__(self, robot: Robot, patience_s: float) -> None:
        self._robot, self._patience_s = robot, patience_s
        self._thread = threading.Thread(target=self._call, daemon=True)
        self._error: Exception | None = None

    def __call__(self, _: CancelToken) -> None:
        self._thread.start()
        # A simulated arm may be at its end before the thread has run; a real one waits little.
        self._thread.join(self._patience_s)

    def trouble(self) -> str:
        """Wait for stop() to return; what went wrong with it, or ""."""
        if self._thread.ident is not None:
            self._thread.join(_ENDS_S)
        if self._thread.is_alive():
            return f"stop() during a motion did not return in {_ENDS_S:.0f} s; it must at once"
        error = self._error
        return f"stop() raised {type(error).__name__} during a motion: {error}" if error else ""

    def _call(self) -> None:
        try:
            self._robot.stop()
        except Exception as error:
            self._error = error


def check_breaking_off(robot: Robot, motion: Motion) -> None:
    """Break a motion off in its middle: by its token, by stop() and by its deadline.

    It must raise what the seam says, and the arm must hold still soon after, short of the end of
    its way. Where its middle is, is told by how often the motion has looked at its token, so that
    an arm in simulated time is held to the same. Begins and ends where the motion begins.

    Raises:
        UserError: names the breach.
    """
    whole = _whole(robot, motion)
    _check_cancel(robot, motion, whole)
    _check_stop(robot, motion, whole)
    refused(
        partial(motion.go, deadline_s=whole.clock_s / 3),
        DeadlineError,
        f"{motion.name} must raise DeadlineError when its deadline passes",
    )
    _share(robot, motion, whole, "its deadline has passed")
    motion.back()


def _whole(robot: Robot, motion: Motion) -> _Whole:
    token, before, began_s = _Watched(), looked(robot), time.monotonic()
    tried(partial(motion.go, cancel=token), motion.name)
    wall_s, after = time.monotonic() - began_s, looked(robot)
    motion.back()
    must(
        after.stamp_s > before.stamp_s,
        f"stamp_s must go on during {motion.name}; it was {before.stamp_s} s before it and "
        f"{after.stamp_s} s after it",
    )
    must(token.looks > 1, _unwatched(motion))
    start = motion.along(before)
    way = float(np.linalg.norm(motion.along(after) - start))
    return _Whole(token.looks, after.stamp_s - before.stamp_s, wall_s, start, way)


def _check_cancel(robot: Robot, motion: Motion, whole: _Whole) -> None:
    when = "it is cancelled in its middle"
    complaint = f"{motion.name} must raise CancelledError when {when}"
    for at in whole.middles:
        token = _Watched(at, CancelToken.cancel)
        refused(partial(motion.go, cancel=token), CancelledError, complaint)
        share = _share(robot, motion, whole, when)
        motion.back()
        if share > _LEAST:
            return
    raise UserError(_unwatched(motion))


def _check_stop(robot: Robot, motion: Motion, whole: _Whole) -> None:
    when = "stop() is called in its middle, by another thread"
    complaint = f"{motion.name} must raise StoppedError when {when}"
    ahead_s = whole.clock_s - whole.wall_s
    for at in whole.middles:
        stop = _Stop(robot, min(max(ahead_s, _PATIENCE_S[0]), _PATIENCE_S[1]))
        try:
            refused(partial(motion.go, cancel=_Watched(at, stop)), StoppedError, complaint)
        finally:
            trouble = stop.trouble()
        must(not trouble, trouble)
        share = _share(robot, motion, whole, when)
        must(looked(robot).stopped, "stop() must be latched: read().stopped is False")
        tried(robot.reset, "reset")
        motion.back()
        if share > _LEAST:
            return
    raise UserError(_unwatched(motion))


def _share(robot: Robot, motion: Motion, whole: _Whole, when: str) -> float:
    """How much of its way a motion went that was broken off, once it has had the time for it all.

    Raises:
        UserError: it went on.
    """
    share = 0.0
    for _ in range(_PAUSES):
        time.sleep(whole.wall_s / 10)
        went = float(np.linalg.norm(motion.along(looked(robot)) - whole.start))
        share = went / whole.way if whole.way else 0.0
    must(
        share < _MOST,
        f"{motion.name} must hold still soon after {when}; it went on for {share:.0%} of its way",
    )
    return share


def _unwatched(motion: Motion) -> str:
    return (
        f"{motion.name} must look at its cancel token all along its way, and hold still soon after "
        "it is cancelled; it looks only before it moves"
    )
