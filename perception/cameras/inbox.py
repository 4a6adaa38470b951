"""Inbox: the newest frame of a camera, and what became of the others."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ..errors import CameraError, EndOfStreamError
from ..frame import Frame

_STEADY_S = 1.0
"""So long after its last failure a camera that gives frames is back: until then its troubles are
the same as before."""
_NUMBER = re.compile(r"(?<![\w./-])\d+(?:\.\d+)?(?![\w./-])")
"""A number that is no part of a file's name."""


@dataclass(frozen=True, eq=False)
class Taken:
    """A frame, and the moment that it shows.

    Attributes:
        frame: the reading.
        moment_s: when it was taken, `time.monotonic()`; of a camera whose clock is not known, when
            it arrived here.
    """

    frame: Frame
    moment_s: float

    @property
    def age_s(self) -> float:
        """How old it is now, seconds."""
        return time.monotonic() - self.moment_s


class Inbox:
    """Where frames arrive from one thread and are read from others; newest frame wins.

    Nothing queues: a frame that nobody read before the next one came is dropped and counted, so
    that `received` is always `taken` + `dropped`, + 1 while a frame waits. It is a Camera for
    whoever reads, and a context manager.

    Args:
        name: the camera's name.
        deadline_s: the silence after which the camera counts as dead.
        clock: the clock that stamps the camera's frames, to tell their age; without it, age
            counts from when a frame arrived.

    Attributes:
        received: frames that came.
        taken: of these, how many were read.
        dropped: of these, how many were replaced before anyone read them.
        missed: frames that the camera counted and never gave; gaps in its sequence.
        failures: how often it gave an error or garbage instead.
        revived: how often it gave frames again after a failure.
        error: why the last attempt failed; None once a frame came.
        troubles: what went wrong, in words, each once until the camera is back, whatever numbers
            are in it; and that it is back. For whoever reports it to take.
        bell: rung at all news, where it is set; one bell serves several cameras.
    """

    def __init__(
        self, name: str, *, deadline_s: float, clock: Callable[[], float] | None = None
    ) -> None:
        self._name = name
        self._deadline_s = deadline_s
        self._clock = clock
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._latest: Taken | None = None
        self._read = False
        self._heard_s = time.monotonic()
        self._ended = False
        self._told: set[str] = set()
        self._failed_s = -float("inf")
        self.received = self.taken = self.dropped = self.missed = self.failures = self.revived = 0
        self.error: Exception | None = None
        self.troubles: deque[str] = deque(maxlen=16)
        self.bell: threading.Event | None = None

    @property
    def name(self) -> str:
        """The camera's name."""
        return self._name

    @property
    def alive(self) -> bool:
        """Whether the camera gave a frame within its deadline."""
        with self._news:
            return self._latest is not None and self._silence_s() <= self._deadline_s

    def start(self) -> Self:
        """Begin to receive; idempotent. The first `read` or `take` does it too."""
        if self._closed.is_set():
            raise CameraError(f'the stream of camera "{self.name}" is closed')
        return self

    def read(self, max_age_s: float = 1.0) -> Frame:
        """The newest frame, taken at most `max_age_s` before; waits for one if it must.

        Raises:
            CameraError: the camera was silent for its deadline, or gave only older frames for so
                long; says why.
            EndOfStreamError: a finite camera gave its last frame.
        """
        self.start()
        began_s = time.monotonic()
        # Of a frame that was under way for long, what counts is when it was taken.
        oldest_s = (self._clock() if self._clock else began_s) - max_age_s
        with self._news:
            while True:
                if self._latest is not None and self._fresh(self._latest, oldest_s):
                    return self._give(self._latest).frame
                self._raise_if_over()
                waited_s = time.monotonic() - began_s
                if waited_s > self._deadline_s:
                    raise CameraError(
                        f'the frames of camera "{self.name}" come more than {max_age_s:g} s old'
                    )
                self._news.wait(self._deadline_s - max(waited_s, self._silence_s()) + 1e-3)

    def take(self) -> Taken | None:
        """The newest frame if nobody has read it yet, else None; never waits. Raises as `read`."""
        self.start()
        with self._news:
            if self._latest is not None and not self._read:
                return self._give(self._latest)
            self._raise_if_over()
            return None

    def close(self) -> None:
        """Receive no more; whoever waits in `read` is told. Idempotent."""
        self._closed.set()
        self._ring()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, frame: Frame) -> bool:
        """Make a frame the newest; False for one that was here before, which is no news."""
        with self._news:
            last = self._latest.frame if self._latest else None
            if last is not None and frame.sequence == last.sequence:
                return False
            if last is not None:
                self.missed += max(frame.sequence - last.sequence - 1, 0)
            self.dropped += last is not None and not self._read
            self.revived += self.error is not None
            self._tell_return()
            self._heard_s = time.monotonic()
            late_s = self._clock() - frame.stamp_s if self._clock else 0.0
            self._latest, self._read, self.error = Taken(frame, self._heard_s - late_s), False, None
            self.received += 1
        self._ring()
        return True

    def _fail(self, error: Exception) -> None:
        with self._news:
            self.failures += 1
            self._failed_s = time.monotonic()
            kind = _NUMBER.sub("#", str(error))
            if kind not in self._told:
                self._told.add(kind)
                self.troubles.append(str(error))
            self.error = error
        self._ring()

    def _tell_return(self) -> None:
        """Tell that a camera is back that failed or was silent; of one that flickers, nothing."""
        silent = self._latest is not None and self._silence_s() > self._deadline_s
        steady = time.monotonic() - self._failed_s > _STEADY_S
        if silent or (self._told and steady):
            self._told.clear()
            self.troubles.append(f'camera "{self.name}" is back')

    def _end(self) -> None:
        with self._news:
            self._ended = True
        self._ring()

    def _ring(self) -> None:
        with self._news:
            self._news.notify_all()
        if self.bell is not None:
            self.bell.set()

    def _give(self, latest: Taken) -> Taken:
        self.taken += not self._read
        self._read = True
        self._news.notify_all()
        return latest

    def _fresh(self, latest: Taken, oldest_s: float) -> bool:
        if self._ended and self._read:
            return False
        return (latest.frame.stamp_s if self._clock else latest.moment_s) >= oldest_s

    def _raise_if_over(self) -> None:
        """Raise if no further frame is to be hoped for."""
        if self._ended:
            raise EndOfStreamError(f'camera "{self.name}" gives no further frames')
        if self._closed.is_set():
            raise CameraError(f'the stream of camera "{self.name}" is closed')
        silence_s = self._silence_s()
        if silence_s > self._deadline_s:
            why = f": {self.error}" if self.error is not None else ""
            raise CameraError(
                f'camera "{self.name}" has given nothing for {silence_s:.1f} s '
                f"(its deadline is {self._deadline_s:g} s){why}"
            ) from self.error

    def _silence_s(self) -> float:
        return time.monotonic() - self._heard_s
