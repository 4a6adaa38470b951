"""Robot: the seam to hardware. SI units, radians, the robot's base frame; every reading stamped."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import CancelledError, HandeyeError, RobotError
from handeye.perception.frame import Camera, Transform

T = TypeVar("T")
Joints = npt.NDArray[np.float64]
"""[n] float64, radians; metres for prismatic joints, as in all that is said of joints here."""


class CancelToken:
    """Lets any thread cancel what another one is doing."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask for the end; idempotent."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether the end was asked for."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise CancelledError once cancelled."""
        if self._event.is_set():
            raise CancelledError("cancelled by the caller; the arm holds still")


_THINNEST_M = 0.0015
"""What is thinner between the fingers is not told from nothing."""


@dataclass(frozen=True, eq=False)
class RobotSpec:
    """What an arm is; readable before connecting.

    Attributes:
        name: such as "panda".
        joint_names: n names, base to flange.
        q_min, q_max: [n] position limits, rad.
        dq_max: [n] velocity limits, rad/s.
        ddq_max: [n] acceleration limits, rad/s².
        q_home: [n] a configuration with free sight onto the table, rad.
        gripper_stroke_m: widest opening, m.
        gripper_shut_m: what the fingers read when they are shut on nothing, m.
        finger_depth_m: how far the fingers reach beyond the palm, m.
        finger_width_m: breadth of a finger pad across the opening direction, m.
        finger_thickness_m: thickness of a finger along the opening direction, m.
        reach_m: furthest TCP distance from the base, m.
        urdf: path of the kinematic model, or None.
        tcp_link: name of the URDF's link whose frame is the TCP, or None. TCP: z along the
            approach direction (out of the palm), y along the opening direction.
    """

    name: str
    joint_names: tuple[str, ...]
    q_min: Joints
    q_max: Joints
    dq_max: Joints
    ddq_max: Joints
    q_home: Joints
    gripper_stroke_m: float
    finger_depth_m: float
    finger_width_m: float
    finger_thickness_m: float
    reach_m: float
    urdf: str | None = None
    tcp_link: str | None = None
    gripper_shut_m: float = 0.0

    def grips(self, width_m: float) -> bool:
        """Whether fingers that were to shut, and read this, have something between them."""
        return width_m > self.gripper_shut_m + _THINNEST_M


@dataclass(frozen=True, eq=False)
class RobotState:
    """One reading of the arm.

    Attributes:
        q, dq: [n] joint positions (rad) and velocities (rad/s).
        T_base_tcp: [4, 4] TCP pose in the base frame.
        gripper_width_m: distance between the finger pads.
        stamp_s: when, seconds on the robot's own monotonic clock (simulated time in a simulator).
        gripper_force_n: grip force where it is measured.
        fault: the controller's complaint, or None.
        stopped: whether stop() is latched.
    """

    q: Joints
    dq: Joints
    T_base_tcp: Transform
    gripper_width_m: float
    stamp_s: float
    gripper_force_n: float | None = None
    fault: str | None = None
    stopped: bool = False


@runtime_checkable
class Robot(Protocol):
    """An arm with a gripper and cameras.

    Motions block until they end and return the state that was really reached. They raise
    `StoppedError` while stop() is latched, `DeadlineError`, `CancelledError`,
    `UnreachableError`, `LimitError`, or `RobotError` for a fault of the arm's; after any of these
    the arm holds still. One that may go on moving raises anything else, and is told to stop.
    Deadlines count on the robot's own clock.
    """

    @property
    def spec(self) -> RobotSpec:
        """What the arm is; readable before connecting."""

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """The cameras by name."""

    def connect(self) -> None:
        """Take control; idempotent."""

    def close(self) -> None:
        """Hold still and let go of the connection; never lets the arm fall. Idempotent."""

    def read(self) -> RobotState:
        """The present state."""

    def move_to(
        self,
        T_base_tcp: Transform,
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the TCP in a straight line to a pose.

        Args:
            T_base_tcp: [4, 4] goal in the base frame.
            speed: share of the arm's limits, in (0, 1].
            deadline_s: seconds allowed from now; None for the robot's default.
            cancel: ends the motion early, with CancelledError.
        """

    def set_gripper(
        self,
        width_m: float,
        *,
        force_n: float = 20.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the fingers to an opening, or until they hold something with `force_n`."""

    def stop(self) -> None:
        """Halt at once and stay halted. Latched, idempotent, callable from any thread."""

    def reset(self) -> None:
        """Clear a latched stop, deliberately."""


@runtime_checkable
class JointArm(Robot, Protocol):
    """A robot that also takes joint paths."""

    def move_joints(
        self,
        path: npt.NDArray[np.float64],
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Follow a joint path.

        Args:
            path: [k, n] configurations to pass through in order, rad; the first may be the
                present one. Time-parametrised by the arm within `spec.dq_max` and `ddq_max`.
            speed: share of those limits, in (0, 1].
            deadline_s: seconds allowed from now.
            cancel: ends the motion early.
        """


def joint_arm(robot: Robot) -> JointArm | None:
    """A robot as one that takes joint paths; None for one that takes poses alone.

    A guard has every method; whether the arm behind it takes joint paths is the arm's own.
    """
    own = getattr(robot, "unguarded", robot)
    return robot if isinstance(own, JointArm) and isinstance(robot, JointArm) else None


def driven(call: Callable[[], T], trouble: str, passing: type[HandeyeError] = HandeyeError) -> T:
    """What a driver's code returns; whatever it raises becomes one clear RobotError.

    Args:
        call: into the driver.
        trouble: what is wrong where it raises, such as "panda cannot be read".
        passing: errors that say so themselves, and pass through.
    """
    try:
        return call()
    except passing:
        raise
    except Exception as error:
        raise RobotError(f"{trouble}: {type(error).__name__}: {error}") from error


def reading(robot: Robot) -> RobotState:
    """The present state of a robot; raises RobotError, whatever its driver raises or returns."""
    spec = robot.spec
    return sound(driven(robot.read, f"{spec.name} cannot be read", RobotError), spec)


def sound(state: object, spec: RobotSpec) -> RobotState:
    """A state as a driver gave it; raises RobotError that names what of it is wrong."""
    if not isinstance(state, RobotState):
        raise RobotError(f"{spec.name} gives {type(state).__name__} for its state, no RobotState")
    n = len(spec.joint_names)
    wanted: dict[str, tuple[int, ...]] = {
        "q": (n,),
        "dq": (n,),
        "T_base_tcp": (4, 4),
        "gripper_width_m": (),
        "stamp_s": (),
    }
    for name, shape in wanted.items():
        value = getattr(state, name)
        fits = (
            isinstance(value, np.ndarray | np.floating | float | int) and np.shape(value) == shape
        )
        if not fits:
            right = f"[{', '.join(map(str, shape))}] numbers" if shape else "a number"
            found = f"{type(value).__name__} {list(np.shape(value)) or ''}".strip()
            raise RobotError(f"{spec.name} gives a state whose {name} is {found}, not {right}")
        if not np.isfinite(value).all():
            raise RobotError(f"{spec.name} gives a state whose {name} is not finite: {value}")
    # A driver may write its next reading into the same arrays.
    q, dq, T_base_tcp = (np.array(v) for v in (state.q, state.dq, state.T_base_tcp))
    return replace(state, q=q, dq=dq, T_base_tcp=T_base_tcp)
