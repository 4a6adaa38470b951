"""Watching: questions and phrases put to cameras again and again, and an account of what moved."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .cameras import FrameStream, ImageFolder, LiveCamera, VideoFile
from .cameras.image_folder import SUFFIXES
from .errors import CameraError, EndOfStreamError, UserError
from .frame import Camera, Frame
from .perception import Perception
from .vlm.verbs import Box, Detection

_STILL = 1.2
"""Mean change of grey level, 0..255, below which nothing has moved between two frames."""
_PAUSE_S = 0.005
"""Between two rounds of the cameras in which none had a new frame."""
_PLACES = ("left", "middle", "right")
_CONFIRM = 3
"""So many frames in a row make something appear, vanish or be somewhere else."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """What was told of one frame.

    Attributes:
        frame: the one that was looked at.
        age_s: how old it was when the answer was there; of a file's frame, how long the look took.
        text: the answer, or what was found.
        confidence: 0..1.
        found: what a phrase refers to, best first.
        box: where an answer looked, pixels, or None.
    """

    frame: Frame
    age_s: float
    text: str
    confidence: float
    found: tuple[Detection, ...] = ()
    box: Box | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        boxes = [d.box for d in self.found] or ([self.box] if self.box else [])
        return {
            "camera": self.frame.camera,
            "sequence": self.frame.sequence,
            "stamp_s": self.frame.stamp_s,
            "age_s": round(self.age_s, 4),
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "boxes": boxes,
        }


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
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return ImageFolder(path)
    if path.is_file():
        return VideoFile(path, realtime=realtime)
    raise UserError(
        f'there is nothing to watch at "{source}"; accepted are a webcam\'s index, an rtsp:// or '
        "http:// address, a video file, and an image or a folder of them"
    )


def frames_of(
    cameras: Sequence[Camera],
    *,
    every_s: float = 0.0,
    gate: ChangeGate | None = None,
    on_trouble: Callable[[str], None] = lambda _words: None,
) -> Iterator[tuple[Frame, bool]]:
    """The frames of several cameras, in turn, each once, until all have ended.

    Live cameras are read in threads of their own, newest frame first; files give every frame.

    Args:
        cameras: with names of their own; closed at the end.
        every_s: least time between two frames of a camera, on its own clock.
        gate: skips frames in which nothing moved; None skips none.
        on_trouble: told once when a camera fails; it is tried again.

    Yields:
        (frame, whether its stamp is of `time.monotonic()`, so that its age is known).

    Raises:
        UserError: two cameras have the same name.
    """
    names = [camera.name for camera in cameras]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f'two cameras are called "{twice[0]}"; each needs a name of its own')
    sources: dict[str, Camera] = {
        camera.name: FrameStream(camera).start() if isinstance(camera, LiveCamera) else camera
        for camera in cameras
    }
    last: dict[str, Frame] = {}
    troubled: set[str] = set()
    try:
        while sources:
            news = False
            for name, camera in list(sources.items()):
                try:
                    frame = camera.read()
                except EndOfStreamError:
                    sources.pop(name).close()
                    continue
                except CameraError as error:
                    if name not in troubled:
                        on_trouble(str(error))
                    troubled.add(name)
                    continue
                troubled.discard(name)
                before = last.get(name)
                if before is not None and (
                    frame.sequence == before.sequence or frame.stamp_s - before.stamp_s < every_s
                ):
                    continue
                news = True
                if gate is None or gate.passes(frame):
                    last[name] = frame
                    yield frame, isinstance(camera, FrameStream)
            if sources and not news:
                time.sleep(_PAUSE_S)
    finally:
        for camera in sources.values():
            camera.close()


def watch(
    frames: Iterable[tuple[Frame, bool]], perception: Perception, query: str
) -> Iterator[Sighting]:
    """Put a question (ending in "?") or a phrase to frames, see `frames_of`."""
    for frame, live in frames:
        began = time.monotonic()
        sighting = look(perception, frame, query)
        yield replace(sighting, age_s=time.monotonic() - (frame.stamp_s if live else began))


def look(perception: Perception, frame: Frame, query: str) -> Sighting:
    """The answer to one question, or what one phrase refers to, in one frame."""
    if query.rstrip().endswith("?"):
        answer = perception.ask(frame, query)
        text = answer.text or "I cannot tell"
        return Sighting(frame, 0.0, text, answer.confidence, box=answer.box)
    found = tuple(perception.ground(frame, query))
    if not found:
        return Sighting(frame, 0.0, f"no {query}", 1.0)
    text = query if len(found) == 1 else f"{len(found)} × {query}"
    return Sighting(frame, 0.0, text, found[0].score, found)


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
    """An account of what happened, from tracks and not from single frames.

    Give it each frame's detections in turn; it tells what appeared, vanished, and moved from one
    third of the picture to another.

    Attributes:
        width: of the frames, pixels.
    """

    width: int
    _tracks: list[_Track] = field(default_factory=list)

    def add(self, detections: Sequence[Detection]) -> list[str]:
        """What is news with the next frame's detections, in words."""
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
        return news

    def _update(self, track: _Track, detection: Detection) -> list[str]:
        track.box, track.missed = detection.box, 0
        track.seen += 1
        place = self._place(detection.box)
        if not track.known:
            if track.seen < _CONFIRM:
                return []
            track.known, track.place = True, place
            where = "in" if place == "middle" else "on"
            return [f"the {track.label} is {where} the {place}"]
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
