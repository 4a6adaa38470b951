"""SceneTracker: detections over time become a Scene with stable ids and a memory."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from .appearing import appeared
from .arm_view import ArmView
from .exchanging import exchange, exchanged
from .fixtures import is_part, may_be
from .frame import Frame, Points, Transform
from .furniture import measured, seen_again
from .geometry import apart_from, points_of, share_in_view, thin_out
from .grip import Grip, fits
from .lifting import Lifted, apart, bounds, coincide, covered, distinct, lift, without
from .odd import STILL_M, is_odd
from .relations import with_supports
from .scene import Scene
from .table import table_in
from .track import Name, Track, alike, as_object, place_of, unlike
from .vlm.verbs import Detection

_NEAR_M = 0.07
_NEW_SCORE = 0.3
_SURE_SCORE = 0.5
_FORGET_AFTER = 2
_FRESH_S = 8.0
_TALLEST_M = 0.28
_NEVER = 10.0
_NEW_PLACE, _GRASPED, _SIMILAR = 0.8, 0.3, 0.5
_BELIEVED_ODD, _MOST = 3, 0.8
_SAID = 8.0
"""Votes for a name that was asked for, where one reading gives one at the most."""
_STATES = ("open", "closed")
_RAISED_M = 0.03  # at most, of what is let go, above where it was last in the hand
_SLACK_M = np.array([0.01, 0.01, 0.02])  # of what lies on a thing a little is taken for its top


class SceneTracker:
    """Holds what is seen over time.

    What is hidden (behind the arm, under or inside something, in the gripper) is remembered.
    What is not where it was is looked for among what appears; after a second look it leaves the
    scene, and comes back under its old id when it turns up again.

    Attributes:
        tracks: id -> object through time.
        table_m: height of the table, base frame.
    """

    def __init__(self) -> None:
        self.tracks: dict[str, Track] = {}
        self.table_m = 0.0
        self._lost: dict[str, Track] = {}
        self._table_known = False
        self._numbers: Counter[str] = Counter()
        self._grip = Grip(self.tracks)
        self._clouds: dict[str, tuple[float, Points]] = {}
        self._views: dict[str, int] = {}
        self._poses: dict[str, Transform | None] = {}

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

        Raises:
            CameraError: a frame lacks depth, intrinsics or pose.
        """
        before = {track.id: track.visible for track in self.tracks.values()}
        for track in self.tracks.values():
            track.visible = False
        if arm is not None:
            self._grip.carry(arm)
        released = self._grip.released(arm)
        verdicts: defaultdict[str, set[str]] = defaultdict(set)
        for name, frame in frames.items():
            known = self._known(name, released)
            self._look_at_table(frame, arm)
            seen = distinct(lift(detections[name], frame, self.table_m, arm))
            lifted = apart(seen, self.table_m)
            self._exchange(lifted)
            shown = {t.id: place_of(t.points, frame, arm).verdict for t in self.tracks.values()}
            self._associate(lifted, frame, arm, shown)
            if released is not None and not released.visible:
                self._find_by_depth(released, frame, known)
            for identity, verdict in shown.items():
                verdicts[identity].add(verdict)
            self._views[name] = frame.sequence
            self._poses[name] = frame.T_world_camera
        for identity, said in verdicts.items():
            track, was_visible = self.tracks[identity], before.get(identity, False)
            gripped = arm is not None and self._grip.may_be(track, arm)
            self._settle_missing(track, said, was_visible, gripped=gripped)
        self._measure_furniture(frames)
        if arm is not None:
            self._grip.settle(arm, self.table_m, self.cloud())
        stamp = max((frame.stamp_s for frame in frames.values()), default=0.0)
        return self.scene(arm.stamp_s if arm is not None else stamp)

    def scene(self, stamp_s: float) -> Scene:
        """The present Scene."""
        return with_supports(
            Scene(
                objects={t.id: as_object(t) for t in self.tracks.values() if t.shown},
                holding=self._grip.holding,
                table_height_m=self.table_m,
                stamp_s=stamp_s,
                views=dict(self._views),
            )
        )

    def rename(self, object_id: str, name: Name, stamp_s: float) -> Scene:
        """Call an object something else from now on; a few readings do not change it back."""
        track = self.tracks[object_id]
        color = name[0] if name[0] is not None else track.name[0]
        track.votes[(color, name[1])] += _SAID  # type: ignore[assignment]
        return self.scene(stamp_s)

    def grasped(self, object_id: str) -> None:
        """The fingers have closed on an object: what is seen between them is most likely it."""
        self._grip.grasped = object_id

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
            cloud = apart_from(cloud, [self.points(name)])
        return cloud

    def _measure_furniture(self, frames: Mapping[str, Frame]) -> None:
        """How far drawers and doors stand out tells better than looks whether they are open.

        What was seen before they moved tells nothing, and neither does a picture of less.
        """
        others = [t.points for t in self.tracks.values() if t.state not in _STATES]
        for track in self.tracks.values():
            for name, frame in frames.items():
                movable = track.visible and track.state in _STATES
                if movable and share_in_view(track.points, frame) > _MOST:
                    points = seen_again(track.points, apart_from(self._clouds[name][1], others))
                    opened, body = measured(points)
                    if opened is not None:
                        track.state = "open" if opened else "closed"
                        track.low, track.high = bounds(points, self.table_m)
                        track.shell = None if body is None else bounds(body, self.table_m)

    def _look_at_table(self, frame: Frame, arm: ArmView | None) -> None:
        points = points_of(frame)
        inside = (points[:, 0] > 0.2) & (points[:, 0] < 0.85) & (np.abs(points[:, 1]) < 0.5)
        points = points[inside]
        if not self._table_known:
            self._table_known, self.table_m = table_in(points, frame.camera)
        height = points[:, 2] - self.table_m
        points = thin_out(points[(height > 0.006) & (height < _TALLEST_M)], 0.004)
        if arm is not None and len(points):
            points = points[~arm.covers(points)]
        self._clouds[frame.camera] = (frame.stamp_s, points)

    def _known(self, camera: str, released: Track | None) -> Points:
        """[N, 3] every surface known before this look but that of what was let go, m."""
        _, before = self._clouds.get(camera, (0.0, np.zeros((0, 3), np.float32)))
        others = [track.points for track in self.tracks.values() if track is not released]
        return np.concatenate([before, *others])

    def _others(self, track: Track) -> Points:
        """[N, 3] the surfaces of all other objects as known, m."""
        parts = [other.points for other in self.tracks.values() if other is not track]
        return np.concatenate([np.zeros((0, 3), np.float32), *parts])

    def _find_by_depth(self, released: Track, frame: Frame, known: Points) -> None:
        """Find what was let go by what newly stands there, where the model does not see it."""
        stamp, cloud = self._clouds[frame.camera]
        points = appeared(cloud, known) if len(known) else cloud[:0]
        if not len(points):
            return
        low, high = bounds(points, self.table_m)
        # The hand had hidden more than what it held: that is not it if it is higher.
        fell = low[2] < released.low[2] + _RAISED_M
        if fell and unlike(released, high - low) < _SIMILAR:
            released.seen = {frame.camera: (stamp, points)}
            released.low, released.high = low, high
            released.visible, released.misses, released.score = True, 0, _SURE_SCORE

    def _exchange(self, lifted: list[Lifted]) -> None:
        """Two things that have changed places; what is held has then been taken for the other."""
        pair = exchanged(self.tracks.values(), lifted)
        if pair is not None:
            first, second = pair
            exchange(first, second)
            other = {first.id: second.id, second.id: first.id}
            self._grip.holding = other.get(self._grip.holding or "", self._grip.holding)

    def _associate(
        self,
        lifted: list[Lifted],
        frame: Frame,
        arm: ArmView | None,
        shown: Mapping[str, str],
    ) -> None:
        """Give each detection to the track it most likely is of, or to a new one."""
        from scipy.optimize import linear_sum_assignment

        tracks = [*self.tracks.values(), *self._lost.values()]
        cost = np.array(
            [
                [min(self._in_place(t, i), self._moved(t, i, shown, arm)) for t in tracks]
                for i in lifted
            ]
        )
        free = dict(enumerate(lifted))
        if cost.size:
            rows, columns = linear_sum_assignment(cost)
            for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
                if cost[i, j] < 1.0:
                    self._lost.pop(tracks[j].id, None)
                    self.tracks[tracks[j].id] = tracks[j]
                    item = free.pop(i)
                    if cost[i, j] >= _NEW_PLACE:
                        item = without(item, self._others(tracks[j]), self.table_m)
                    self._sight(tracks[j], item, frame, arm)
        for item in list(free.values()):
            misnamed = self._misnamed(item, list(free.values()), arm, shown)
            if misnamed is not None:
                self._sight(misnamed, item, frame, arm)
            elif self._joins(item):
                continue
            elif not self._known_already(item) and item.detection.score > _NEW_SCORE:
                self._begin(item, frame, arm)

    def _in_place(self, track: Track, item: Lifted) -> float:
        """How ill a detection fits a track where it was; over 1 is no match.

        Distance in units of the gate, with a price on another name or size.
        """
        if track.id in self._lost or not may_be(track, item):
            return _NEVER
        reach = _NEAR_M + 0.25 * float(max(item.size[:2]))
        distance = float(np.linalg.norm(track.center - item.center)) / reach
        (color, category), (other_color, other_category) = track.name, item.name
        other = 0.3 * (color != other_color) + 0.3 * (category != other_category)
        if item.complete and other:
            other += 0.5 * unlike(track, item.size)
        return min(distance + other * (1.0 if track.sightings > 1 else 0.7), _NEVER)

    def _moved(
        self, track: Track, item: Lifted, shown: Mapping[str, str], arm: ArmView | None
    ) -> float:
        """How ill it fits a track that is not where it was; the nearest of its name fits best.

        What the hand just let go lies somewhere, and what newly appears is most likely that,
        even if the model takes it for something else now.
        """
        if track.visible or not may_be(track, item):
            return _NEVER
        grasped = self._grip.grasped_as(item, arm)
        if grasped is not None:
            return _GRASPED if track is grasped else _NEVER
        released = track is self._grip.released(arm)
        if track.name != item.name:
            known = released and unlike(track, item.size) < _SIMILAR
            return 0.92 - 0.04 * alike(track.name, item.name) if known else _NEVER
        where = "lost" if track.id in self._lost else self._shown(track, shown)
        sure = item.detection.score >= _SURE_SCORE
        if where == "hidden" and self._grip.has(item, arm) and "empty" in shown.values():
            return _NEVER  # The hand holds what has gone, and hides what stands behind it.
        if where == "empty" or (sure and where in ("lost", "hidden")):
            return _NEW_PLACE + 0.1 * min(float(np.linalg.norm(track.center - item.center)), 1.0)
        return _NEVER

    def _shown(self, track: Track, shown: Mapping[str, str]) -> str | None:
        if track.id == self._grip.holding and shown.get(track.id) == "outside":
            return "empty"  # The hand took it out of the picture, and may have let it go since.
        return shown.get(track.id)

    def _misnamed(
        self, item: Lifted, free: list[Lifted], arm: ArmView | None, shown: Mapping[str, str]
    ) -> Track | None:
        """The only track like it whose place is empty: it moved, and was named wrongly."""
        unseen = [track for track in self.tracks.values() if not track.visible]
        gone = [track for track in unseen if self._shown(track, shown) == "empty"]
        at_tip = self._grip.has(item, arm)
        # What the fingers half hide looks unlike itself; that they fit around it tells as much.
        likely = [
            t
            for t in gone
            if alike(t.name, item.name)
            and may_be(t, item)
            and (unlike(t, item.size) < 0.35 or (at_tip and arm is not None and fits(arm, t)))
        ]
        rivals = sum(alike(likely[0].name, other.name) for other in free) if likely else 0
        return likely[0] if len(likely) == 1 and (rivals == 1 or at_tip) else None

    def _known_already(self, item: Lifted) -> bool:
        """Whether this is a second reading, of all or part, of what was seen in this look."""
        for track in self.tracks.values():
            if not track.visible:
                continue
            part = alike(track.name, item.name) and covered(item.points, track.points) > 0.8
            if part or coincide(item.points, track.points):
                track.vote(item.name, item.detection.score)
                return True
        return False

    def _joins(self, item: Lifted) -> bool:
        """Whether this is a part of known furniture: a door, say, that hangs together with it."""
        for track in self.tracks.values():
            if track.state in _STATES and is_part(item, track):
                stamp, points = track.seen.get(item.camera, (None, item.points[:0]))
                if track.visible and stamp is not None:
                    track.seen[item.camera] = (stamp, np.concatenate([points, item.points]))
                return True
        return False

    def _begin(self, item: Lifted, frame: Frame, arm: ArmView | None) -> None:
        category = item.name[1].replace(" ", "_")
        self._numbers[category] += 1
        identity = f"{category}_{self._numbers[category]}"
        # A doubtful newcomer in a scene that is known already must be seen twice.
        shown = not self._views or item.detection.score >= _SURE_SCORE
        self.tracks[identity] = Track(identity, item.low, item.high, shown=shown)
        self._sight(self.tracks[identity], item, frame, arm)

    def _sight(self, track: Track, item: Lifted, frame: Frame, arm: ArmView | None) -> None:
        if item.detection.state in _STATES or not track.is_furniture:
            track.state = item.detection.state
        track.score = item.detection.score
        track.visible, track.misses = True, 0
        track.sightings += 1
        track.shown = track.shown or track.sightings > 1
        earlier = self._earlier(track, frame)
        track.odd = track.odd + 1 if is_odd(item, track, earlier) else 0
        if 0 < track.odd < _BELIEVED_ODD:
            return  # A still thing neither grows nor shrinks, however it is detected.
        track.vote(item.name, item.detection.score)
        low, high = track.low - _SLACK_M, track.high + _SLACK_M
        within = bool(np.all(item.low > low) and np.all(item.high < high))
        if within and len(earlier) and place_of(earlier, frame, arm).hidden > 0.15:
            return  # Something is in front of it; what was seen before tells more.
        # Of furniture a model may see a part only; how far it reaches is measured by its depth.
        partly = within and (track.is_furniture or not item.complete)
        if not partly and float(np.linalg.norm(track.center - item.center)) > STILL_M:
            track.seen.clear()
        known = bool(track.seen)
        track.seen[frame.camera] = (frame.stamp_s, item.points)
        if not known or (item.complete and not partly):
            eye = None if frame.T_world_camera is None else frame.T_world_camera[:3, 3]
            low, high = bounds(track.points, self.table_m, track.name[1], eye)
            if low[2] <= self.table_m:
                track.least_m = float((high - low).min())
            # Of what lies in a bowl the top alone is seen; it has not shrunk.
            low[2] = max(min(low[2], high[2] - track.least_m), self.table_m)
            track.low, track.high = low, high

    def _earlier(self, track: Track, frame: Frame) -> Points:
        """[N, 3] what the same camera saw of it from the same place before, m; or nothing."""
        before, now = self._poses.get(frame.camera), frame.T_world_camera
        _, points = track.seen.get(frame.camera, (0.0, np.zeros((0, 3), np.float32)))
        if before is None or now is None or not np.allclose(before, now, atol=1e-3):
            return points[:0]
        return points

    def _settle_missing(
        self, track: Track, said: set[str], was_visible: bool, *, gripped: bool
    ) -> None:
        """Of what was not seen: hidden things are kept, things whose place is empty are not."""
        if track.visible or track.id == self._grip.holding or not said:
            return
        if "there" in said:
            track.visible, track.score = True, track.score * 0.9
            # Seen once, and never again where it should be: most likely it was never there.
            track.misses += track.sightings < 2
        elif "empty" in said:
            track.misses += 1
            track.score *= 0.5
        elif said == {"outside"}:
            track.visible = was_visible
        fleeting = "empty" in said and track.sightings < 2
        if (track.misses >= _FORGET_AFTER or fleeting) and not gripped:
            del self.tracks[track.id]
            if track.sightings > 1:
                self._lost[track.id] = track
