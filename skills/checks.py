"""Public checkers: hold a skill or a robot to its contract. Each raises UserError at a breach."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import numpy as np
from handeye.perception.errors import (
    CancelledError,
    DeadlineError,
    HandeyeError,
    StoppedError,
)
from handeye.perception.frame import Camera, Transform
from handeye.perception.scene import Scene

from .breaking_off import Motion, check_breaking_off
from .calling import executed, goal_of
from .contract import apart, held, looked, must, near, refused, tried
from .kinematics import Kinematics
from .robot import CancelToken, JointArm, Robot, RobotState, joint_arm, reading
from .skill import Outcome, Skill, SkillContext
from .specs import check_spec

_UP_M, _TURN = 0.04, 0.03
"""How far the TCP is moved up, and each joint by itself (rad, or m)."""
_BRISK, _SLOW = 0.3, 0.05
"""Shares of the arm's limits."""


def check_skill(skill: Skill, context: SkillContext) -> Outcome:
    """Hold a skill call to the contract, executing it once, and once cancelled.

    Args:
        skill: a call that makes sense in the context's scene.
        context: with a connected robot that may move.

    Returns:
        The outcome of the real execution.
    """
    kind = type(skill)
    must(bool(getattr(kind, "name", "")), f"{kind.__name__} has no name")
    must(bool((kind.__doc__ or "").strip()), f"{kind.__name__} has no docstring for models")
    for name, info in kind.model_fields.items():
        must(bool(info.description), f"{kind.__name__}.{name} has no description")
    again = kind.model_validate_json(skill.model_dump_json())
    must(again == skill, f"{kind.__name__} does not come back the same from JSON")
    goal_of(skill, Scene())
    cancelled = CancelToken()
    cancelled.cancel()
    still = SkillContext(context.robot, context.sight, cancelled, context.deadline_s)
    before = reading(context.robot)
    executed(skill, still)
    after = reading(context.robot)
    turned = float(np.abs(after.q - before.q).max(initial=0.0))
    must(turned < 0.05, f"{kind.__name__} moved by {turned:.2f} rad after it was cancelled")
    opened = abs(after.gripper_width_m - before.gripper_width_m)
    must(
        opened < 0.002,
        f"{kind.__name__} moved the fingers by {1000 * opened:.0f} mm after it was cancelled; "
        "hand context.cancel to set_gripper too",
    )
    return executed(skill, context)


def check_robot(robot: Robot) -> None:
    """Hold a robot to the seam: spec, readings, small motions, stop, cancel and reset.

    It must have an empty hand, and room: the TCP goes 4 cm up from where it is, and down again,
    several times; up there each joint turns by 0.03 rad; the fingers open or shut by half their
    stroke. An arm that takes joint paths for something else may go farther, slowly, until a
    deadline: keep the emergency stop at hand.

    Motions must lead to where they are sent. They are broken off in their middle, by a token that
    is cancelled and by stop() from another thread, and must hold still soon after. While the arm
    is stopped, and with a token that is cancelled already, every kind of motion must refuse, the
    gripper's too. With a URDF, the readings' `q` and `T_base_tcp` must be of one pose.

    The arm ends where it was and closed; after a breach it is closed too, and not left stopped.
    """
    kind = type(robot).__name__
    fits = tried(lambda: isinstance(robot, Robot), f"a member of {kind}")
    must(fits, f"{kind} lacks members of Robot")
    check_spec(tried(lambda: robot.spec, "spec"))
    cameras = tried(lambda: robot.cameras, "cameras")
    must(isinstance(cameras, Mapping), "cameras must map names to cameras")
    for name, camera in cameras.items():
        must(isinstance(camera, Camera) and camera.name == name, f"camera {name!r} is none")
    try:
        tried(robot.connect, "connect")
        tried(robot.connect, "connect")
        first = looked(robot)
        must(not first.stopped, f"{robot.spec.name} is stopped; reset() it before it is checked")
        try:
            _check_motions(robot, first)
        except Exception:
            with suppress(Exception):
                robot.reset()
            raise
        tried(robot.close, "close")
        tried(robot.close, "close")
    finally:
        with suppress(Exception):
            robot.close()


def _check_motions(robot: Robot, first: RobotState) -> None:
    raised = first.T_base_tcp.copy()
    raised[2, 3] += _UP_M
    up, down = (partial(_moved, robot, T) for T in (raised, first.T_base_tcp))
    reached = up()
    tried(robot.stop, "stop")
    tried(robot.stop, "stop")
    must(looked(robot).stopped, "stop() must be latched: read().stopped is False")
    _check_refusals(robot, first, StoppedError, "while stop() is latched")
    tried(robot.reset, "reset")
    cancelled = CancelToken()
    cancelled.cancel()
    _check_refusals(robot, first, CancelledError, "with a token that is cancelled", cancelled)
    down()
    rising = partial(robot.move_to, raised, speed=_SLOW)
    check_breaking_off(robot, Motion("move_to", rising, down, lambda s: s.T_base_tcp[:3, 3]))
    up()
    arm = joint_arm(robot)
    if arm is not None:
        _check_joints(arm)
        path = np.linspace(first.q, reached.q, 9)[1:]
        down()
        following = partial(arm.move_joints, path, speed=_SLOW)
        check_breaking_off(robot, Motion("move_joints", following, down, lambda s: s.q))
        up()
    _check_gripper(robot)
    down()


def _moved(robot: Robot, goal: Transform) -> RobotState:
    """Where move_to led, which must be its goal."""
    returned = tried(partial(robot.move_to, goal, speed=_BRISK), "move_to")
    reached = held(returned, robot.spec, "move_to")
    off = apart(reached.T_base_tcp, goal)
    must(near(reached.T_base_tcp, goal), f"move_to returned a state {off} off its goal")
    return reached


def _check_joints(arm: JointArm) -> None:
    """Turn one joint after the other, then all back: each must go where it is sent, by itself."""
    spec, start = arm.spec, looked(arm).q
    kinematics = Kinematics.of(spec)
    units = kinematics.units if kinematics is not None else ("rad",) * len(start)
    steps = np.minimum(_TURN, (spec.q_max - spec.q_min) / 4)
    steps *= np.where(start - spec.q_min < spec.q_max - start, 1.0, -1.0)  # off the nearer limit
    soon_s = 2.0 + 3.0 * float(np.max(_TURN / (_SLOW * spec.dq_max), initial=0.0))
    goals = zip((*spec.joint_names, "all"), (*(start + np.diag(steps)), start), strict=True)
    for sent, goal in goals:
        motion = partial(arm.move_joints, goal[None], speed=_SLOW, deadline_s=soon_s)
        late = tried(partial(_late, motion), "move_joints")
        q = looked(arm).q
        wrong = [
            f"{name} is at {q[j]:z.3f} and not {goal[j]:z.3f} {units[j]}"
            for j, name in enumerate(spec.joint_names)
            if abs(q[j] - goal[j]) > _TURN / 3
        ]
        must(
            not wrong,
            f"move_joints must lead each joint to its own value, in the order of spec.joint_names, "
            f"in radians or, for one that slides, metres; with {sent} to be moved, "
            f"{', '.join(wrong)}",
        )
        must(not late, f"move_joints took more than {soon_s:.1f} s for {_TURN} rad at {_SLOW:.0%}")


def _late(motion: Callable[[], object]) -> bool:
    """Whether a motion is broken off by its deadline."""
    try:
        motion()
    except DeadlineError:
        return True
    return False


def _check_gripper(robot: Robot) -> None:
    """Open or shut the empty hand by a part of its stroke, and back."""
    spec, before = robot.spec, looked(robot).gripper_width_m
    least, most = spec.gripper_shut_m, spec.gripper_stroke_m
    half, quarter = (least + most) / 2, (most - least) / 4
    far = half if abs(before - half) >= quarter else most
    for asked in (far, min(max(before, least), most)):
        state = tried(partial(robot.set_gripper, asked), "set_gripper")
        found = held(state, spec, "set_gripper").gripper_width_m
        must(
            abs(found - asked) < min(0.005, quarter / 2),
            f"set_gripper must lead the fingers of an empty hand to an opening in metres; asked "
            f"for {asked:.4f} m, from {before:.4f} m, it has led to {found:.4f} m",
        )


def _check_refusals(
    robot: Robot,
    goal: RobotState,
    error: type[HandeyeError],
    when: str,
    cancel: CancelToken | None = None,
) -> None:
    """Try every kind of motion towards a state; each must raise the error and move nothing."""
    before, stroke = looked(robot), robot.spec.gripper_stroke_m
    aside_m = min(0.01, stroke / 2) * (-1 if before.gripper_width_m > stroke / 2 else 1)
    width = before.gripper_width_m + aside_m
    motions: dict[str, Callable[[], object]] = {
        "move_to": partial(robot.move_to, goal.T_base_tcp, speed=_BRISK, cancel=cancel),
        "set_gripper": partial(robot.set_gripper, width, cancel=cancel),
    }
    arm = joint_arm(robot)
    if arm is not None:
        motions["move_joints"] = partial(arm.move_joints, goal.q[None], speed=_BRISK, cancel=cancel)
    for name, motion in motions.items():
        refused(motion, error, f"{name} must raise {error.__name__} {when}")
        after = looked(robot)
        moved = float(np.abs(after.q - before.q).max(initial=0.0))
        must(moved < 0.01, f"{name} moved the arm by {moved:.2f} rad {when}")
        moved = abs(after.gripper_width_m - before.gripper_width_m)
        must(moved < 0.002, f"{name} moved the fingers by {1000 * moved:.0f} mm {when}")
