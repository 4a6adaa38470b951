"""CartesianArm: gives `move_to` to an arm that follows joint paths and has a URDF."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from handeye.perception.errors import UnreachableError, UserError
from handeye.perception.frame import Transform

from .kinematics import Kinematics
from .robot import CancelToken, Joints, RobotState

if TYPE_CHECKING:
    from .robot import JointArm

_STEP_M = 0.02
_STEP_RAD = 0.1
_JUMP_RAD = 0.5


class CartesianArm:
    """A mixin for arms with `spec.urdf`, `spec.tcp_link`, `read` and `move_joints`."""

    @cached_property
    def kinematics(self: "JointArm") -> Kinematics:
        """The arm's kinematics, from its URDF."""
        kinematics = Kinematics.of(self.spec)
        if kinematics is None:
            raise UserError(f"{self.spec.name} gives no URDF; it must implement move_to itself")
        return kinematics

    def move_to(
        self: "JointArm",
        T_base_tcp: Transform,
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the TCP in a straight line to a pose; see `Robot`."""
        kinematics: Kinematics = self.kinematics  # type: ignore[attr-defined]
        path = straight_line(kinematics, self.read().q, T_base_tcp)
        return self.move_joints(path, speed=speed, deadline_s=deadline_s, cancel=cancel)


def straight_line(kinematics: Kinematics, q_start: Joints, goal: Transform) -> Joints:
    """Joint path [k, n], rad, along a straight TCP line; raises UnreachableError if it breaks."""
    start = kinematics.fk(q_start)
    q, path = q_start, []
    for T in interpolate(start, goal):
        following = kinematics.ik(T, q)
        if np.abs(following - q).max() > _JUMP_RAD:
            x, y, z = T[:3, 3]
            raise UnreachableError(
                f"the straight way breaks at ({x:.3f}, {y:.3f}, {z:.3f}) m: "
                "the arm would have to turn over"
            )
        q = following
        path.append(q)
    return np.array(path)


def interpolate(start: Transform, goal: Transform) -> list[Transform]:
    """Poses [4, 4] from start (left out) to goal, straight in space and in rotation."""
    from scipy.spatial.transform import Rotation, Slerp

    turn = Rotation.from_matrix(np.stack([start[:3, :3], goal[:3, :3]]))
    angle = (turn[0].inv() * turn[1]).magnitude()
    distance = float(np.linalg.norm(goal[:3, 3] - start[:3, 3]))
    count = max(1, int(np.ceil(max(distance / _STEP_M, angle / _STEP_RAD))))
    shares = np.linspace(0, 1, count + 1)[1:]
    rotations = Slerp([0, 1], turn)(shares).as_matrix()
    poses = []
    for share, rotation in zip(shares, rotations, strict=True):
        T = np.eye(4)
        T[:3, :3] = rotation
        T[:3, 3] = (1 - share) * start[:3, 3] + share * goal[:3, 3]
        poses.append(T)
    return poses
