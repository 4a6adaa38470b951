"""Grip: what the gripper holds, judged from its width and from what is seen at its tip."""

import numpy as np

from .arm_view import ArmView
from .frame import Points, Transform
from .lifting import Lifted
from .track import Track, alike

_REACH_M, _AT_TIP_M = 0.03, 0.06
_CLEAR_M = 0.02
_MIN_POINTS = 10
_OPENED_M = 0.006
_FITS_M = 0.015
_JUST_SEEN = 2
"""Sightings of what appeared in the latest look, with two cameras."""


class Grip:
    """What the gripper holds.

    Something is held while the fingers are neither shut nor wide open and it is seen between
    them; or, hidden by the hand, while it is seen nowhere else.

    Args:
        tracks: the tracker's, by id.

    Attributes:
        holding: id of what is held, or None.
        grasped: id of what the fingers were closed on, as whoever closed them says, or None.
    """

    def __init__(self, tracks: dict[str, Track]) -> None:
        self._tracks = tracks
        self.holding: str | None = None
        self.grasped: str | None = None
        self._T_base_tcp: Transform | None = None
        self._width_m = 0.0

    def closed(self, arm: ArmView) -> bool:
        """Whether something may be between the fingers: neither shut nor opened since."""
        opened = self.holding is not None and arm.gripper_width_m > self._width_m + _OPENED_M
        return arm.grips and not opened

    def may_be(self, track: Track, arm: ArmView) -> bool:
        """Whether what is missing may be what is between the fingers, of which nothing is known."""
        free = self.holding is None and not track.is_furniture
        return free and self.closed(arm) and fits(arm, track)

    def has(self, item: Lifted, arm: ArmView | None) -> bool:
        """Whether a detection is where the fingers are closed."""
        tip = None if arm is None or not self.closed(arm) else arm.T_base_tcp[:3, 3]
        return tip is not None and item.near(tip, _AT_TIP_M)

    def grasped_as(self, item: Lifted, arm: ArmView | None) -> Track | None:
        """What the fingers were closed on, if a detection may show it between them."""
        track = self._tracks.get(self.grasped or "")
        if track is None or arm is None or not self.has(item, arm):
            return None
        return track if alike(track.name, item.name) and fits(arm, track) else None

    def released(self, arm: ArmView | None) -> Track | None:
        """What was held at the last look, and was let go since."""
        if arm is None or self.holding is None or self.closed(arm):
            return None
        return self._tracks.get(self.holding)

    def carry(self, arm: ArmView) -> None:
        """Move what is held along with the hand, before it is looked for."""
        track = self._tracks.get(self.holding or "")
        if track is not None and self._T_base_tcp is not None and self.closed(arm):
            track.move(arm.T_base_tcp @ np.linalg.inv(self._T_base_tcp))
        self._T_base_tcp = arm.T_base_tcp

    def settle(self, arm: ArmView, table_m: float, cloud: Points) -> None:
        """Decide what is held after a look.

        Args:
            arm: where the arm is.
            table_m: height of the table.
            cloud: [N, 3] everything seen above the table but the arm, m.
        """
        closed = self.closed(arm)
        self.holding = self._held(arm, table_m, cloud) if closed else None
        self.grasped = self.grasped if closed else None
        if self.holding is not None:
            self._tracks[self.holding].shown = True
            self._width_m = arm.gripper_width_m

    def _held(self, arm: ArmView, table_m: float, cloud: Points) -> str | None:
        between = self._between_fingers(arm, table_m)
        if between is not None:
            return self._as_known(between)
        held = self._tracks.get(self.holding or "")
        if held is not None and not held.visible:
            return held.id  # Hidden by the hand that holds it.
        return self._vanished(arm, table_m, cloud)

    def _between_fingers(self, arm: ArmView, table_m: float) -> str | None:
        """The lifted object that the tip is in, or nearest to if it is near.

        Its box counts, not its surface: of a cup that is held across, only the far-off front is
        seen.
        """
        tip = arm.T_base_tcp[:3, 3]
        best, nearest = None, _REACH_M
        for track in self._tracks.values():
            if not track.visible or track.is_furniture or track.low[2] < table_m + _CLEAR_M:
                continue
            outside = np.maximum(np.maximum(track.low - tip, tip - track.high), 0.0)
            distance = float(np.linalg.norm(outside))
            distance -= 0.01 if track.state == "held" else 0.0
            if distance < nearest:
                best, nearest = track.id, distance
        return best

    def _as_known(self, new: str) -> str:
        """The id of what is between the fingers, if it was not known there before.

        When one thing has just gone from its place, that is what it is, whatever a model calls
        what it sees from this side: a plate that hangs from its rim looks like a bottle. Of what
        has the same name it is enough that no model sees it any more: what it lay on is close
        behind where it was.
        """
        track = self._tracks[new]
        gone = [
            t
            for t in self._tracks.values()
            if (not t.visible and t.misses > 0 and not t.is_furniture)
            or (t.name == track.name and t.latest < track.latest)
        ]
        if new == self.holding or track.sightings > _JUST_SEEN or len(gone) != 1:
            return new
        [known] = gone
        if known.sightings <= track.sightings:
            return new
        known.low, known.high, known.seen = track.low, track.high, track.seen
        known.visible, known.misses = True, 0
        known.state, known.score = track.state, track.score
        del self._tracks[new]
        return known.id

    def _vanished(self, arm: ArmView, table_m: float, cloud: Points) -> str | None:
        """The one object that is gone from its place, if something like it is in the fingers.

        So a model that does not recognise what hangs in the gripper doesn't make it forgotten.
        """
        if arm.T_base_tcp[2, 3] < table_m + 0.05 or not len(cloud):
            return None
        tip = arm.T_base_tcp[:3, 3]
        gone = [
            t
            for t in self._tracks.values()
            if not t.visible and t.misses > 0 and not t.is_furniture
        ]
        gone = [t for t in gone if t.id == self.grasped] or gone
        near = int((np.linalg.norm(cloud - tip, axis=1) < _REACH_M).sum())
        if len(gone) != 1:
            return None
        track = gone[0]
        if near < _MIN_POINTS and not fits(arm, track):
            return None
        shift = np.eye(4)
        shift[:3, 3] = tip - track.center
        track.move(shift)
        track.misses = 0
        return track.id


def fits(arm: ArmView, track: Track) -> bool:
    """Whether the fingers are as far apart as an object is wide, one way or the other."""
    return bool((np.abs((track.high - track.low)[:2] - arm.gripper_width_m) < _FITS_M).any())
