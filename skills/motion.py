"""Motion: moving the TCP over and around what is seen."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import DeadlineError, RobotError, UnreachableError
from handeye.perception.frame import Points, Transform

from .cartesian import interpolate, straight_line
from .kinematics import Kinematics
from .robot import Joints, RobotState, joint_arm
from .skill import SkillContext

CLEARANCE_M = 0.05
_SHORT_M, _OFF_RAD = 0.02, 0.1
"""What ends nearer to its goal has arrived."""
_HAND_RADIUS_M = 0.11
_CEILING_M = 0.60
_BODY_RADIUS_M = 0.06
_HAND_M = 0.2
"""What is nearer to the TCP is of the hand."""
_SINKS_M = 0.03
"""How far the TCP may sink on its way across."""
_HIGHER_M = (0.0, 0.08, 0.16, 0.24)
_TURNS_RAD = (0.0, 0.8, -0.8, 1.6, -1.6)
"""Turns of the first joint, and of the last against it, to begin a way in other configurations."""


class BlockedError(UnreachableError):
    """Every way there that was tried leads through something that is seen."""


@dataclass(frozen=True, eq=False)
class Way:
    """Poses that the arm can go through, one after the other.

    Attributes:
        poses: [4, 4] each, of the TCP, base frame.
        paths: [k, n] joint path to each pose from the one before, rad; empty for an arm that is
            moved by poses alone.
    """

    poses: tuple[Transform, ...]
    paths: tuple[npt.NDArray[np.float64], ...] = ()

    @property
    def q_start(self) -> Joints | None:
        """[n] the configuration in which it begins, for `Mover.over`; None where any will do."""
        return self.paths[0][-1] if self.paths else None


def arrived(state: RobotState, T_base_tcp: Transform, within_m: float = _SHORT_M) -> RobotState:
    """A state whose TCP is at a pose; raises RobotError for a motion that ended short of it.

    For motions through the air, and before the hand opens: an arm that a person or a controller
    held up must not let go of things there. Where an arm leans on things it may well end short.
    """
    short = float(np.linalg.norm(state.T_base_tcp[:3, 3] - T_base_tcp[:3, 3]))
    if short > within_m:
        raise RobotError(f"the motion ended {100 * short:.1f} cm short of its goal")
    return state


class Mover:
    """Moves one skill's robot; keeps that skill's deadline.

    Args:
        context: of the skill.
    """

    def __init__(self, context: SkillContext) -> None:
        self.context = context
        self.robot = context.robot
        self.began_s = context.robot.read().stamp_s
        self._kinematics = Kinematics.of(context.robot.spec)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the skill began, on the robot's clock."""
        return self.robot.read().stamp_s - self.began_s

    def straight(self, T_base_tcp: Transform, speed: float = 0.6) -> RobotState:
        """Move the TCP in a straight line."""
        return self.robot.move_to(
            T_base_tcp, speed=speed, deadline_s=self._left(), cancel=self.context.cancel
        )

    def gripper(self, width_m: float, force_n: float = 20.0) -> RobotState:
        """Move the fingers."""
        return self.robot.set_gripper(
            width_m, force_n=force_n, deadline_s=self._left(), cancel=self.context.cancel
        )

    def lift(self, height_m: float, speed: float = 0.6) -> RobotState:
        """Move the TCP straight up to a height above the base, if it is below."""
        T = self.robot.read().T_base_tcp.copy()
        T[2, 3] = max(T[2, 3], height_m)
        return self.straight(T, speed)

    def over(
        self,
        T_base_tcp: Transform,
        *,
        below_m: float = 0.0,
        ignore: Sequence[str] = (),
        speed: float = 1.0,
        q_goal: Joints | None = None,
    ) -> RobotState:
        """Move to a pose, up, over and down, clear of everything seen.

        Args:
            T_base_tcp: [4, 4] goal, base frame.
            below_m: how far a held object hangs below the TCP.
            ignore: ids of objects that need not be kept clear of.
            speed: share of the arm's limits.
            q_goal: [n] the configuration to arrive in, where it matters.

        Raises:
            UnreachableError: no way leads there; BlockedError if something is in it.
        """
        state = self.robot.read()
        cloud = self.context.sight.cloud(exclude=ignore)
        safe = _safe_height(cloud, state.T_base_tcp, T_base_tcp, below_m)
        arm = joint_arm(self.robot)
        if self._kinematics is None or arm is None:
            for waypoint in _up_over_down(state.T_base_tcp, T_base_tcp, safe):
                state = self.straight(waypoint, speed)
            return arrived(state, T_base_tcp)
        goal = self.solve(T_base_tcp) if q_goal is None else q_goal
        path = joint_path(self._kinematics, state.q, goal, safe)
        # What the arm touches as it begins, or is taken for, does not keep it from leaving.
        self._check_body(path, self._apart(state.q, cloud))
        state = arm.move_joints(
            path, speed=speed, deadline_s=self._left(), cancel=self.context.cancel
        )
        return arrived(state, T_base_tcp)

    def home(self, speed: float = 1.0) -> RobotState:
        """Move to where the overview camera sees the table freely."""
        state = self.robot.read()
        clear = state.T_base_tcp.copy()
        cloud = self.context.sight.cloud()
        clear[2, 3] = max(clear[2, 3], _safe_height(cloud, clear, clear, 0.0))
        if clear[2, 3] > state.T_base_tcp[2, 3] + 0.01:
            state = self.straight(clear, speed)
        arm = joint_arm(self.robot)
        if arm is None:
            return state
        path = np.array([self.robot.spec.q_home])
        if self._kinematics is not None:
            path = joint_path(self._kinematics, state.q, path[0], 0.0)
        state = arm.move_joints(
            path, speed=speed, deadline_s=self._left(), cancel=self.context.cancel
        )
        off = float(np.abs(state.q - self.robot.spec.q_home).max())
        if off > _OFF_RAD:
            raise RobotError(f"the motion home ended {off:.2f} rad short")
        return state

    def solve(self, T_base_tcp: Transform) -> Joints:
        """[n] the configuration for a pose that is most like the home one, rad.

        Raises UnreachableError; an arm without a URDF solves nothing.
        """
        if self._kinematics is None:
            raise UnreachableError(f"{self.robot.spec.name} gives no URDF to solve a pose with")
        return self._kinematics.ik(T_base_tcp, self._seed(T_base_tcp, self._kinematics))

    def approach(self, T_base_tcp: Transform, distance_m: float) -> tuple[Joints, Transform]:
        """Configuration and pose from which a straight approach over a distance is possible.

        Raises UnreachableError.
        """
        before = T_base_tcp.copy()
        before[:3, 3] -= distance_m * T_base_tcp[:3, 2]
        if self._kinematics is None:
            if not self.reachable(T_base_tcp):
                raise UnreachableError("the grasp is out of reach")
            return self.robot.spec.q_home, before
        path = straight_line(self._kinematics, self.solve(T_base_tcp), before)
        return path[-1], before

    def followable(self, poses: Sequence[Transform]) -> int:
        """How many poses, from the first on, the arm can go through without turning over."""
        if self._kinematics is None:
            return next((i for i, T in enumerate(poses) if not self.reachable(T)), len(poses))
        return len(_way_from(self._kinematics, self._seed(poses[0], self._kinematics), poses).poses)

    def along(self, poses: Sequence[Transform]) -> Way:
        """A way through poses, from the first on, as far as the arm can go without turning over.

        An arm with a joint to spare can begin in several configurations, and may get farther in
        one than in another: the way is driven in the configurations that it was found in.
        """
        kinematics = self._kinematics
        if kinematics is None or joint_arm(self.robot) is None:
            return Way(tuple(poses[: self.followable(poses)]))
        best = Way(())
        for turn in _TURNS_RAD:
            seed = self._seed(poses[0], kinematics, turn)
            best = max(best, _way_from(kinematics, seed, poses), key=lambda way: len(way.poses))
            if len(best.poses) == len(poses):
                break
        return best

    def drive(self, way: Way, index: int, speed: float = 0.6) -> RobotState:
        """Move from one pose of a way to its next, that of the index; straight, where it can be."""
        arm = joint_arm(self.robot)
        if not way.paths or arm is None:
            return self.straight(way.poses[index], speed)
        return arm.move_joints(
            way.paths[index], speed=speed, deadline_s=self._left(), cancel=self.context.cancel
        )

    def room(self, way: Way, cloud: Points) -> float:
        """Least distance along a way between the arm's bones behind the hand and a cloud, m."""
        return min((self._nearest(path, cloud)[0] for path in way.paths), default=np.inf)

    def reachable(self, T_base_tcp: Transform) -> bool:
        """Whether the arm can put its TCP there."""
        if self._kinematics is None:
            return float(np.linalg.norm(T_base_tcp[:3, 3])) < self.robot.spec.reach_m
        try:
            self.solve(T_base_tcp)
        except UnreachableError:
            return False
        return True

    def _seed(self, T_base_tcp: Transform, kinematics: Kinematics, turn_rad: float = 0.0) -> Joints:
        """[n] the home configuration, turned towards a pose, to look for the pose's own from.

        Turned on by the first joint, and back by the last, it leads to another configuration.
        """
        x, y = T_base_tcp[:2, 3]
        seed = self.robot.spec.q_home.copy()
        seed[0] = np.arctan2(y, x) + turn_rad
        seed[-1] -= turn_rad
        return np.clip(seed, kinematics.q_min, kinematics.q_max)

    def _left(self) -> float:
        left = self.context.deadline_s - self.elapsed_s
        if left <= 0:
            raise DeadlineError(
                f"the skill's deadline of {self.context.deadline_s:.0f} s is over; "
                "the arm holds still"
            )
        return left

    def _check_body(self, path: npt.NDArray[np.float64], cloud: Points) -> None:
        """Raise BlockedError where the arm's bones come too near to what is seen."""
        distance, point = self._nearest(path, cloud)
        if distance < _BODY_RADIUS_M:
            x, y, z = point
            raise BlockedError(f"the arm would touch what is at ({x:.2f}, {y:.2f}, {z:.2f}) m")

    def _apart(self, q: Joints, cloud: Points) -> Points:
        """What of a cloud the arm's bones behind the hand do not touch in a configuration."""
        if self._kinematics is None or len(cloud) == 0:
            return cloud
        from scipy.spatial import cKDTree

        distance, _ = cKDTree(_behind_hand(self._kinematics, q)).query(cloud)
        return cloud[np.asarray(distance) > _BODY_RADIUS_M]

    def _nearest(
        self, path: npt.NDArray[np.float64], cloud: Points
    ) -> tuple[float, npt.NDArray[np.floating]]:
        """How near the arm's bones behind the hand come to a cloud along a path, m, and to what."""
        nearest: tuple[float, npt.NDArray[np.floating]] = (np.inf, np.zeros(3))
        if self._kinematics is None or len(cloud) == 0:
            return nearest
        from scipy.spatial import cKDTree

        tree = cKDTree(cloud)
        for q in path[:: max(1, len(path) // 12)]:
            bones = _behind_hand(self._kinematics, q)
            distance, index = (np.atleast_1d(found) for found in tree.query(bones))
            if len(distance) and distance.min() < nearest[0]:
                nearest = float(distance.min()), cloud[index[int(distance.argmin())]]
        return nearest


def _behind_hand(kinematics: Kinematics, q: Joints) -> npt.NDArray[np.float64]:
    """[N, 3] points along the arm's bones but for those of the hand, m, base frame."""
    bones = kinematics.body_points(q)
    away = np.linalg.norm(bones - kinematics.fk(q)[:3, 3], axis=1)
    return np.asarray(bones[away > _HAND_M])


def _way_from(kinematics: Kinematics, seed: Joints, poses: Sequence[Transform]) -> Way:
    """The way through poses that begins in the configuration next to a seed, as far as it leads."""
    paths: list[npt.NDArray[np.float64]] = []
    with suppress(UnreachableError):
        paths.append(kinematics.ik(poses[0], seed)[None])
        for pose in poses[1:]:
            paths.append(straight_line(kinematics, paths[-1][-1], pose))
    return Way(tuple(poses[: len(paths)]), tuple(paths))


def joint_path(
    kinematics: Kinematics, q_start: Joints, q_goal: Joints, safe_m: float
) -> npt.NDArray[np.float64]:
    """[k, n] joint path, rad: straight up, across through the joints, straight down.

    The TCP is at `safe_m` (height above the base) or higher where it begins to go across, and
    where that ends. Between configurations that are far from each other it sinks on the way: then
    it goes up higher, as far as the arm can, so that the fingers catch on nothing.
    """
    start, goal = kinematics.fk(q_start), kinematics.fk(q_goal)
    level = max(safe_m, min(start[2, 3], goal[2, 3]))
    paths: list[tuple[float, npt.NDArray[np.float64]]] = []
    for higher in _HIGHER_M:
        up = _rise(kinematics, q_start, start, level + higher)
        down = _rise(kinematics, q_goal, goal, level + higher)[::-1]
        a, b = up[-1], down[0]
        count = max(2, int(np.ceil(np.abs(b - a).max() / 0.2)))
        across = [a + (b - a) * share for share in np.linspace(0, 1, count + 1)[1:-1]]
        path = np.array([*up, *across, *down])
        lowest = min(float(kinematics.fk(q)[2, 3]) for q in (a, *across, b))
        if not paths:
            enough = min(kinematics.fk(a)[2, 3], kinematics.fk(b)[2, 3]) - _SINKS_M
        if lowest > enough:
            return path
        paths.append((lowest, path))
    return max(paths, key=lambda found: found[0])[1]


def _rise(kinematics: Kinematics, q: Joints, T: Transform, safe_m: float) -> list[Joints]:
    """Configurations from q straight up to a height; as far as the arm gets."""
    if T[2, 3] >= safe_m - 0.005:
        return [q]
    above = T.copy()
    above[2, 3] = safe_m
    path = [q]
    for pose in interpolate(T, above):
        try:
            following = kinematics.ik(pose, path[-1])
        except UnreachableError:
            break
        if np.abs(following - path[-1]).max() > 0.6:
            break
        path.append(following)
    return path


def _up_over_down(start: Transform, goal: Transform, safe_m: float) -> list[Transform]:
    up, across = start.copy(), goal.copy()
    up[2, 3], across[2, 3] = max(start[2, 3], safe_m), max(goal[2, 3], safe_m)
    return [up, across, goal]


def _safe_height(cloud: Points, start: Transform, goal: Transform, below_m: float) -> float:
    """TCP height, m, at which hand and load pass over everything on the way."""
    a, b = start[:2, 3], goal[:2, 3]
    if len(cloud) == 0:
        return 0.0
    way = b - a
    length = float(way @ way)
    offset = cloud[:, :2] - a
    share = np.clip(offset @ way / length, 0, 1) if length > 1e-9 else np.zeros(len(cloud))
    aside = np.linalg.norm(offset - share[:, None] * way, axis=1)
    near = cloud[aside < _HAND_RADIUS_M]
    if len(near) == 0:
        return 0.0
    return min(float(np.percentile(near[:, 2], 99.5)) + below_m + CLEARANCE_M, _CEILING_M)
