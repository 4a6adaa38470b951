"""Guarded: limits between an agent and its robot. On by default; they say what they refused."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import LimitError
from handeye.perception.frame import Camera, Transform
from pydantic import BaseModel, ConfigDict, Field

from .kinematics import Kinematics
from .robot import CancelToken, JointArm, Robot, RobotSpec, RobotState

Corner = tuple[float, float, float]


class Box(BaseModel):
    """An axis-aligned box, metres, base frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Corner
    high: Corner

    def contains(self, point: npt.NDArray[np.float64]) -> bool:
        """Whether a point [3] is within."""
        return bool(np.all(point >= self.low) and np.all(point <= self.high))


class Limits(BaseModel):
    """What a guarded robot may do.

    Attributes:
        workspace: where the TCP may be.
        keep_out: where it may not be.
        max_speed: share of the arm's own limits.
        max_step_m: furthest way of one motion.
        max_force_n: of the gripper.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: Box
    keep_out: tuple[Box, ...] = ()
    max_speed: float = Field(default=1.0, gt=0.0, le=1.0)
    max_step_m: float = Field(default=1.6, gt=0.0)
    max_force_n: float = Field(default=60.0, gt=0.0)

    @classmethod
    def for_robot(cls, spec: RobotSpec) -> "Limits":
        """Limits from an arm's data sheet: its reach, and not below a table at its base.

        5 cm below the base are allowed, for tables are not exactly where they should be.
        """
        r = spec.reach_m
        return cls(workspace=Box(low=(-r, -r, -0.05), high=(r, r, r + 0.35)))


class Guarded:
    """A robot that refuses what its limits forbid; nothing moves for a refused command.

    Args:
        robot: what to guard.
        limits: derived from the robot's spec unless given.
    """

    def __init__(self, robot: Robot, limits: Limits | None = None) -> None:
        self._robot = robot
        self.limits = limits or Limits.for_robot(robot.spec)
        self._kinematics = Kinematics.of(robot.spec)

    @property
    def unguarded(self) -> Robot:
        """The robot behind the guard."""
        return self._robot

    @property
    def spec(self) -> RobotSpec:
        """The robot's spec."""
        return self._robot.spec

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """The robot's cameras."""
        return self._robot.cameras

    def connect(self) -> None:
        """Take control; idempotent."""
        self._robot.connect()

    def close(self) -> None:
        """Hold still and let go of the connection; idempotent."""
        self._robot.close()

    def read(self) -> RobotState:
        """The present state."""
        return self._robot.read()

    def move_to(
        self,
        T_base_tcp: Transform,
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the TCP; raises LimitError for a pose outside of the limits."""
        self._check_pose(T_base_tcp)
        start = self._robot.read().T_base_tcp[:3, 3]
        self._check_step(float(np.linalg.norm(T_base_tcp[:3, 3] - start)))
        return self._robot.move_to(
            T_base_tcp, speed=self._speed(speed), deadline_s=deadline_s, cancel=cancel
        )

    def move_joints(
        self,
        path: npt.NDArray[np.float64],
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Follow a joint path; raises LimitError if any of its points is outside of the limits."""
        if not isinstance(self._robot, JointArm):
            raise LimitError(f"{self.spec.name} takes no joint paths; use move_to")
        path = np.asarray(path, dtype=np.float64)
        self._check_joints(path)
        if self._kinematics is not None:
            tips = [self._kinematics.fk(q) for q in path]
            for T in tips:
                self._check_pose(T)
            start = self._robot.read().T_base_tcp[:3, 3]
            self._check_step(float(np.linalg.norm(tips[-1][:3, 3] - start)))
        return self._robot.move_joints(
            path, speed=self._speed(speed), deadline_s=deadline_s, cancel=cancel
        )

    def set_gripper(
        self,
        width_m: float,
        *,
        force_n: float = 20.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the fingers; raises LimitError for an opening or a force outside of the limits."""
        stroke = self.spec.gripper_stroke_m
        if not -1e-6 <= width_m <= stroke + 1e-6:
            raise LimitError(f"a gripper opening of {width_m:.3f} m is not in 0..{stroke:.3f} m")
        if force_n > self.limits.max_force_n:
            raise LimitError(
                f"a grip of {force_n:.0f} N is over the limit of {self.limits.max_force_n:.0f} N"
            )
        return self._robot.set_gripper(
            width_m, force_n=force_n, deadline_s=deadline_s, cancel=cancel
        )

    def stop(self) -> None:
        """Halt at once and stay halted; from any thread."""
        self._robot.stop()

    def reset(self) -> None:
        """Clear a latched stop."""
        self._robot.reset()

    def _speed(self, speed: float) -> float:
        return min(speed, self.limits.max_speed)

    def _check_pose(self, T_base_tcp: Transform) -> None:
        point = np.asarray(T_base_tcp, dtype=np.float64)[:3, 3]
        if not np.all(np.isfinite(T_base_tcp)):
            raise LimitError("the pose has values that are not numbers")
        x, y, z = point
        where = f"the TCP at ({x:.3f}, {y:.3f}, {z:.3f}) m"
        space = self.limits.workspace
        if not space.contains(point):
            raise LimitError(f"{where} is outside of the workspace {space.low}..{space.high} m")
        for box in self.limits.keep_out:
            if box.contains(point):
                raise LimitError(f"{where} is in the keep-out volume {box.low}..{box.high} m")

    def _check_step(self, distance_m: float) -> None:
        if distance_m > self.limits.max_step_m:
            raise LimitError(
                f"a way of {distance_m:.2f} m is over the limit of {self.limits.max_step_m:.2f} m"
            )

    def _check_joints(self, path: npt.NDArray[np.float64]) -> None:
        n = len(self.spec.joint_names)
        if path.ndim != 2 or path.shape[1] != n or not np.all(np.isfinite(path)):
            raise LimitError(f"a joint path must be [k, {n}] numbers, rad; got shape {path.shape}")
        # An arm that was pushed beyond a limit may come back, but go no farther.
        q = self._robot.read().q
        lows, highs = np.minimum(self.spec.q_min, q), np.maximum(self.spec.q_max, q)
        for j, name in enumerate(self.spec.joint_names):
            low, high = lows[j] - 1e-3, highs[j] + 1e-3
            worst = path[np.argmax(np.maximum(low - path[:, j], path[:, j] - high)), j]
            if not low <= worst <= high:
                raise LimitError(f"{name} at {worst:.3f} rad is not in {low:.3f}..{high:.3f} rad")
