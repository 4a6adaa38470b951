"""What the checkers hold a robot to, whatever it does: what its members raise and give."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from handeye.perception.errors import HandeyeError, RobotError, UserError
from handeye.perception.frame import Transform

from .kinematics import Kinematics
from .robot import Robot, RobotSpec, RobotState, sound

T = TypeVar("T")
_BEYOND = 0.2
"""How far, rad, a joint may be beyond its limits, as one that was pushed is."""
_APART_M, _APART_RAD = 0.01, 0.05
"""How far a pose may be from where it should be."""


def must(holds: bool, complaint: str) -> None:
    """Raise UserError with the complaint if something does not hold."""
    if not holds:
        raise UserError(complaint)


def tried(call: Callable[[], T], name: str) -> T:
    """What a member of a robot returns; whatever it raises is a breach, and a UserError."""
    try:
        return call()
    except Exception as error:
        raise UserError(f"{name} raised {type(error).__name__}: {error}") from error


def refused(call: Callable[[], object], error: type[HandeyeError], complaint: str) -> None:
    """Raise UserError with the complaint, unless the call raises the error."""
    try:
        call()
    except error:
        return
    except Exception as other:
        raise UserError(f"{complaint}, not {type(other).__name__}: {other}") from other
    raise UserError(complaint)


def looked(robot: Robot) -> RobotState:
    """The present state of a robot, which later readings leave as it is; held to the contract."""
    return held(tried(robot.read, "read"), robot.spec, "read")


def held(state: object, spec: RobotSpec, member: str) -> RobotState:
    """What a member returned, held to what a state must be."""
    try:
        found = sound(state, spec)
    except RobotError as error:
        raise UserError(f"{member}: {error}") from error
    R = found.T_base_tcp[:3, :3]
    must(bool(np.allclose(R @ R.T, np.eye(3), atol=1e-3)), "T_base_tcp must be rigid")
    within = (found.q > spec.q_min - _BEYOND) & (found.q < spec.q_max + _BEYOND)
    values = np.round(found.q, 2).tolist()
    must(bool(within.all()), f"q must be within the position limits, in radians; it is {values}")
    stroke = spec.gripper_stroke_m
    must(-0.005 <= found.gripper_width_m <= stroke + 0.005, "gripper_width_m must be metres")
    kinematics = Kinematics.of(spec)
    if kinematics is not None:
        at = kinematics.fk(found.q)
        must(
            near(found.T_base_tcp, at),
            f"{member}: T_base_tcp is {apart(found.T_base_tcp, at)} off the pose of "
            f"{spec.tcp_link} in {spec.urdf} at q; both must be of one TCP, in the frame of the "
            "URDF's root (a controller's own base may be turned against it)",
        )
    return found


def near(pose: Transform, goal: Transform) -> bool:
    """Whether two poses [4, 4] are the same for all that the contract asks for."""
    return _off_m(pose, goal) < _APART_M and _off_rad(pose, goal) < _APART_RAD


def apart(pose: Transform, goal: Transform) -> str:
    """How far one pose [4, 4] is from another, in words."""
    return f"{100 * _off_m(pose, goal):.1f} cm and {_off_rad(pose, goal):.2f} rad"


def _off_m(pose: Transform, goal: Transform) -> float:
    return float(np.linalg.norm(pose[:3, 3] - goal[:3, 3]))


def _off_rad(pose: Transform, goal: Transform) -> float:
    # The chord, unlike the cosine, tells small angles well.
    chord = float(np.linalg.norm(pose[:3, :3] - goal[:3, :3])) / np.sqrt(8)
    return float(2 * np.arcsin(min(1.0, chord)))
