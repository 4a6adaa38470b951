"""Track: one object through time, and what a frame shows where it was."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .arm_view import ArmView
from .frame import Frame, Points, Transform
from .geometry import project, thin_out
from .heading import yaw_of
from .scene import SceneObject
from .vlm.lexicon import FURNITURE

Name = tuple[str | None, str]
"""Colour, or None where unknown, and category."""

_FRESH_S = 8.0
_BEHIND_M, _FLAT_M = 0.015, 0.006
"""What is seen this far behind a surface, or behind that of something flat, is seen through it."""
_FADE, _OF_A_PART = 0.95, 0.3
_UPPER = 0.4
"""Share of its height from which a thing is surely itself and not what it stands on."""


@dataclass
class Track:
    """One object through time.

    Attributes:
        id: stable name.
        low, high: [3] bounding box corners, m.
        votes: for (colour, category), by score; old ones fade.
        seen: camera -> (stamp, points) of its latest sighting.
        state: as last seen.
        score: of the latest sighting, faded while it is missed.
        visible: in the latest look.
        misses: looks in a row in which its place was seen empty, or it in its place by nobody.
        sightings: how often it was seen.
        shown: whether it is believed enough to be part of the scene.
        least_m: its least extent while it stood on the table, all of it in view; 0 till then.
        odd: detections in a row that took in clearly more than it, or a part of it only.
        shell: [3] each, the corners of its box without the door that stands open; None of others.
    """

    id: str
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    votes: Counter[Name] = field(default_factory=Counter)
    seen: dict[str, tuple[float, Points]] = field(default_factory=dict)
    state: str | None = None
    score: float = 0.0
    visible: bool = True
    misses: int = 0
    sightings: int = 0
    shown: bool = True
    least_m: float = 0.0
    odd: int = 0
    shell: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None

    @property
    def center(self) -> npt.NDArray[np.float64]:
        """[3] middle of its bounding box, m."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def latest(self) -> float:
        """When it was last seen, s."""
        return max((stamp for stamp, _ in self.seen.values()), default=-np.inf)

    @property
    def name(self) -> Name:
        """The colour and category with the most votes."""
        return self.votes.most_common(1)[0][0]

    @property
    def is_furniture(self) -> bool:
        """Whether it stands where it stands: no hand carries it, only its drawer or door moves."""
        return bool(self.votes) and self.name[1] in FURNITURE

    @property
    def points(self) -> Points:
        """[N, 3] its surface, from every camera that saw it lately."""
        if not self.seen:
            return np.zeros((0, 3), np.float32)
        newest = max(stamp for stamp, _ in self.seen.values())
        parts = [points for stamp, points in self.seen.values() if newest - stamp < _FRESH_S]
        return thin_out(np.concatenate(parts), 0.002)

    def vote(self, name: Name, score: float) -> None:
        """Count a reading of its name; one wrong reading among many changes nothing.

        Furniture has fronts and walls that look like boxes from near by; boxes do not look like it.
        """
        if self.is_furniture and name[1] not in FURNITURE:
            score *= _OF_A_PART
        for known in self.votes:
            self.votes[known] *= _FADE  # type: ignore[assignment]  # a Counter of floats
        self.votes[name] += max(score, 0.05)  # type: ignore[assignment]

    def move(self, T_new_old: Transform) -> None:
        """Move it rigidly, as the hand does that holds it; its box keeps its extents."""
        R, t = T_new_old[:3, :3], T_new_old[:3, 3]
        shift = R @ self.center + t - self.center
        self.low, self.high = self.low + shift, self.high + shift
        self.seen = {
            camera: (stamp, (points @ R.T + t).astype(np.float32))
            for camera, (stamp, points) in self.seen.items()
        }


@dataclass(frozen=True)
class Place:
    """What a frame shows where an object was seen before.

    Attributes:
        inside: share of its surface that is in the image.
        gone: of that, the share where the frame looks through it, at what is behind.
        hidden: of that, the share with something in front.
    """

    inside: float
    gone: float
    hidden: float

    @property
    def verdict(self) -> str:
        """In a word: "there", "hidden", "empty", or "outside" of the image."""
        if self.inside < 0.5:
            return "outside"
        if self.gone > 0.6:
            return "empty"
        return "hidden" if self.hidden > 0.4 else "there"


def place_of(points: Points, frame: Frame, arm: ArmView | None) -> Place:
    """Compare a surface [N, 3] that was seen before with the depth that a frame has there.

    Its upper part alone counts: low down, some of what it stands on may be taken for it, and
    that stays when it goes.
    """
    if not len(points) or frame.depth is None:
        return Place(1.0, 0.0, 1.0)
    low, high = np.percentile(points[:, 2], [2, 98])
    points = points[points[:, 2] >= low + _UPPER * (high - low)]
    pixels, expected = project(points, frame)
    height, width = frame.depth.shape
    u, v = pixels.T
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height) & (expected > 0.03)
    if not inside.any():
        return Place(0.0, 0.0, 0.0)
    measured, expected = frame.depth[v[inside], u[inside]], expected[inside]
    hidden = (measured < expected - _BEHIND_M) & (measured > 0)
    if arm is not None:
        hidden |= arm.covers(points[inside])
    # What is as flat as a plate is gone when the table is seen a little behind it.
    gone = (measured > expected + min(_BEHIND_M, max(_FLAT_M, 0.3 * (high - low)))) & ~hidden
    return Place(float(inside.mean()), float(gone.mean()), float(hidden.mean()))


def alike(a: Name, b: Name) -> bool:
    """Whether two names share a colour or a category; a model may get the other wrong."""
    return (a[0] is not None and a[0] == b[0]) or a[1] == b[1]


def unlike(track: Track, size: npt.ArrayLike) -> float:
    """How much its size differs from another [3], m: the mean of |log ratio| over the axes."""
    ratio = np.maximum(track.high - track.low, 0.01) / np.maximum(size, 0.01)
    return float(np.abs(np.log(ratio)).mean())


def as_object(track: Track) -> SceneObject:
    """What the scene says of it."""
    color, category = track.name
    yaw = yaw_of(track.points)
    low, high = track.shell or (track.low, track.high)
    x, y, z = (float(round(v, 4)) for v in (low + high) / 2)
    a, b, c = (float(round(max(v, 0.001), 4)) for v in high - low)
    return SceneObject(
        name=f"{color} {category}" if color else category,
        category=category,
        color=color,
        position=(x, y, z),
        size=(a, b, c),
        yaw=None if yaw is None else round(yaw, 3),
        state=None if track.state == "held" else track.state,
        visible=track.visible,
        score=round(min(track.score, 1.0), 3),
    )
