"""Public checkers: hold a skill or a robot to its contract. Each raises UserError at a breach."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from handeye.perception.errors import (
    CancelledError,
    DeadlineError,
    HandeyeError,
    RobotError,
    StoppedError,
    UserError,
)
from handeye.perception.frame import Camera
from handeye.perception.scene import Scene

from .calling import executed, goal_of
from .guarded import Guarded
from .robot import CancelToken, JointArm, Robot, RobotState, sound
from .skill import Outcome, Skill, SkillContext

T = TypeVar("T")
_BEYOND = 0.2
"""How far, rad, a joint may be beyond its limits, as one that was pushed is."""


def check_skill(skill: Skill, context: SkillContext) -> Outcome:
    """Hold a skill call to the contract, executing it once, and once cancelled.

    Args:
        skill: a call that makes sense in the context's scene.
        context: with a connected robot that may move.

    Returns:
        The outcome of the real execution.
    """
    kind = type(skill)
    _must(bool(getattr(kind, "name", "")), f"{kind.__name__} has no name")
    _must(bool((kind.__doc__ or "").strip()), f"{kind.__name__} has no docstring for models")
    for name, info in kind.model_fields.items():
        _must(bool(info.description), f"{kind.__name__}.{name} has no description")
    again = kind.model_validate_json(skill.model_dump_json())
    _must(again == skill, f"{kind.__name__} does not come back the same from JSON")
    goal_of(skill, Scene())
    cancelled = CancelToken()
    cancelled.cancel()
    still = SkillContext(context.robot, context.sight, cancelled, context.deadline_s)
    before = context.robot.read().q
    executed(skill, still)
    moved = float(np.abs(context.robot.read().q - before).max()) if len(before) else 0.0
    _must(moved < 0.05, f"{kind.__name__} moved by {moved:.2f} rad after it was cancelled")
    return executed(skill, context)


def check_robot(robot: Robot) -> None:
    """Hold a robot to the seam: spec, readings, small motions, stop, cancel and reset.

    The arm moves a few centimetres up and down around where it is. While it is stopped, and with
    a token that is cancelled, every kind of motion must refuse, the gripper's too; one that does
    not moves it by a centimetre.
    """
    _must(isinstance(robot, Robot), f"{type(robot).__name__} lacks members of Robot")
    _check_spec(robot)
    _must(isinstance(robot.cameras, Mapping), "cameras must map names to cameras")
    for name, camera in robot.cameras.items():
        _must(isinstance(camera, Camera) and camera.name == name, f"camera {name!r} is none")
    _tried(robot.connect)
    _tried(robot.connect)
    first = _tried(robot.read)
    _check_state(robot, first, "read")
    raised = first.T_base_tcp.copy()
    raised[2, 3] += 0.03
    reached = _tried(robot.move_to, raised, speed=0.3)
    _check_state(robot, reached, "move_to")
    off = float(np.linalg.norm(reached.T_base_tcp[:3, 3] - raised[:3, 3]))
    _must(off < 0.01, f"move_to returned a state {100 * off:.1f} cm off its goal")
    _must(reached.stamp_s >= first.stamp_s, "stamps must never go back")
    _tried(robot.stop)
    _tried(robot.stop)
    _must(_tried(robot.read).stopped, "stop() must be latched: read().stopped is False")
    _check_refusals(robot, first, StoppedError, "while stop() is latched")
    _tried(robot.reset)
    cancelled = CancelToken()
    cancelled.cancel()
    _check_refusals(robot, first, CancelledError, "with a token that is cancelled", cancelled)
    _tried(robot.move_to, first.T_base_tcp, speed=0.3)
    must = "move_to must raise DeadlineError when its deadline passes"
    try:
        robot.move_to(raised, speed=0.05, deadline_s=0.05)
    except DeadlineError:
        pass
    except Exception as other:
        raise UserError(f"{must}, not {type(other).__name__}: {other}") from other
    else:
        raise UserError(must)
    _tried(robot.close)
    _tried(robot.close)


def _tried(member: Callable[..., T], *values: object, **options: object) -> T:
    """What a member returns; whatever it raises is a breach."""
    try:
        return member(*values, **options)
    except Exception as error:
        name = getattr(member, "__name__", "a member")
        raise UserError(f"{name} raised {type(error).__name__}: {error}") from error


def _check_refusals(
    robot: Robot,
    goal: RobotState,
    error: type[HandeyeError],
    when: str,
    cancel: CancelToken | None = None,
) -> None:
    """Try every kind of motion towards a state; each must raise the error and move nothing."""
    before, stroke = robot.read(), robot.spec.gripper_stroke_m
    aside_m = min(0.01, stroke / 2) * (-1 if before.gripper_width_m > stroke / 2 else 1)
    width = before.gripper_width_m + aside_m
    motions: dict[str, Callable[[], object]] = {
        "move_to": lambda: robot.move_to(goal.T_base_tcp, speed=0.3, cancel=cancel),
        "set_gripper": lambda: robot.set_gripper(width, cancel=cancel),
    }
    own = robot.unguarded if isinstance(robot, Guarded) else robot
    if isinstance(robot, JointArm) and isinstance(own, JointArm):
        path = goal.q[None]
        motions["move_joints"] = lambda: robot.move_joints(path, speed=0.3, cancel=cancel)
    for name, motion in motions.items():
        must = f"{name} must raise {error.__name__} {when}"
        try:
            motion()
        except error:
            pass
        except Exception as other:
            raise UserError(f"{must}, not {type(other).__name__}: {other}") from other
        else:
            raise UserError(must)
        after = robot.read()
        moved = float(np.abs(after.q - before.q).max(initial=0.0))
        _must(moved < 0.01, f"{name} moved the arm by {moved:.2f} rad {when}")
        moved = abs(after.gripper_width_m - before.gripper_width_m)
        _must(moved < 0.002, f"{name} moved the fingers by {1000 * moved:.0f} mm {when}")


def _check_spec(robot: Robot) -> None:
    spec, n = robot.spec, len(robot.spec.joint_names)
    for name in ("q_min", "q_max", "dq_max", "ddq_max", "q_home"):
        value = getattr(spec, name)
        _must(np.shape(value) == (n,), f"spec.{name} must be [{n}], it is {np.shape(value)}")
    _must(bool(np.all(spec.q_min < spec.q_max)), "spec.q_min must be below q_max")
    _must(
        bool(np.all(spec.q_home >= spec.q_min) and np.all(spec.q_home <= spec.q_max)),
        "spec.q_home must be within the position limits",
    )
    _must(0 < spec.gripper_stroke_m < 1, "spec.gripper_stroke_m must be metres")
    _must(0 < spec.reach_m < 10, "spec.reach_m must be metres")


def _check_state(robot: Robot, state: object, member: str) -> None:
    """Hold what a member returned to what a state must be."""
    try:
        found = sound(state, robot.spec)
    except RobotError as error:
        raise UserError(f"{member}: {error}") from error
    spec, R = robot.spec, found.T_base_tcp[:3, :3]
    _must(bool(np.allclose(R @ R.T, np.eye(3), atol=1e-3)), "T_base_tcp must be rigid")
    within = (found.q > spec.q_min - _BEYOND) & (found.q < spec.q_max + _BEYOND)
    values = np.round(found.q, 2).tolist()
    _must(bool(within.all()), f"q must be within the position limits, in radians; it is {values}")
    stroke = spec.gripper_stroke_m
    _must(-0.005 <= found.gripper_width_m <= stroke + 0.005, "gripper_width_m must be metres")


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise UserError(complaint)
