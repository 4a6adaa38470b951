"""Account: what happened before a camera, told from tracks and not from single frames."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..cameras.inbox import Taken
from ..errors import ModelError
from ..frame import Frame
from ..perception import Perception
from ..vlm.verbs import Box, Detection
from .gate import ChangeGate
from .judging import Judging

_PLACES = ("left", "middle", "right")
_CONFIRM = 3
"""So many looks in a row make something appear, vanish, be somewhere else or in another state."""
_GONE_S = 1.0
"""What was out of sight for less was only hidden for a moment."""
_NEAR = 0.35
"""Share of the width within which a thing of the same name is the same thing."""
_BORDER = 0.03
"""Share of the width by which a border must be passed: what lies on it would move all the time."""
_OVERLAP = 0.5
_STATES = {"held": "is held", None: "was let go", "open": "is open", "closed": "is closed"}


@dataclass
class _Track:
    """A thing that is followed; its box is in widths of the frame."""

    names: Counter[str]
    box: Box
    place: str
    state: str | None
    seen_s: float
    seen: int = 1
    missed: int = 0
    known: bool = False
    elsewhere: int = 0
    changed: int = 0

    @property
    def label(self) -> str:
        """What it was called most often."""
        return self.names.most_common(1)[0][0]


@dataclass
class Account:
    """Tells what appeared, vanished, moved across the picture, was held or opened."""

    _tracks: list[_Track] = field(default_factory=list)

    def add(self, detections: Sequence[Detection], stamp_s: float, width: int) -> list[str]:
        """What is news with the next frame's detections, in words.

        Args:
            detections: in pixels of the frame.
            stamp_s: of the frame.
            width: of the frame, pixels; a camera may change its size.
        """
        news: list[str] = []
        detections = [_scaled(detection, width) for detection in detections]
        pairs, new = self._matched(detections)
        seen = {id(track): detection for track, detection in pairs}
        for track in self._tracks:
            if id(track) in seen:
                news += self._update(track, seen[id(track)], stamp_s)
            else:
                track.missed += 1
        # Of a recording that begins again the stamps go back.
        gone = [
            track
            for track in self._tracks
            if track.missed >= _CONFIRM and abs(stamp_s - track.seen_s) >= _GONE_S
        ]
        news += [f"the {t.label} vanished from the {t.place}" for t in gone if t.known]
        self._tracks = [t for t in self._tracks if t not in gone]
        for d in new:
            place = self._place(d.box)
            self._tracks.append(_Track(Counter([d.label]), d.box, place, d.state, stamp_s))
        return news

    def _update(self, track: _Track, detection: Detection, stamp_s: float) -> list[str]:
        track.box, track.missed, track.seen_s = detection.box, 0, stamp_s
        track.names[detection.label] += 1
        track.seen += 1
        place = self._place(detection.box, track.place)
        if not track.known:
            track.place, track.state = place, detection.state
            if track.seen < _CONFIRM:
                return []
            track.known = True
            where = "in" if place == "middle" else "on"
            return [f"the {track.label} is {where} the {place}"]
        news = []
        track.changed = 0 if detection.state == track.state else track.changed + 1
        if track.changed >= _CONFIRM:
            track.state, track.changed = detection.state, 0
            news.append(f"the {track.label} {_STATES.get(track.state, f'is {track.state}')}")
        track.elsewhere = 0 if place == track.place else track.elsewhere + 1
        if track.elsewhere >= _CONFIRM:
            news.append(f"the {track.label} moved from {track.place} to {place}")
            track.place, track.elsewhere = place, 0
        return news

    def _matched(
        self, detections: Sequence[Detection]
    ) -> tuple[list[tuple[_Track, Detection]], list[Detection]]:
        """Which detection is of which track, the nearest first; and those of none."""
        tracks, free = list(self._tracks), list(detections)
        pairs = []
        for distance in (self._named, _placed):
            ranked = sorted(
                (
                    (distance(track, detection, tracks), i, j)
                    for i, track in enumerate(tracks)
                    for j, detection in enumerate(free)
                ),
            )
            used: tuple[set[int], set[int]] = (set(), set())
            for away, i, j in ranked:
                if away < 1 and i not in used[0] and j not in used[1]:
                    pairs.append((tracks[i], free[j]))
                    used[0].add(i)
                    used[1].add(j)
            tracks = [t for i, t in enumerate(tracks) if i not in used[0]]
            free = [d for j, d in enumerate(free) if j not in used[1]]
        return pairs, free

    def _named(self, track: _Track, detection: Detection, tracks: Sequence[_Track]) -> float:
        """How far a thing of the same name went; under 1 if it can be the same."""
        if detection.label != track.label:
            return 2.0
        (x0, y0), (x1, y1) = _middle(track.box), _middle(detection.box)
        away = float(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5) / _NEAR
        # The only one of its name is it, however far it was carried between two looks.
        only = sum(t.label == track.label for t in tracks) == 1
        return min(away, 0.999) if only else away

    def _place(self, box: Box, present: str = "") -> str:
        x = _middle(box)[0]
        if present:
            k = _PLACES.index(present)
            if k / 3 - _BORDER <= x <= (k + 1) / 3 + _BORDER:
                return present
        return _PLACES[min(max(int(3 * x), 0), 2)]


def tell(
    news: Iterable[Sequence[Taken]],
    perception: Perception,
    gate: ChangeGate | None = None,
    on_trouble: Callable[[str], None] = lambda _words: None,
) -> Iterator[tuple[Frame, str]]:
    """What happens before cameras, see `rounds`: (frame, words) as it is noticed.

    At the end, of how many frames nothing is known, if there are any.

    Args:
        news: rounds of frames.
        perception: what parses them.
        gate: saves looks at frames in which nothing moved: there, all is as it was before.
        on_trouble: told when the model fails; the next frame is tried.

    Raises:
        ModelError: the model failed in all frames, or in the first ten.
    """
    accounts: dict[str, Account] = {}
    found: dict[str, tuple[Sequence[Detection], int]] = {}
    judging, told = Judging(), ""
    for taken in news:
        frames = [one.frame for one in taken]
        fresh = [frame for frame in frames if gate is None or gate.passes(frame)]
        perception.prepare("parse", fresh)
        for frame in fresh:
            try:
                found[frame.camera] = (perception.parse(frame), frame.rgb.shape[1])
            except ModelError as error:
                found.pop(frame.camera, None)
                if gate is not None:
                    gate.forget(frame.camera)
                judging.failed_with(error)
                last = frame
                if str(error) != told:
                    told = str(error)
                    on_trouble(told)
        for frame in frames:
            if frame.camera not in found:
                continue
            judging.worked()
            detections, width = found[frame.camera]
            account = accounts.setdefault(frame.camera, Account())
            for words in account.add(detections, frame.stamp_s, width):
                yield frame, words
    judging.end()
    if judging.gaps:
        yield last, judging.gaps


def _scaled(detection: Detection, width: int) -> Detection:
    """With its box in widths of the frame."""
    x0, y0, x1, y1 = (v / width for v in detection.box)
    return replace(detection, box=(x0, y0, x1, y1))


def _placed(track: _Track, detection: Detection, _tracks: Sequence[_Track]) -> float:
    """How little a box covers a track's: what lies where something lay is it under another name."""
    a, b = track.box, detection.box
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    overlap = shared / max(area, 1e-9)
    return 1 - overlap if overlap > _OVERLAP else 2.0


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
