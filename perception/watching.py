"""Watching: questions and phrases put to cameras again and again, and an account of what moved."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .cameras import FrameStream, ImageFolder, LiveCamera, VideoFile
from .errors import CameraError, EndOfStreamError, UserError
from .frame import Camera, Frame
from .perception import Perception
from .vlm.verbs import Box, Detection

_STILL = 1.2
"""Mean change of grey level, 0..255, below which nothing has moved between two frames."""
_PLACES = ("left", "middle", "right")
_CONFIRM = 3
"""So many frames in a row make something appear, vanish or be somewhere else."""


@dataclass(frozen=True)
class Sighting:
    """What was told of one frame.

    Attributes:
        camera, sequence, stamp_s: of the frame.
        age_s: how old the frame was when the answer was there.
        text: the answer, or what was found.
        confidence: 0..1.
        boxes: of what was found or looked at, pixels.
    """

    camera: str
    sequence: int
    stamp_s: float
    age_s: float
    text: str
    confidence: float
    boxes: tuple[Box, ...] = ()


class ChangeGate:
    """Lets a frame pass if something in it moved since the last one that passed."""

    def __init__(self, still: float = _STILL) -> None:
        self._still = still
        self._kept: dict[str, npt.NDArray[np.float32]] = {}
        self.skipped = 0

    def passes(self, frame: Frame) -> bool:
        """Whether to look at a frame; the first of a camera always passes."""
        import cv2

        grey = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (64, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
        before = self._kept.get(frame.camera)
        # Blocks, not single pixels: a small thing that moves changes little of a whole frame.
        if before is not None:
            blocks = np.abs(np.asarray(small) - before).reshape(6, 8, 8, 8).mean(axis=(1, 3))
            if float(blocks.max()) < self._still:
                self.skipped += 1
                return False
        self._kept[frame.camera] = np.asarray(small, np.float32)
        return True


def open_source(source: str, *, realtime: bool = False) -> Camera:
    """A camera from what a user writes.

    Args:
        source: a webcam's index, an rtsp:// or http:// address, a video file, an image, or a
            folder of images.
        realtime: play a video at its own pace instead of as fast as it goes.

    Raises:
        UserError: it is none of these.
    """
    if source.isdigit():
        return LiveCamera(int(source))
    if "://" in source:
        return LiveCamera(source)
    path = Path(source)
    if path.is_dir() or path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        return ImageFolder(path)
    if path.is_file():
        return VideoFile(path, realtime=realtime)
    raise UserError(
        f'there is nothing to watch at "{source}"; accepted are a webcam\'s index, an rtsp:// or '
        "http:// address, a video file, and an image or a folder of them"
    )


def watch(
    cameras: Sequence[Camera],
    perception: Perception,
    query: str,
    *,
    every_s: float = 0.0,
    gate: ChangeGate | None = None,
    on_trouble: Callable[[str], None] = lambda _words: None,
) -> Iterator[Sighting]:
    """Put a question (ending in "?") or a phrase to cameras until they end.

    Live cameras are read in threads of their own, newest frame first; files give every frame.

    Args:
        cameras: to watch, in turn.
        perception: what looks.
        query: a question for `ask`, or a phrase for `ground`.
        every_s: least time between two looks at a camera, on its own clock.
        gate: skips frames in which nothing moved; None looks at all.
        on_trouble: told of cameras that fail; they are tried again.
    """
    sources: dict[str, Camera] = {
        camera.name: FrameStream(camera).start() if isinstance(camera, LiveCamera) else camera
        for camera in cameras
    }
    last: dict[str, float] = {}
    try:
        while sources:
            for name, camera in list(sources.items()):
                try:
                    frame = camera.read()
                except EndOfStreamError:
                    sources.pop(name).close()
                    continue
                except CameraError as error:
                    on_trouble(str(error))
                    continue
                due = frame.stamp_s - last.get(name, -np.inf) >= every_s
                if due and (gate is None or gate.passes(frame)):
                    last[name] = frame.stamp_s
                    yield look(perception, frame, query)
    finally:
        for camera in sources.values():
            camera.close()


def look(perception: Perception, frame: Frame, query: str) -> Sighting:
    """The answer to one question, or what one phrase refers to, in one frame."""
    began = time.monotonic()
    if query.rstrip().endswith("?"):
        answer = perception.ask(frame, query)
        boxes: tuple[Box, ...] = (answer.box,) if answer.box else ()
        text, sure = answer.text or "I cannot tell", answer.confidence
    else:
        found = perception.ground(frame, query)
        boxes = tuple([d.box for d in found])
        text = f"{len(found)} × {query}" if len(found) != 1 else query
        text, sure = (text, found[0].score) if found else (f"no {query}", 1.0)
    now = time.monotonic()
    # Stamps of files count from their beginning; the age is then that of the look alone.
    live = now - 3600 < frame.stamp_s <= now and frame.stamp_s > 60
    age_s = now - (frame.stamp_s if live else began)
    return Sighting(frame.camera, frame.sequence, frame.stamp_s, age_s, text, sure, boxes)


@dataclass
class _Track:
    label: str
    box: Box
    place: str
    seen: int = 1
    missed: int = 0
    known: bool = False
    elsewhere: int = 0


@dataclass
class Account:
    """A time-stamped account of what happened, from tracks and not from single frames.

    Give it each frame's detections; it tells what appeared, vanished, and moved from one third of
    the picture to another.
    """

    width: int
    _tracks: list[_Track] = field(default_factory=list)

    def add(self, stamp_s: float, detections: Sequence[Detection]) -> list[str]:
        """What is news with this frame, in words, each with its time."""
        news: list[str] = []
        free = list(self._tracks)
        for detection in sorted(detections, key=lambda d: -d.score):
            track = self._match(detection, free)
            if track is None:
                self._tracks.append(
                    _Track(detection.label, detection.box, self._place(detection.box))
                )
                continue
            free.remove(track)
            news += self._update(track, detection)
        for track in free:
            track.missed += 1
            if track.known and track.missed == _CONFIRM:
                news.append(f"the {track.label} vanished from the {track.place}")
        self._tracks = [t for t in self._tracks if t.missed < _CONFIRM]
        return [f"{stamp_s:7.1f} s  {words}" for words in news]

    def _update(self, track: _Track, detection: Detection) -> list[str]:
        track.box, track.missed = detection.box, 0
        track.seen += 1
        place = self._place(detection.box)
        if not track.known:
            if track.seen < _CONFIRM:
                return []
            track.known, track.place = True, place
            return [f"the {track.label} is in the {place}" if place == "middle"
                    else f"the {track.label} is on the {place}"]  # fmt: skip
        if place == track.place:
            track.elsewhere = 0
            return []
        track.elsewhere += 1
        if track.elsewhere < _CONFIRM:
            return []
        before, track.place, track.elsewhere = track.place, place, 0
        return [f"the {track.label} moved from {before} to {place}"]

    def _match(self, detection: Detection, free: list[_Track]) -> _Track | None:
        x, y = _middle(detection.box)
        near = [
            (float(np.hypot(x - _middle(t.box)[0], y - _middle(t.box)[1])), k)
            for k, t in enumerate(free)
            if t.label == detection.label
        ]
        distance, k = min(near, default=(np.inf, -1))
        # The only one of its name is it, however far it was carried between two looks.
        return free[k] if len(near) == 1 or distance < 0.35 * self.width else None

    def _place(self, box: Box) -> str:
        return _PLACES[min(int(3 * _middle(box)[0] / self.width), 2)]


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
