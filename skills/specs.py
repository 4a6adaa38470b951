"""What a robot says of itself, held to what it must be before anything is computed from it."""

from numbers import Real

import numpy as np
from handeye.perception.errors import UserError

from .kinematics import Kinematics
from .robot import RobotSpec

_TURNS_MOST = 4 * np.pi
"""No joint's limits are farther from zero than these two turns, rad; those in degrees are."""
_LENGTHS_M = {
    "gripper_stroke_m": 1.0,
    "gripper_shut_m": 1.0,
    "reach_m": 10.0,
    "finger_depth_m": 1.0,
    "finger_width_m": 1.0,
    "finger_thickness_m": 1.0,
}
"""Below these they are metres."""
_ABOVE_ZERO = ("gripper_stroke_m", "reach_m")
_ROUNDED_RAD = 1e-3
"""How far a URDF's limits may be rounded off."""


def check_spec(spec: object) -> None:
    """Hold a spec to what `RobotSpec` says; nothing is moved, nothing need be connected.

    `q_min` and `q_max` may be infinite for a joint that turns without end. With a URDF, its joints
    must be there, base to flange, and the limits and `q_home` must fit to its own.

    Raises:
        UserError: names the attribute, the joint where it is one's, and what would be right.
    """
    if not isinstance(spec, RobotSpec):
        raise UserError(f"a robot's spec must be a RobotSpec, not {type(spec).__name__}")
    _check_names(spec)
    for name in ("q_min", "q_max", "dq_max", "ddq_max", "q_home"):
        _check_numbers(spec, name)
    for name, most in _LENGTHS_M.items():
        _check_length(spec, name, most)
    if not spec.gripper_shut_m < spec.gripper_stroke_m:
        raise UserError(
            f"{spec.name}: spec.gripper_shut_m must be below gripper_stroke_m; they are "
            f"{spec.gripper_shut_m:g} and {spec.gripper_stroke_m:g} m"
        )
    kinematics = None
    if spec.urdf is not None and spec.tcp_link is not None:
        kinematics = Kinematics(spec.urdf, spec.tcp_link, spec.joint_names)
    units = kinematics.units if kinematics is not None else ("rad",) * len(spec.joint_names)
    if kinematics is not None and kinematics.moving != spec.joint_names:
        raise UserError(
            f"{spec.name}: spec.joint_names must go from base to flange, which in {spec.urdf} is "
            f"{', '.join(kinematics.moving)}; it is {', '.join(spec.joint_names)}"
        )
    for j, (joint, unit) in enumerate(zip(spec.joint_names, units, strict=True)):
        _check_joint(spec, j, joint, unit)
        if kinematics is not None:
            _check_fit(spec, j, joint, unit, kinematics)


def _check_names(spec: RobotSpec) -> None:
    names: object = spec.joint_names
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{spec.name}: spec.joint_names must be a tuple of names; it is {names!r}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{spec.name}: spec.joint_names has {twice[0]!r} twice")


def _check_numbers(spec: RobotSpec, name: str) -> None:
    value: object = getattr(spec, name)
    n, found = len(spec.joint_names), type(value).__name__
    endless = name in ("q_min", "q_max")
    if isinstance(value, np.ndarray):
        if value.shape == (n,) and value.dtype.kind in "fiu":
            fine = ~np.isnan(value) if endless else np.isfinite(value)
            if fine.all():
                return
        found = str(value.tolist())
    numbers = "numbers" if endless else "finite numbers"
    raise UserError(
        f"{spec.name}: spec.{name} must be a numpy array of {n} {numbers}, one for each of "
        f"spec.joint_names; it is {found}"
    )


def _check_length(spec: RobotSpec, name: str, most: float) -> None:
    value: object = getattr(spec, name)
    length_m = float(value) if isinstance(value, Real) else np.nan
    zero = length_m == 0 and name not in _ABOVE_ZERO
    if not (zero or 0 < length_m < most):
        right = "more than 0" if name in _ABOVE_ZERO else "0 or more"
        raise UserError(
            f"{spec.name}: spec.{name} must be metres, {right} and below {most:g}; it is {value!r}"
        )


def _check_joint(spec: RobotSpec, j: int, joint: str, unit: str) -> None:
    low, high, home = (float(q[j]) for q in (spec.q_min, spec.q_max, spec.q_home))
    if not low < high:
        raise UserError(
            f"{spec.name}: spec.q_min must be below q_max; of {joint} they are {low:g} and "
            f"{high:g} {unit}"
        )
    widest = max((abs(q) for q in (low, high, home) if np.isfinite(q)), default=0.0)
    if unit == "rad" and widest > _TURNS_MOST:
        raise UserError(
            f"{spec.name}: spec.q_min, q_max and q_home must be radians; of {joint} they are "
            f"{low:g}, {high:g} and {home:g}, as degrees would be"
        )
    for name in ("dq_max", "ddq_max"):
        most = float(getattr(spec, name)[j])
        if not 0 < most < np.inf:
            raise UserError(f"{spec.name}: spec.{name} must be above 0; of {joint} it is {most:g}")
    if not low <= home <= high:
        raise UserError(
            f"{spec.name}: spec.q_home must be within the position limits; of {joint} it is "
            f"{home:g} {unit}, not in {low:g}..{high:g}"
        )


def _check_fit(spec: RobotSpec, j: int, joint: str, unit: str, kinematics: Kinematics) -> None:
    """Hold what is said of a joint to the URDF: values in another order than the names show so."""
    low, high = float(kinematics.q_min[j]), float(kinematics.q_max[j])
    lowest, highest, home = (float(q[j]) for q in (spec.q_min, spec.q_max, spec.q_home))
    at_home = low - _ROUNDED_RAD <= home <= high + _ROUNDED_RAD
    if not at_home or not max(low, lowest) < min(high, highest):
        raise UserError(
            f"{spec.name}: {joint} may be in {low:g}..{high:g} {unit} by {spec.urdf}, which does "
            f"not fit to spec.q_min {lowest:g}, q_max {highest:g} and q_home {home:g}; is each "
            "array in the order of spec.joint_names?"
        )
