"""FrameStream: a camera in its own thread; newest frame wins."""

import threading
import time
from collections.abc import Callable
from types import TracebackType

import numpy as np

from ..errors import CameraError, EndOfStreamError
from ..frame import Camera, Frame

_FIRST_PAUSE_S = 0.05
_SAME_PAUSE_S = 0.005


class FrameStream:
    """Reads a camera in a thread of its own; itself a Camera, and a context manager.

    Nothing queues: a frame that nobody read before the next one came is dropped and counted. A
    camera that fails is tried again, with growing pauses; one that is silent for `deadline_s` is
    reported by `read`, and serves again as soon as it gives frames.

    Args:
        camera: what to read, closed with the stream; or what opens it, in which case a camera
            that failed is closed and opened again, while otherwise its read is repeated.
        deadline_s: the silence after which the camera counts as dead.
        longest_pause_s: between attempts to revive it; the first pause is a twentieth second.
        clock: the clock that stamps the camera's frames, to tell their age; without it, age
            counts from when a frame arrived.

    Attributes:
        received: frames that came.
        dropped: of these, how many were replaced before anyone read them.
        failures: reads of the camera that failed.
        revived: how often it gave frames again after a failure.
    """

    def __init__(
        self,
        camera: Camera | Callable[[], Camera],
        *,
        deadline_s: float = 2.0,
        longest_pause_s: float = 2.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if isinstance(camera, Camera) and not isinstance(camera, type):
            self._open, self._camera = None, camera
        else:
            self._open, self._camera = camera, camera()
        self._name = self._camera.name
        self._deadline_s = deadline_s
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._latest: Frame | None = None
        self._taken = False
        self._arrived_s = 0.0
        self._error: Exception | None = None
        self._ended = False
        self.received = self.dropped = self.failures = self.revived = 0

    @property
    def name(self) -> str:
        """The camera's name."""
        return self._name

    @property
    def alive(self) -> bool:
        """Whether the camera gave a frame within its deadline."""
        with self._news:
            return self._thread is not None and self._silence_s() <= self._deadline_s

    def start(self) -> "FrameStream":
        """Begin to read; idempotent. The first `read` does it too."""
        if self._stopping.is_set():
            raise CameraError(f'the stream of camera "{self.name}" is closed')
        with self._news:
            if self._thread is None:
                self._arrived_s = time.monotonic()
                self._thread = threading.Thread(
                    target=self._run, name=f"stream of {self.name}", daemon=True
                )
                self._thread.start()
        return self

    def read(self, max_age_s: float = 1.0) -> Frame:
        """The newest frame, at most `max_age_s` old; waits for one if it must.

        Raises:
            CameraError: the camera was silent for its deadline; says for how long, and why.
            EndOfStreamError: a finite camera gave its last frame.
        """
        self.start()
        with self._news:
            while True:
                if self._latest is not None and self._fresh(self._latest, max_age_s):
                    self._taken = True
                    return self._latest
                if self._ended:
                    raise EndOfStreamError(f'camera "{self.name}" gives no further frames')
                if self._stopping.is_set():
                    raise CameraError(f'the stream of camera "{self.name}" is closed')
                left_s = self._deadline_s - self._silence_s()
                if left_s <= 0:
                    raise CameraError(self._complaint()) from self._error
                self._news.wait(left_s)

    def close(self) -> None:
        """End the thread and close the camera; idempotent, never waits for a hanging device."""
        self._stopping.set()
        with self._news:
            self._news.notify_all()
        if self._thread is None:
            self._camera.close()
        elif self._thread is not threading.current_thread():
            # A thread that hangs in the device closes it when it comes back.
            self._thread.join(timeout=min(self._deadline_s, 2.0))

    def __enter__(self) -> "FrameStream":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        pause_s = min(_FIRST_PAUSE_S, self._longest_pause_s)
        try:
            while not self._stopping.is_set():
                try:
                    self._reopen()
                    frame = self._camera.read(max_age_s=self._deadline_s)
                    _refuse_garbage(frame, self.name)
                except EndOfStreamError:
                    self._end()
                    return
                except Exception as error:
                    self._fail(error)
                    self._stopping.wait(pause_s)
                    pause_s = min(2 * pause_s, self._longest_pause_s)
                    continue
                pause_s = min(_FIRST_PAUSE_S, self._longest_pause_s)
                if not self._publish(frame):
                    self._stopping.wait(_SAME_PAUSE_S)
        finally:
            self._camera.close()

    def _reopen(self) -> None:
        """Replace a camera that failed, if it is known how to open another."""
        if self._error is not None and self._open is not None:
            self._camera.close()
            self._camera = self._open()

    def _publish(self, frame: Frame) -> bool:
        """Make a frame the newest; one that was here before is no news."""
        with self._news:
            if self._latest is not None and frame.sequence == self._latest.sequence:
                return False
            if self._latest is not None and not self._taken:
                self.dropped += 1
            self.revived += self._error is not None
            self._latest, self._taken, self._error = frame, False, None
            self._arrived_s = time.monotonic()
            self.received += 1
            self._news.notify_all()
            return True

    def _fail(self, error: Exception) -> None:
        with self._news:
            self.failures += 1
            self._error = error

    def _end(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _silence_s(self) -> float:
        return time.monotonic() - self._arrived_s

    def _fresh(self, frame: Frame, max_age_s: float) -> bool:
        if self._ended and self._taken:
            return False
        age_s = self._clock() - frame.stamp_s if self._clock else self._silence_s()
        return age_s <= max_age_s

    def _complaint(self) -> str:
        why = f": {self._error}" if self._error is not None else "; reading it hangs"
        return (
            f'camera "{self.name}" has given nothing for {self._silence_s():.1f} s '
            f"(its deadline is {self._deadline_s:g} s){why}"
        )


def _refuse_garbage(frame: Frame, name: str) -> None:
    shape = np.shape(frame.rgb)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or frame.rgb.dtype != np.uint8:
        raise CameraError(f'camera "{name}" gives {shape}, not [H, W, 3] uint8')
