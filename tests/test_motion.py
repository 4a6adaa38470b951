"""Kinematics, trajectories and grasps: the mathematics, against independent checks."""

from pathlib import Path

import numpy as np
import pybullet as p
import pytest
from handeye.perception.errors import UnreachableError, UserError
from handeye.sims.panda import panda_spec
from handeye.sims.simulation import Simulation
from handeye.skills.grasping import downward, plan_grasps
from handeye.skills.kinematics import Kinematics
from handeye.skills.motion import joint_path
from handeye.skills.trajectory import parametrize

SPEC = panda_spec()


@pytest.fixture(scope="module")
def arm() -> Kinematics:
    made = Kinematics.of(SPEC)
    assert made is not None
    return made


def test_forward_kinematics_agree_with_the_simulator(grab: Simulation, arm: Kinematics) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        q = rng.uniform(SPEC.q_min, SPEC.q_max)
        grab.robot.teleport(q, 0.04)
        assert np.allclose(arm.fk(q), grab.robot.read().T_base_tcp, atol=1e-5)


def test_the_jacobian_is_the_derivative_of_the_pose(arm: Kinematics) -> None:
    q, step = SPEC.q_home, 1e-6
    J = arm.jacobian(q)
    for j in range(7):
        moved = q.copy()
        moved[j] += step
        slope = (arm.fk(moved)[:3, 3] - arm.fk(q)[:3, 3]) / step
        assert np.allclose(J[:3, j], slope, atol=1e-4)


def test_inverse_kinematics_invert(arm: Kinematics) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        x, y, z = rng.uniform((0.35, -0.3, 0.02), (0.62, 0.3, 0.3))
        goal = downward(x, y, z, rng.uniform(-1.2, 1.2))
        q = arm.ik(goal, SPEC.q_home)
        assert np.allclose(arm.fk(q)[:3, 3], goal[:3, 3], atol=6e-4)
        assert np.all(q >= SPEC.q_min)
        assert np.all(q <= SPEC.q_max)


def test_what_is_out_of_reach_says_how_far(arm: Kinematics) -> None:
    with pytest.raises(UnreachableError, match=r"\(1.500, 0.000, 0.100\) m; the nearest is"):
        arm.ik(downward(1.5, 0.0, 0.1, 0.0), SPEC.q_home)


def test_a_missing_link_is_named() -> None:
    with pytest.raises(UserError, match="no link 'claw'"):
        Kinematics(str(SPEC.urdf), "claw", SPEC.joint_names)


GANTRY = """<robot name="gantry">
<link name="base"/><link name="rail"/><link name="arm"/><link name="tool"/><link name="tcp"/>
<joint name="lift" type="prismatic"><parent link="base"/><child link="rail"/>
<origin xyz="0 0 0.1" rpy="0 0.3 0"/><axis xyz="0 0 2"/>
<limit lower="0" upper="0.6" effort="1" velocity="1"/></joint>
<joint name="turn" type="revolute"><parent link="rail"/><child link="arm"/>
<origin xyz="0.1 0 0"/><axis xyz="0 0 5"/>
<limit lower="-3" upper="3" effort="1" velocity="1"/></joint>
<joint name="reach" type="prismatic"><parent link="arm"/><child link="tool"/>
<axis xyz="0.6 0.8 0"/><limit lower="0" upper="0.5" effort="1" velocity="1"/></joint>
<joint name="end" type="fixed"><parent link="tool"/><child link="tcp"/>
<origin xyz="0.2 0 0"/><axis xyz="0 0 0"/></joint></robot>"""
SLIDING = ("reach", "lift", "turn")


def gantry(tmp_path: Path, urdf: str = GANTRY) -> str:
    file = tmp_path / "gantry.urdf"
    file.write_text(urdf)
    return str(file)


def test_joints_that_slide_agree_with_the_simulator(tmp_path: Path) -> None:
    # It takes an axis that is no unit vector for a longer way, against the URDF's definition.
    file = gantry(tmp_path, GANTRY.replace("0 0 5", "0 0 1").replace("0 0 2", "0 0 1"))
    made = Kinematics(file, "tcp", SLIDING)
    assert made.units == ("m", "m", "rad")
    client = p.connect(p.DIRECT)
    try:
        uid = p.loadURDF(file, useFixedBase=True, physicsClientId=client)
        rng = np.random.default_rng(0)
        for _ in range(5):
            q = rng.uniform(made.q_min, made.q_max)
            for joint, value in zip((2, 0, 1), q, strict=True):
                p.resetJointState(uid, joint, value, physicsClientId=client)
            place, turn = p.getLinkState(
                uid, 3, computeForwardKinematics=1, physicsClientId=client
            )[4:6]
            T = made.fk(q)
            assert np.allclose(T[:3, 3], place, atol=1e-5)
            R = np.reshape(p.getMatrixFromQuaternion(turn), (3, 3))
            assert np.allclose(T[:3, :3], R, atol=1e-5)
    finally:
        p.disconnect(physicsClientId=client)


def test_joints_that_slide_are_in_the_jacobian_and_are_inverted(tmp_path: Path) -> None:
    made = Kinematics(gantry(tmp_path), "tcp", SLIDING)
    q, step = np.array([0.2, 0.3, 0.7]), 1e-6
    J = made.jacobian(q)
    for j in range(3):
        moved = q + step * np.eye(3)[j]
        slope = (made.fk(moved)[:3, 3] - made.fk(q)[:3, 3]) / step
        assert np.allclose(J[:3, j], slope, atol=1e-6)
    assert np.array_equal(J[3:, :2], np.zeros((3, 2)))
    assert np.linalg.norm(J[3:, 2]) == pytest.approx(1.0)
    assert np.allclose(made.ik(made.fk(q), np.array([0.1, 0.1, 0.0])), q, atol=1e-3)


def test_an_axis_that_is_no_unit_vector_still_only_turns(tmp_path: Path) -> None:
    made = Kinematics(gantry(tmp_path), "tcp", SLIDING)
    R = made.fk(np.array([0.0, 0.0, 0.5]))[:3, :3]
    assert np.allclose(R @ R.T, np.eye(3))


@pytest.mark.parametrize(
    ("urdf", "names", "wrong"),
    [
        ("<robot><link", SLIDING, "no URDF that can be read: ParseError"),
        (GANTRY.replace('"0 0 2"', '"a b c"'), SLIDING, "no URDF that can be read: ValueError"),
        (GANTRY.replace('<child link="rail"/>', ""), SLIDING, "no URDF that can be read"),
        (GANTRY.replace('"revolute"', '"planar"'), SLIDING, "'turn' is planar; supported are"),
        (GANTRY.replace('"0 0 2"', '"0 0 0"'), SLIDING, "'lift' has no axis"),
        (GANTRY, (*SLIDING, "end"), "'end' of .* is fixed"),
    ],
)
def test_a_urdf_that_cannot_be_used_is_told_so(
    tmp_path: Path, urdf: str, names: tuple[str, ...], wrong: str
) -> None:
    with pytest.raises(UserError, match=wrong):
        Kinematics(gantry(tmp_path, urdf), "tcp", names)


@pytest.mark.parametrize("points", [2, 3, 8])
@pytest.mark.parametrize("speed", [1.0, 0.3])
def test_trajectories_keep_the_limits(points: int, speed: float) -> None:
    path = np.cumsum(np.random.default_rng(points).uniform(-0.3, 0.3, (points, 7)), axis=0)
    trajectory = parametrize(path, SPEC.dq_max, SPEC.ddq_max, speed)
    t = np.arange(0.0, trajectory.duration_s, 1e-3)
    q = np.array([trajectory.sample(float(s))[0] for s in t])
    velocity = np.diff(q, axis=0) / 1e-3
    acceleration = np.diff(velocity, axis=0) / 1e-3
    assert (np.abs(velocity) <= speed * SPEC.dq_max * 1.02).all()
    assert (np.abs(acceleration) <= speed * SPEC.ddq_max * 1.35).all()
    assert np.allclose(trajectory.sample(t)[0], q)
    assert np.allclose(trajectory.sample(0.0)[0], path[0])
    assert np.allclose(trajectory.sample(trajectory.duration_s)[0], path[-1], atol=1e-6)


def cylinder(radius: float, height: float, x: float = 0.5, y: float = 0.0) -> np.ndarray:
    angle, z = np.meshgrid(np.linspace(0, 2 * np.pi, 60), np.linspace(0, height, 30))
    side = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle), z], axis=-1)
    return side.reshape(-1, 3).astype(np.float32)


def test_a_can_is_grasped_across_its_middle() -> None:
    grasps = plan_grasps(cylinder(0.03, 0.1), np.zeros((0, 3), np.float32), 0.0, SPEC)
    assert grasps
    best = grasps[0]
    assert best.kind == "body"
    assert np.allclose(best.T_base_tcp[:2, 3], (0.5, 0.0), atol=0.006)
    assert best.width_m == pytest.approx(0.06, abs=0.008)


def test_what_is_wider_than_the_gripper_is_taken_by_the_rim() -> None:
    grasps = plan_grasps(cylinder(0.07, 0.06), np.zeros((0, 3), np.float32), 0.0, SPEC, "bowl")
    assert grasps
    assert {grasp.kind for grasp in grasps} == {"rim"}
    distance = np.hypot(*(grasps[0].T_base_tcp[:2, 3] - (0.5, 0.0)))
    assert distance == pytest.approx(0.067, abs=0.006)


def test_a_neighbour_rules_out_the_grasps_that_would_hit_it() -> None:
    can = cylinder(0.03, 0.1)
    wall = cylinder(0.02, 0.12, 0.5, 0.06)
    for grasp in plan_grasps(can, wall, 0.0, SPEC):
        opening = np.abs(grasp.T_base_tcp[1, 1])
        assert opening < 0.9, "the fingers would open into the neighbour"


def test_the_hand_does_not_sink_on_its_way_home_from_a_twisted_configuration(
    arm: Kinematics,
) -> None:
    # The elbow far out, as after a drawer was pulled open: through the joints alone the fingers
    # would sink by 8 cm on the way, on to the handle that they have just let go.
    twisted = np.array([1.1, 1.1, -1.59, -2.23, 1.18, 1.84, 2.9])
    start = arm.fk(twisted)[2, 3]
    straight = [twisted + (SPEC.q_home - twisted) * share for share in np.linspace(0, 1, 12)]
    assert min(arm.fk(q)[2, 3] for q in straight) < start - 0.07
    path = joint_path(arm, twisted, SPEC.q_home, 0.0)
    assert np.allclose(path[-1], SPEC.q_home)
    assert min(arm.fk(q)[2, 3] for q in path) > start - 0.03
