"""rounds: what several cameras have to show, together."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack

from ..cameras.inbox import Inbox, Taken
from ..cameras.opencv import as_stream
from ..cameras.stream import FrameStream
from ..errors import CameraError, EndOfStreamError, UserError
from ..frame import Camera

_PATIENCE_S = 0.25
"""Least often to look whether a camera has fallen silent."""


def rounds(
    cameras: Sequence[Camera],
    *,
    every_s: float = 0.0,
    on_trouble: Callable[[str], None] = lambda _words: None,
) -> Generator[list[Taken], None, None]:
    """The newest frame of each camera that has a new one, again and again, until all have ended.

    Each camera is read in its own thread (see `as_stream`), so none waits for another or for who
    looks at the frames. One that fails is left out until it gives frames again.

    Args:
        cameras: with names of their own; closed at the end.
        every_s: least time between two frames of a camera, by their stamps; it counts anew where
            they go back, as those of a recording that begins again do.
        on_trouble: told what is wrong with a camera, once, and when it is back.

    Raises:
        UserError: two cameras have the same name.
    """
    names = [camera.name for camera in cameras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f'two cameras are called "{twice[0]}"; each needs a name of its own')
    streams = [as_stream(camera) for camera in cameras]
    bell = threading.Event()
    stamps_s: dict[str, float] = {}
    silent: set[str] = set()
    jumped: set[str] = set()
    with ExitStack() as stack:
        for stream in streams:
            stack.callback(stream.close)
            stream.bell = bell
            stream.start()
        # All are told to end before the first is waited for.
        stack.callback(_stop, list(streams))
        while streams:
            bell.clear()
            news = []
            for stream in list(streams):
                taken = _news(stream, streams, silent, on_trouble)
                if taken is None:
                    continue
                stamp_s = taken.frame.stamp_s
                before_s = stamps_s.get(stream.name, -float("inf"))
                if stamp_s < before_s and stream.name not in jumped:
                    jumped.add(stream.name)
                    on_trouble(
                        f'the stamps of camera "{stream.name}" went back by '
                        f"{before_s - stamp_s:.1f} s; it is watched from there on"
                    )
                if not before_s <= stamp_s < before_s + every_s:
                    stamps_s[stream.name] = stamp_s
                    news.append(taken)
            if news:
                yield news
            elif streams:
                bell.wait(_PATIENCE_S)


def _news(
    stream: Inbox,
    streams: list[Inbox],
    silent: set[str],
    on_trouble: Callable[[str], None],
) -> Taken | None:
    """What a camera has to show, if anything; says what is wrong with it."""
    try:
        taken = stream.take()
    except EndOfStreamError:
        streams.remove(stream)
        taken = None
    except CameraError as error:
        # A failure is told below; this is of one that just hangs.
        if stream.name not in silent and stream.error is None:
            on_trouble(str(error))
        silent.add(stream.name)
        taken = None
    else:
        silent.discard(stream.name)
    while stream.troubles:
        on_trouble(stream.troubles.popleft())
    return taken


def _stop(streams: list[Inbox]) -> None:
    for stream in streams:
        if isinstance(stream, FrameStream):
            stream.stop()
