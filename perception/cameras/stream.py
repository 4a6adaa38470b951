"""FrameStream: a camera in its own thread; newest frame wins."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

import numpy as np

from ..errors import CameraError, EndOfStreamError
from ..frame import Camera, Frame
from .check import check_frame
from .inbox import Inbox

_FIRST_PAUSE_S = 0.05
_SAME_PAUSE_S = 0.005
_GLANCE = 8
"""Of two pictures every so many rows and columns are compared first."""


class FrameStream(Inbox):
    """Reads a camera in a thread of its own; itself a Camera, and a context manager.

    A camera that fails, sends garbage or shows the same picture for too long is tried again, with
    growing pauses; one that is silent for `deadline_s` is reported by `read`, and serves again as
    soon as it gives frames.

    Args:
        camera: what to read, closed with the stream; or what opens it, in which case a camera
            that failed is closed and opened again, while otherwise its read is repeated.
        deadline_s: the silence after which the camera counts as dead.
        longest_pause_s: between attempts to revive it; the first pause is a twentieth second.
        clock: the clock that stamps the camera's frames, to tell their age; without it, age
            counts from when a frame arrived.
        frozen_s: after so long of the very same pixels the camera counts as frozen, for no real
            sensor is without noise; None for what may stand still, such as a drawn picture.
        every: whether the camera is only read on when its last frame was taken, so that nothing
            is dropped: for files that are read as fast as they go.
    """

    def __init__(
        self,
        camera: Camera | Callable[[], Camera],
        *,
        deadline_s: float = 2.0,
        longest_pause_s: float = 2.0,
        clock: Callable[[], float] | None = None,
        frozen_s: float | None = None,
        every: bool = False,
    ) -> None:
        if isinstance(camera, Camera) and not isinstance(camera, type):
            self._open, self._camera = None, camera
        else:
            self._open, self._camera = camera, camera()
        super().__init__(self._camera.name, deadline_s=deadline_s, clock=clock)
        self._longest_pause_s = longest_pause_s
        self._frozen_s = frozen_s
        self._every = every
        self._changed_s = 0.0
        self._counted = 0
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begin to read; idempotent. The first `read` or `take` does it too."""
        super().start()
        with self._news:
            if self._thread is None:
                self._heard_s = time.monotonic()
                self._thread = threading.Thread(
                    target=self._run, name=f"stream of {self.name}", daemon=True
                )
                self._thread.start()
        return self

    def stop(self) -> None:
        """Tell the thread to end, without waiting for it; `close` waits."""
        super().close()

    def close(self) -> None:
        """End the thread and close the camera; idempotent.

        A device that hangs is not waited for longer than its deadline, or two seconds; its thread
        closes it when it comes back.
        """
        self.stop()
        if self._thread is None:
            self._camera.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(timeout=min(self._deadline_s, 2.0))

    def _run(self) -> None:
        pause_s = min(_FIRST_PAUSE_S, self._longest_pause_s)
        try:
            while self._wanted():
                try:
                    self._reopen()
                    frame = self._camera.read(max_age_s=self._deadline_s)
                    check_frame(frame, self.name)
                    self._refuse_frozen(frame)
                except EndOfStreamError:
                    self._end()
                    return
                except Exception as error:
                    self._fail(error)
                    self._closed.wait(pause_s)
                    pause_s = min(2 * pause_s, self._longest_pause_s)
                    continue
                pause_s = min(_FIRST_PAUSE_S, self._longest_pause_s)
                counted = replace(frame, sequence=frame.sequence + self._counted)
                if not self._put(counted if self._counted else frame):
                    self._closed.wait(_SAME_PAUSE_S)
        finally:
            self._camera.close()

    def _wanted(self) -> bool:
        """Whether to read on; waits until the last frame was taken, if every frame counts."""
        with self._news:
            while self._every and self._latest and not self._read and not self._closed.is_set():
                self._news.wait()
        return not self._closed.is_set()

    def _tell_return(self) -> None:
        """A file was never away: after what is damaged in it, it just goes on."""
        if self._every:
            self._told.clear()
        else:
            super()._tell_return()

    def _reopen(self) -> None:
        """Replace a camera that failed, if it is known how to open another."""
        if self.error is not None and self._open is not None:
            self._camera.close()
            self._camera = self._open()
            # The other one counts from the beginning again.
            self._counted = self._latest.frame.sequence if self._latest else 0

    def _refuse_frozen(self, frame: Frame) -> None:
        if self._frozen_s is None:
            return
        now = time.monotonic()
        if self._latest is None or not _same(frame, self._latest.frame):
            self._changed_s = now
        elif now - self._changed_s > self._frozen_s:
            raise CameraError(
                f'camera "{self.name}" is frozen: the very same picture for '
                f"more than {self._frozen_s:g} s"
            )


def _same(a: Frame, b: Frame) -> bool:
    """Whether two frames have the same pixels; most often a glance tells that they have not."""
    glance = np.s_[::_GLANCE, ::_GLANCE]
    return np.array_equal(a.rgb[glance], b.rgb[glance]) and np.array_equal(a.rgb, b.rgb)
