"""Guarded: limits between an agent and its robot. On by default; they say what they refused."""

import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import (
    CancelledError,
    LimitError,
    RobotError,
    StoppedError,
    UserError,
)
from handeye.perception.frame import Camera, Transform
from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import arguments
from .kinematics import Kinematics
from .robot import (
    CancelToken,
    JointArm,
    Joints,
    Robot,
    RobotSpec,
    RobotState,
    driven,
    reading,
    sound,
)

Corner = tuple[float, float, float]
Point = npt.NDArray[np.float64]
_STEP = 0.1
"""How far, rad, a joint goes between two of the places on a joint path that are looked at: what the
TCP does between them is straight to a millimetre."""
_STALE_S = 0.5
"""How much older than the last a reading may be; those of two threads may overtake each other."""


class Box(BaseModel):
    """An axis-aligned box, metres, base frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Corner
    high: Corner

    @model_validator(mode="after")
    def _right_way_round(self) -> "Box":
        if not all(low <= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(f"low must be below high; they are {self.low} and {self.high}")
        return self

    def __str__(self) -> str:
        low, high = (", ".join(f"{x:.3f}" for x in corner) for corner in (self.low, self.high))
        return f"({low})..({high}) m"

    def contains(self, point: Point) -> bool:
        """Whether a point [3] is within."""
        return bool(np.all(point >= self.low) and np.all(point <= self.high))

    def meets(self, a: Point, b: Point) -> bool:
        """Whether the straight line from one point [3] to another touches the box."""
        enter, leave = 0.0, 1.0
        for start, end, low, high in zip(a, b, self.low, self.high, strict=True):
            way = float(end - start)
            if abs(way) < 1e-12:
                if not low <= start <= high:
                    return False
                continue
            one, two = (low - start) / way, (high - start) / way
            enter, leave = max(enter, min(one, two)), min(leave, max(one, two))
            if enter > leave:
                return False
        return True


class Limits(BaseModel):
    """What a guarded robot may do.

    Attributes:
        workspace: where the TCP may be; None for what the arm reaches.
        keep_out: where it may not be, nor pass through.
        max_speed: share of the arm's own limits.
        max_step_m: furthest way of one motion.
        max_force_n: of the gripper.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: Box | None = None
    keep_out: tuple[Box, ...] = ()
    max_speed: float = Field(default=1.0, gt=0.0, le=1.0)
    max_step_m: float = Field(default=1.6, gt=0.0)
    max_force_n: float = Field(default=60.0, gt=0.0)

    @classmethod
    def for_robot(cls, spec: RobotSpec) -> "Limits":
        """Limits from an arm's data sheet: its reach, and not below a table at its base.

        5 cm below the base are allowed, for tables are not exactly where they should be.
        """
        return cls(workspace=workspace_of(spec))


def workspace_of(spec: RobotSpec) -> Box:
    """What an arm reaches, and not below a table at its base."""
    r = spec.reach_m
    return Box(low=(-r, -r, -0.05), high=(r, r, r + 0.35))


class Guarded:
    """A robot that refuses what its limits forbid; nothing moves for a refused command.

    The whole way of a motion is held to them, not its end alone: the straight line of `move_to`,
    and what lies between the points of a joint path. An arm that is where it should not be may
    come back from there. Without a URDF a joint path is held to the joints' own limits only.

    A driver that breaks off a motion with an error that is none of the seam's may go on with it: it
    is told to stop, and so it is where Ctrl-C ends a motion. What a motion's end says of itself is
    believed: an arm that is in fault there, or stopped, has not done it. One motion at a time; none
    once it is closed; and none from a reading that is older than one before it.

    Args:
        robot: what to guard; one that is guarded already is held to both limits.
        limits: derived from the robot's spec unless given.

    Raises:
        UserError: `limits` are no Limits.
    """

    def __init__(self, robot: Robot, limits: Limits | None = None) -> None:
        if not isinstance(limits, Limits | None):
            raise UserError(f"limits must be Limits, not {type(limits).__name__}")
        self._robot = robot
        self.limits = limits or Limits.for_robot(robot.spec)
        self._space = self.limits.workspace or workspace_of(robot.spec)
        self._kinematics = Kinematics.of(robot.spec)
        self._moving = threading.Lock()
        self._closed = False
        self._stamp_s = self._rested_s = -math.inf

    @property
    def unguarded(self) -> Robot:
        """The robot behind the guard, or guards."""
        return self._robot.unguarded if isinstance(self._robot, Guarded) else self._robot

    @property
    def spec(self) -> RobotSpec:
        """The robot's spec."""
        return self._robot.spec

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """The robot's cameras."""
        return self._robot.cameras

    @property
    def rested_s(self) -> float:
        """When the last motion ended, seconds on the robot's clock; -inf before the first one."""
        return self._rested_s

    def connect(self) -> None:
        """Take control; idempotent. Raises RobotError, whatever the driver raises."""
        driven(self._robot.connect, f"{self.spec.name} cannot be connected")
        # A controller that was started anew may have begun to count anew.
        self._closed, self._stamp_s, self._rested_s = False, -math.inf, -math.inf

    def close(self) -> None:
        """Hold still and let go; idempotent. Raises RobotError, whatever the driver raises."""
        self._closed = True
        driven(self._robot.close, f"{self.spec.name} cannot be closed")

    def read(self) -> RobotState:
        """The present state; raises RobotError, whatever the driver raises, and for an old one."""
        state = reading(self._robot)
        late_s = self._stamp_s - state.stamp_s
        if late_s > _STALE_S:
            raise RobotError(f"{self.spec.name} gives a reading {late_s:.3g} s older than its last")
        self._stamp_s = max(self._stamp_s, state.stamp_s)
        return state

    def move_to(
        self,
        T_base_tcp: Transform,
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the TCP; raises LimitError for a pose, or a way to it, outside of the limits."""
        T_base_tcp = arguments.pose(T_base_tcp)
        share, left_s = self._speed(speed), arguments.deadline(deadline_s)
        self._check_way(np.array([self._able().T_base_tcp[:3, 3], T_base_tcp[:3, 3]]))
        return self._moved(
            lambda: self._robot.move_to(T_base_tcp, speed=share, deadline_s=left_s, cancel=cancel)
        )

    def move_joints(
        self,
        path: npt.NDArray[np.float64],
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Follow a joint path; raises LimitError if any part of it is outside of the limits."""
        robot = self._robot
        if not isinstance(robot, JointArm):
            raise LimitError(f"{self.spec.name} takes no joint paths; use move_to")
        path = arguments.joint_path(path, len(self.spec.joint_names))
        share, left_s = self._speed(speed), arguments.deadline(deadline_s)
        q = self._able().q
        self._check_joints(path, q)
        if self._kinematics is not None:
            self._check_way(_tips(self._kinematics, np.vstack([q, path])))
        return self._moved(
            lambda: robot.move_joints(path, speed=share, deadline_s=left_s, cancel=cancel)
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
        stroke, most = self.spec.gripper_stroke_m, self.limits.max_force_n
        width = arguments.number(width_m, "a gripper opening", f"in 0..{stroke:.3f} m")
        if not -1e-6 <= width <= stroke + 1e-6:
            raise LimitError(f"a gripper opening of {width:.3f} m is not in 0..{stroke:.3f} m")
        force = arguments.number(force_n, "a grip", f"in 0..{most:.0f} N")
        if force > most:
            raise LimitError(f"a grip of {force:.0f} N is over the limit of {most:.0f} N")
        if force < 0:
            raise LimitError(f"a grip of {force:.0f} N is below 0; it must be in 0..{most:.0f} N")
        left_s = arguments.deadline(deadline_s)
        return self._moved(
            lambda: self._robot.set_gripper(width, force_n=force, deadline_s=left_s, cancel=cancel)
        )

    def stop(self) -> None:
        """Halt at once and stay halted; from any thread. Raises RobotError where it fails."""
        trouble = f"{self.spec.name} did not take the stop, and may still move"
        driven(self._robot.stop, trouble, RobotError)

    def reset(self) -> None:
        """Clear a latched stop. Raises RobotError, whatever the driver raises."""
        driven(self._robot.reset, f"the stop of {self.spec.name} cannot be cleared")

    def _able(self) -> RobotState:
        """The present state; raises RobotError for an arm that is in fault."""
        state = self.read()
        if state.fault:
            raise RobotError(f"{self.spec.name} is in fault: {state.fault}")
        return state

    def _speed(self, speed: float) -> float:
        return min(arguments.speed_share(speed), self.limits.max_speed)

    def _moved(self, motion: Callable[[], RobotState]) -> RobotState:
        """Where a motion led; raises RobotError, whatever else the driver raises or returns."""
        name = self.spec.name
        if self._closed:
            raise RobotError(f"{name} is closed; connect() takes control of it again")
        if not self._moving.acquire(blocking=False):
            raise RobotError(f"{name} is moving already, for another thread; wait for its end")
        try:
            state = self._carried_out(motion)
            self._stamp_s = max(self._stamp_s, state.stamp_s)
        except BaseException:
            with suppress(RobotError):
                self.read()
            raise
        finally:
            self._rested_s = self._stamp_s
            self._moving.release()
        if state.stopped:
            raise StoppedError(f"{name} was stopped during the motion; reset() clears it")
        if state.fault:
            raise RobotError(f"{name} is in fault: {state.fault}")
        return state

    def _carried_out(self, motion: Callable[[], RobotState]) -> RobotState:
        try:
            return sound(motion(), self.spec)
        except (RobotError, CancelledError):
            raise  # After these an arm holds still, as the seam says.
        except BaseException as error:
            halted = "it was told to stop"
            try:
                self.stop()
            except RobotError as failure:
                halted = str(failure)
            if not isinstance(error, Exception):
                error.add_note(halted)
                raise
            raise RobotError(
                f"{self.spec.name} broke off a motion: {type(error).__name__}: {error}; {halted}"
            ) from error

    def _check_way(self, points: npt.NDArray[np.float64]) -> None:
        """Hold a way of the TCP [k, 3], straight between its points, to the limits."""
        start, goal = points[0], points[-1]
        space = self._space
        # An arm that was pushed out of the workspace may come back, but go no farther.
        low, high = np.minimum(space.low, start), np.maximum(space.high, start)
        beyond = np.flatnonzero(((points < low) | (points > high)).any(axis=1))
        if not space.contains(goal) or len(beyond):
            outside = goal if not space.contains(goal) else points[beyond[0]]
            raise LimitError(f"the TCP at {_at(outside)} is outside of the workspace {space}")
        for box in self.limits.keep_out:
            if box.contains(goal):
                raise LimitError(f"the TCP at {_at(goal)} is in the keep-out volume {box}")
            inside = box.contains(start)
            for a, b in pairwise(points):
                # One that was pushed into a keep-out volume may leave it, but not come in again.
                if not inside and box.meets(a, b):
                    raise LimitError(
                        f"the way of the TCP to {_at(goal)} leads through the keep-out volume "
                        f"{box}; go around it"
                    )
                inside = inside and box.contains(b)
        distance_m = float(np.linalg.norm(goal - start))
        if distance_m > self.limits.max_step_m:
            raise LimitError(
                f"a way of {distance_m:.2f} m is over the limit of {self.limits.max_step_m:.2f} m"
            )

    def _check_joints(self, path: npt.NDArray[np.float64], q: Joints) -> None:
        # An arm that was pushed beyond a limit may come back, but go no farther.
        lows, highs = np.minimum(self.spec.q_min, q), np.maximum(self.spec.q_max, q)
        units = self._kinematics.units if self._kinematics else ("rad",) * len(q)
        for j, (name, unit) in enumerate(zip(self.spec.joint_names, units, strict=True)):
            low, high = lows[j] - 1e-3, highs[j] + 1e-3
            worst = path[np.argmax(np.maximum(low - path[:, j], path[:, j] - high)), j]
            if not low <= worst <= high:
                raise LimitError(
                    f"{name} at {worst:.3f} {unit} is not in {low:.3f}..{high:.3f} {unit}"
                )


def _tips(kinematics: Kinematics, path: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[m, 3] where the TCP is along a joint path, at its points and close enough in between."""
    along = [path[0]]
    for a, b in pairwise(path):
        count = max(1, math.ceil(np.abs(b - a).max() / _STEP))
        along.extend(a + (b - a) * share for share in np.arange(1, count + 1) / count)
    return np.array([kinematics.fk(q)[:3, 3] for q in along])


def _at(point: Point) -> str:
    x, y, z = point
    return f"({x:.3f}, {y:.3f}, {z:.3f}) m"
