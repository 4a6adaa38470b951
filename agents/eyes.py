"""Eyes: the observer of a robot, and what it must know of its own arm."""

from dataclasses import replace
from pathlib import Path

from handeye.perception.arm_view import ArmView
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.skills.robot import Robot, reading


def make_observer(robot: Robot, vlm: object = "embedded") -> Observer:
    """The eyes of a robot: its cameras, a VLM, and where its own arm is."""
    from handeye.perception.vlm.load import load_vlm

    model = load_vlm(vlm) if isinstance(vlm, str | Path) else vlm
    return Observer(robot.cameras, Perception.of(model), lambda: arm_view(robot))


def eyes_of(robot: Robot, vlm: object) -> Observer | None:
    """The eyes that a session has already, so that it and its agents know the same things."""
    eyes = getattr(robot, "observer", None) if isinstance(vlm, str) and vlm == "embedded" else None
    return eyes if isinstance(eyes, Observer) else None


def arm_view(robot: Robot) -> ArmView:
    """Where the arm is, from its own state."""
    from handeye.skills.kinematics import Kinematics

    state, spec = reading(robot), robot.spec
    view = ArmView(state.T_base_tcp, state.gripper_width_m, spec.gripper_stroke_m, state.stamp_s)
    kinematics = Kinematics.of(spec)
    return view if kinematics is None else replace(view, body=kinematics.body_points(state.q))
