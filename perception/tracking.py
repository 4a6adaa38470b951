"""SceneTracker: detections over time become a Scene with stable ids and a memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .arm_view import ArmView
from .frame import Frame, Points
from .geometry import points_of, project, table_height, thin_out
from .lifting import Lifted, lift
from .relations import with_supports
from .scene import Scene, SceneObject
from .vlm.verbs import Detection

_NEAR_M = 0.07
_NEW_SCORE = 0.3
_FORGET_AFTER = 2
_FRESH_S = 8.0
_TALLEST_M = 0.28


@dataclass
class Track:
    """One object through time.

    Attributes:
        id: stable name.
        names: votes for (colour, category), by score.
        low, high: bounding box corners, m.
        seen: camera -> (stamp, points) of its latest sighting.
        state: as last seen.
        score: of the latest sighting, faded while it is missed.
        visible: in the latest look.
        misses: looks in a row in which its place was seen empty.
        sightings: how often it was seen.
    """

    id: str
    names: Counter[tuple[str | None, str]]
    low: np.ndarray
    high: np.ndarray
    seen: dict[str, tuple[float, Points]] = field(default_factory=dict)
    state: str | None = None
    score: float = 0.0
    visible: bool = True
    misses: int = 0
    sightings: int = 0
    grip: np.ndarray | None = None
    """Offset of its centre from the TCP while it is held, TCP frame, m."""

    @property
    def center(self) -> np.ndarray:
        """Middle of its bounding box, m."""
        return np.asarray((self.low + self.high) / 2)

    @property
    def name(self) -> tuple[str | None, str]:
        """The colour and category with the most votes."""
        return self.names.most_common(1)[0][0]

    @property
    def points(self) -> Points:
        """[N, 3] its surface, from every camera that saw it lately."""
        if not self.seen:
            return np.zeros((0, 3), np.float32)
        newest = max(stamp for stamp, _ in self.seen.values())
        parts = [points for stamp, points in self.seen.values() if newest - stamp < _FRESH_S]
        return thin_out(np.concatenate(parts), 0.002)


class SceneTracker:
    """Holds what is seen over time."""

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.table_m = 0.0
        self._table_known = False
        self._numbers: Counter[str] = Counter()
        self._holding: str | None = None
        self._clouds: dict[str, tuple[float, Points]] = {}
        self._views: dict[str, int] = {}

    def update(
        self,
        frames: Mapping[str, Frame],
        detections: Mapping[str, Sequence[Detection]],
        arm: ArmView | None = None,
    ) -> Scene:
        """Take in one look: frames and what was detected in each, by camera name.

        Args:
            frames: with depth, intrinsics and pose.
            detections: of each of these frames.
            arm: where the arm is; without it, nothing is known to be held.
        """
        for track in self.tracks.values():
            track.visible = False
        for name, frame in frames.items():
            self._look_at_table(frame, arm)
            lifted = lift(detections[name], frame, self.table_m, arm)
            self._associate(lifted, frame)
            self._check_missing(frame, arm)
            self._views[name] = frame.sequence
        self._settle_holding(arm)
        stamp = max((frame.stamp_s for frame in frames.values()), default=0.0)
        return self.scene(arm.stamp_s if arm is not None else stamp)

    def scene(self, stamp_s: float) -> Scene:
        """The present Scene."""
        objects = {track.id: self._object(track) for track in self.tracks.values()}
        return with_supports(
            Scene(
                objects=objects,
                holding=self._holding,
                table_height_m=self.table_m,
                stamp_s=stamp_s,
                views=dict(self._views),
            )
        )

    def points(self, object_id: str) -> Points:
        """[N, 3] float32 surface of an object as seen, m; empty for unknown ids."""
        track = self.tracks.get(object_id)
        return track.points if track is not None else np.zeros((0, 3), np.float32)

    def cloud(self, exclude: Sequence[str] = ()) -> Points:
        """[N, 3] float32 everything above the table but the arm and some objects, m."""
        if not self._clouds:
            return np.zeros((0, 3), np.float32)
        newest = max(stamp for stamp, _ in self._clouds.values())
        fresh = [points for stamp, points in self._clouds.values() if newest - stamp < _FRESH_S]
        cloud = thin_out(np.concatenate(fresh), 0.005)
        for name in exclude:
            own = self.points(name)
            if len(own) and len(cloud):
                from scipy.spatial import cKDTree

                distance, _ = cKDTree(own).query(cloud, distance_upper_bound=0.008)
                cloud = cloud[~np.isfinite(distance)]
        return cloud

    def _look_at_table(self, frame: Frame, arm: ArmView | None) -> None:
        points = points_of(frame)
        inside = (points[:, 0] > 0.2) & (points[:, 0] < 0.85) & (np.abs(points[:, 1]) < 0.5)
        points = points[inside]
        if not self._table_known and len(points):
            self.table_m = table_height(points)
            self._table_known = True
        height = points[:, 2] - self.table_m
        points = thin_out(points[(height > 0.006) & (height < _TALLEST_M)], 0.004)
        if arm is not None and len(points):
            points = points[~arm.covers(points)]
        self._clouds[frame.camera] = (frame.stamp_s, points)

    def _associate(self, lifted: list[Lifted], frame: Frame) -> None:
        """Give each detection to the track it most likely is of, or to a new one."""
        from scipy.optimize import linear_sum_assignment

        tracks = list(self.tracks.values())
        cost = np.array([[self._cost(track, item) for track in tracks] for item in lifted])
        free = list(range(len(lifted)))
        if cost.size:
            rows, columns = linear_sum_assignment(cost)
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
                if cost[i, j] < 1.0:
                    self._sight(tracks[j], lifted[i], frame)
                    free.remove(i)
        for i in free:
            moved = self._moved(lifted[i], lifted)
            if moved is not None:
                moved.seen.clear()
                self._sight(moved, lifted[i], frame)
            elif lifted[i].detection.score > _NEW_SCORE:
                self._begin(lifted[i], frame)

    def _cost(self, track: Track, item: Lifted) -> float:
        """Distance in units of the gate, with a price on another name; over 1 is no match."""
        reach = _NEAR_M + 0.25 * float(max(item.size[:2]))
        distance = float(np.linalg.norm(track.center - item.center)) / reach
        color, category = track.name
        other = 0.3 * (color != item.detection.color) + 0.3 * (category != item.detection.category)
        return min(distance + other * (1.0 if track.sightings > 1 else 0.7), 10.0)

    def _moved(self, item: Lifted, lifted: list[Lifted]) -> Track | None:
        """A track of the same name that was not seen where it was: the object moved."""
        name = (item.detection.color, item.detection.category or item.detection.label)
        same = [t for t in self.tracks.values() if t.name == name and not t.visible]
        rivals = sum(
            (o.detection.color, o.detection.category or o.detection.label) == name for o in lifted
        )
        return same[0] if len(same) == 1 and rivals == 1 else None

    def _begin(self, item: Lifted, frame: Frame) -> None:
        category = item.detection.category or item.detection.label
        self._numbers[category] += 1
        identity = f"{category.replace(' ', '_')}_{self._numbers[category]}"
        track = Track(identity, Counter(), item.low, item.high)
        self.tracks[identity] = track
        self._sight(track, item, frame)

    def _sight(self, track: Track, item: Lifted, frame: Frame) -> None:
        detection = item.detection
        name = (detection.color, detection.category or detection.label)
        track.names[name] += max(detection.score, 0.05)  # type: ignore[assignment]
        moved = float(np.linalg.norm(track.center - item.center)) > 0.03
        if moved:
            track.seen.clear()
        track.seen[frame.camera] = (frame.stamp_s, item.points)
        known_whole = track.sightings > 0 and not moved
        if item.complete or not known_whole:
            points = track.points
            track.low, track.high = np.percentile(points, [1, 99], axis=0)
            if track.low[2] < self.table_m + 0.03:
                track.low[2] = self.table_m
        track.state, track.score = detection.state, detection.score
        track.visible, track.misses = True, 0
        track.sightings += 1

    def _check_missing(self, frame: Frame, arm: ArmView | None) -> None:
        """Of what was not seen: hidden things are kept, things whose place is empty are not."""
        for track in list(self.tracks.values()):
            if track.visible or track.id == self._holding:
                continue
            verdict = _place(track, frame, arm)
            if verdict == "there":
                track.visible, track.score = True, track.score * 0.9
            elif verdict == "empty":
                track.misses += 1
                if track.misses >= _FORGET_AFTER or track.sightings < 2:
                    del self.tracks[track.id]

    def _settle_holding(self, arm: ArmView | None) -> None:
        if arm is None:
            return
        if not arm.grips:
            self._release()
            return
        candidate = self._between_fingers(arm)
        if candidate is not None:
            if candidate != self._holding:
                self._release()
            self._holding = candidate
            track = self.tracks[candidate]
            local = np.linalg.inv(arm.T_base_tcp) @ np.append(track.center, 1.0)
            track.grip = local[:3]
        elif self._holding is not None:
            self._carry(self.tracks.get(self._holding), arm)

    def _between_fingers(self, arm: ArmView) -> str | None:
        """The lifted object whose surface is nearest to the TCP, if it is near."""
        tip = arm.T_base_tcp[:3, 3]
        best, nearest = None, 0.03
        for track in self.tracks.values():
            points = track.points
            if not track.visible or not len(points):
                continue
            distance = float(np.linalg.norm(points - tip, axis=1).min())
            sure = 0.01 if track.state == "held" else 0.0
            lifted = track.low[2] > self.table_m + 0.02 or tip[2] > self.table_m + 0.20
            if lifted and distance - sure < nearest:
                best, nearest = track.id, distance - sure
        return best

    def _carry(self, track: Track | None, arm: ArmView) -> None:
        """What is held but hidden by the hand moves with it; what is seen elsewhere is let go."""
        if track is None or track.visible or track.grip is None:
            self._release()
            return
        center = (arm.T_base_tcp @ np.append(track.grip, 1.0))[:3]
        shift = center - track.center
        track.low, track.high = track.low + shift, track.high + shift
        track.seen.clear()

    def _release(self) -> None:
        if self._holding is not None and self._holding in self.tracks:
            self.tracks[self._holding].grip = None
        self._holding = None

    def _object(self, track: Track) -> SceneObject:
        color, category = track.name
        x, y, z = (float(round(v, 4)) for v in track.center)
        a, b, c = (float(round(max(v, 0.001), 4)) for v in track.high - track.low)
        state = None if track.state == "held" else track.state
        return SceneObject(
            name=f"{color} {category}" if color else category,
            category=category,
            color=color,
            position=(x, y, z),
            size=(a, b, c),
            state=state,
            visible=track.visible,
            score=round(min(track.score, 1.0), 3),
        )


def _place(track: Track, frame: Frame, arm: ArmView | None) -> str:
    """What a frame shows where an object was: "there", "hidden", "empty", or "outside"."""
    points = track.points
    if not len(points) or frame.depth is None:
        return "hidden"
    pixels, expected = project(points, frame)
    height, width = frame.depth.shape
    inside = (
        (pixels[:, 0] >= 0)
        & (pixels[:, 0] < width)
        & (pixels[:, 1] >= 0)
        & (pixels[:, 1] < height)
        & (expected > 0.03)
    )
    if inside.mean() < 0.5:
        return "outside"
    measured = frame.depth[pixels[inside, 1], pixels[inside, 0]]
    behind = measured > expected[inside] + 0.015
    before = (measured < expected[inside] - 0.015) & (measured > 0)
    if behind.mean() > 0.6:
        return "empty"
    if before.mean() > 0.4:
        return "hidden"
    if arm is not None and arm.covers(points).mean() > 0.3:
        return "hidden"
    return "there"
