"""Kinematics of joints that turn without end: it is the spec that says how far they may."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handeye.perception.errors import UnreachableError
from handeye.sims.panda import panda_spec
from handeye.skills import RobotSpec
from handeye.skills.cartesian import straight_line
from handeye.skills.grasping import downward
from handeye.skills.kinematics import Kinematics

ROWS = (
    ("shoulder_pan", "0 0 0.1625", "0 0 0"),
    ("shoulder_lift", "0 0 0", "1.5708 0 0"),
    ("elbow", "-0.425 0 0", "0 0 0"),
    ("wrist_1", "-0.3922 0 0.1333", "0 0 0"),
    ("wrist_2", "0 -0.0997 0", "1.5708 0 0"),
    ("wrist_3", "0 0.0996 0", "1.5708 3.14159265 3.14159265"),
)
"""Name, origin and its turn: those of a UR5e, whose last joint is continuous."""
HOME = np.array([0.0, -1.8, -1.9, -1.0, 1.57, 0.0])


def six_joints(tmp_path: Path, last: str = '<limit effort="1" velocity="3"/>') -> str:
    text, parent = '<robot name="arm"><link name="base"/>', "base"
    for name, xyz, rpy in ROWS:
        endless = name == "wrist_3"
        kind = "continuous" if endless else "revolute"
        limit = last if endless else '<limit lower="-6.3" upper="6.3" effort="1" velocity="3"/>'
        text += (
            f'<link name="{name}_link"/><joint name="{name}" type="{kind}">'
            f'<parent link="{parent}"/><child link="{name}_link"/>'
            f'<origin xyz="{xyz}" rpy="{rpy}"/><axis xyz="0 0 1"/>{limit}</joint>'
        )
        parent = f"{name}_link"
    file = tmp_path / "arm.urdf"
    file.write_text(text + "</robot>")
    return str(file)


def spec(urdf: str) -> RobotSpec:
    two_turns = np.full(6, 2 * np.pi)
    return replace(
        panda_spec(),
        joint_names=tuple(name for name, *_ in ROWS),
        q_min=-two_turns,
        q_max=two_turns,
        dq_max=np.full(6, 3.0),
        ddq_max=np.full(6, 5.0),
        q_home=HOME,
        urdf=urdf,
        tcp_link="wrist_3_link",
    )


@pytest.mark.parametrize("limit", ["", '<limit lower="-1" upper="1" effort="1" velocity="3"/>'])
def test_a_continuous_joint_is_held_to_the_spec_alone(tmp_path: Path, limit: str) -> None:
    urdf = six_joints(tmp_path, limit)
    made = Kinematics.of(spec(urdf))
    assert made is not None
    assert (made.q_min[5], made.q_max[5]) == (-2 * np.pi, 2 * np.pi)
    alone = Kinematics(urdf, "wrist_3_link", tuple(name for name, *_ in ROWS))
    assert (alone.q_min[5], alone.q_max[5]) == (-np.inf, np.inf)


@pytest.mark.parametrize("turned", [-4.0, 3.2, 3.6, 4.0])
def test_an_arm_whose_last_joint_is_past_half_a_turn_moves_on_from_there(
    tmp_path: Path, turned: float
) -> None:
    made = Kinematics.of(spec(six_joints(tmp_path)))
    assert made is not None
    q = HOME + turned * np.eye(6)[5]
    goal = made.fk(q)
    goal[2, 3] += 0.03
    path = straight_line(made, q, goal)
    assert np.allclose(made.fk(path[-1]), goal, atol=2e-3)
    assert np.abs(path - q).max() < 0.2


def test_without_limits_other_starts_are_tried_too(tmp_path: Path) -> None:
    names = tuple(name for name, *_ in ROWS)
    made = Kinematics(six_joints(tmp_path), "wrist_3_link", names)
    with np.errstate(all="raise"), pytest.raises(UnreachableError, match="the nearest is"):
        made.ik(downward(2.0, 0.0, 0.1, 0.0), HOME)
