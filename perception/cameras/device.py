"""Device: what OpenCV reads from, kept from being released under a thread that reads it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Device:
    """Released once nobody reads it any more: OpenCV would kill the process.

    Args:
        release: lets go of it; may be called several times.

    Attributes:
        closed: whether `close` was called.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self._release = release
        self._using = threading.RLock()
        self.closed = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For one thread at a time; releases what was closed meanwhile."""
        try:
            with self._using:
                yield
        finally:
            if self.closed:
                self.close()

    def close(self) -> None:
        """Release it; idempotent. A read that hangs is not waited for: it does it then."""
        self.closed = True
        if self._using.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._using.release()
