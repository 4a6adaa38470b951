"""check_spec: what a robot says of itself that cannot be so is named before it moves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handeye.perception.errors import UserError
from handeye.sims.panda import panda_spec
from handeye.skills import RobotSpec
from handeye.skills.specs import check_spec

SPEC = panda_spec()


def test_the_pandas_data_sheet_is_in_order() -> None:
    check_spec(SPEC)


def test_a_joint_may_turn_without_end() -> None:
    endless = np.full(7, np.inf)
    check_spec(replace(SPEC, q_min=-endless, q_max=endless))
    check_spec(replace(SPEC, q_min=-endless, q_max=endless, urdf=None, tcp_link=None))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"q_min": SPEC.q_min[:6]}, "q_min must be a numpy array of 7 numbers, .* it is .-2.8973"),
        ({"q_min": SPEC.q_min.tolist()}, "q_min must be a numpy array of 7 numbers, .* it is list"),
        ({"q_home": SPEC.q_home * np.nan}, "q_home must be a numpy array of 7 finite numbers"),
        ({"q_min": np.array(["-1"] * 7)}, "q_min must be a numpy array of 7 numbers"),
        (
            {"q_min": SPEC.q_max, "q_max": SPEC.q_min},
            "below q_max; of panda_joint1 they are 2.8973",
        ),
        (
            {"q_min": np.degrees(SPEC.q_min), "q_max": np.degrees(SPEC.q_max)},
            "must be radians; of panda_joint1 they are -166.003, 166.003 and 0, as degrees",
        ),
        ({"q_home": np.degrees(SPEC.q_home)}, "must be radians; of panda_joint2 they are -1.76"),
        ({"q_home": SPEC.q_home + np.eye(7)[3] * 3}, "q_home must be within .* of panda_joint4 it"),
        ({"dq_max": -SPEC.dq_max}, "dq_max must be above 0; of panda_joint1 it is -2.175"),
        ({"ddq_max": SPEC.ddq_max * 0}, "ddq_max must be above 0; of panda_joint1 it is 0"),
        ({"ddq_max": SPEC.ddq_max + np.inf}, "ddq_max must be a numpy array of 7 finite numbers"),
        ({"gripper_stroke_m": 80}, "gripper_stroke_m must be metres, more than 0 .* it is 80"),
        ({"gripper_stroke_m": 0.0}, "gripper_stroke_m must be metres, more than 0"),
        ({"gripper_shut_m": 0.1}, "gripper_shut_m must be below gripper_stroke_m"),
        ({"reach_m": None}, "reach_m must be metres, more than 0 and below 10; it is None"),
        ({"finger_depth_m": 45}, "finger_depth_m must be metres, 0 or more and below 1; it is 45"),
        ({"joint_names": list(SPEC.joint_names)}, "joint_names must be a tuple of names; it is"),
        ({"joint_names": ("panda_joint1",) * 7}, "joint_names has 'panda_joint1' twice"),
        ({"joint_names": tuple("abcdefg")}, "has no joint 'a' between its root and 'panda_grasp"),
        ({"joint_names": SPEC.joint_names[::-1]}, "must go from base to flange, .* panda_joint1, "),
        ({"tcp_link": "tool0"}, "has no link 'tool0' below its root"),
        (
            {name: getattr(SPEC, name)[::-1] for name in ("q_min", "q_max", "q_home")},
            "panda_joint6 may be in -0.0873..3.8223 rad by .*, which does not fit to spec.q_min",
        ),
    ],
)
def test_what_cannot_be_so_is_named(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(UserError, match=told):
        check_spec(replace(SPEC, **wrong))


def test_joints_that_slide_are_in_metres_and_may_be_longer_than_two_turns(tmp_path: Path) -> None:
    file = tmp_path / "crane.urdf"
    file.write_text(
        '<robot name="crane"><link name="base"/><link name="tcp"/>'
        '<joint name="rail" type="prismatic"><parent link="base"/><child link="tcp"/>'
        '<axis xyz="1 0 0"/><limit lower="0" upper="30" effort="1" velocity="1"/></joint></robot>'
    )
    rail = replace(
        SPEC,
        joint_names=("rail",),
        q_min=np.array([0.0]),
        q_max=np.array([30.0]),
        dq_max=np.array([1.0]),
        ddq_max=np.array([1.0]),
        q_home=np.array([20.0]),
        urdf=str(file),
        tcp_link="tcp",
    )
    check_spec(rail)
    with pytest.raises(UserError, match="must be radians; of rail they are 0, 30 and 20"):
        check_spec(replace(rail, urdf=None))


def test_what_is_no_spec_is_named() -> None:
    with pytest.raises(UserError, match="a robot's spec must be a RobotSpec, not dict"):
        check_spec({"name": "panda"})
    with pytest.raises(UserError, match="a robot's spec must be a RobotSpec, not type"):
        check_spec(RobotSpec)
