"""Eyes: the observer of a robot, and what it must know of its own arm."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handeye.perception.arm_view import ArmView
from handeye.perception.errors import CameraError
from handeye.perception.observer import BOARD, Observer
from handeye.perception.perception import Perception
from handeye.skills.guarded import Guarded
from handeye.skills.look import WRIST
from handeye.skills.robot import Robot, reading

OVERVIEW = "overview"
"""Name of the camera that sees the table from where it stands."""


def make_observer(
    robot: Robot, vlm: object = "embedded", fixed: Sequence[str] | None = None
) -> Observer:
    """The eyes of a robot: its cameras, a VLM, and where its own arm is.

    Args:
        robot: connected.
        vlm: a name for `load_vlm`, a model, or a Perception.
        fixed: names of the cameras that stand still and see the table; by default "overview", or
            the only one that is neither "wrist" nor "board"; none for a robot without cameras.

    Raises:
        CameraError: the robot has no such camera, or several and none is "overview".
        ModelError: the VLM cannot be loaded.
        UserError: the VLM cannot parse what the cameras see.
    """
    from handeye.perception.vlm.load import load_vlm

    model = load_vlm(vlm) if isinstance(vlm, str | Path) else vlm
    chosen = _fixed(robot) if fixed is None else tuple(fixed)
    return Observer(robot.cameras, Perception.of(model), lambda: arm_view(robot), chosen)


def _fixed(robot: Robot) -> tuple[str, ...]:
    names = [name for name in robot.cameras if name not in (WRIST, BOARD)]
    if OVERVIEW in names or not robot.cameras:
        return tuple(name for name in names if name == OVERVIEW)
    if len(names) == 1:
        return (names[0],)
    raise CameraError(
        f'{robot.spec.name} has no camera "{OVERVIEW}", which sees the table from where it stands; '
        f"it has: {', '.join(robot.cameras)}. Name yours so, or say which: "
        "connect(arm, fixed=(…,))"
    )


def eyes_of(robot: Robot, vlm: object) -> Observer | None:
    """The eyes that a session has already, so that it and its agents know the same things."""
    eyes = getattr(robot, "observer", None) if isinstance(vlm, str) and vlm == "embedded" else None
    return eyes if isinstance(eyes, Observer) else None


def arm_view(robot: Robot) -> ArmView:
    """Where the arm is, from its own state."""
    from handeye.skills.kinematics import Kinematics

    state, spec = reading(robot), robot.spec
    view = ArmView(
        state.T_base_tcp,
        state.gripper_width_m,
        spec.gripper_stroke_m,
        state.stamp_s,
        gripper_shut_m=spec.gripper_shut_m,
        still_s=state.stamp_s - (robot.rested_s if isinstance(robot, Guarded) else -math.inf),
    )
    kinematics = Kinematics.of(spec)
    return view if kinematics is None else replace(view, body=kinematics.body_points(state.q))
