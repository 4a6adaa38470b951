"""The guard: what it refuses before a driver sees it, and what it lets through."""

from dataclasses import replace

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.perception.errors import DeadlineError, LimitError, RobotError, UserError
from handeye.sims.simulation import Simulation
from handeye.skills import Box, Guarded, Limits
from handeye.skills.kinematics import Kinematics
from pydantic import ValidationError

from handeye.connecting import connect

ROOM = Box(low=(-0.9, -0.9, -0.05), high=(0.9, 0.9, 1.3))


def beside(T: np.ndarray, y_m: float = 0.3) -> np.ndarray:
    """A pose so far to the left of another."""
    moved = T.copy()
    moved[1, 3] += y_m
    return moved


def wall(T: np.ndarray, y_m: float = 0.15, half_m: float = 0.04) -> Box:
    """A wall across the way to the left, thinner than the way is long."""
    middle, half = beside(T, y_m)[:3, 3], np.array([0.3, half_m, 0.3])
    return Box(low=tuple(middle - half), high=tuple(middle + half))


def rotated(T: np.ndarray, R: np.ndarray) -> np.ndarray:
    changed = T.copy()
    changed[:3, :3] = R
    return changed


def test_nonsense_never_reaches_the_driver(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []
    robot = Guarded(grab.robot)
    state = robot.read()
    for name in ("move_to", "move_joints", "set_gripper"):
        monkeypatch.setattr(
            grab.robot, name, lambda *_, name=name, **__: reached.append(name) or state
        )
    T, q = state.T_base_tcp, state.q
    skewed = T.copy()
    skewed[3] = 5.0
    nan, inf = float("nan"), float("inf")
    for speed in (nan, inf, -1, 0, "fast", None):
        with pytest.raises(LimitError, match=r"a speed of .* it must be a share .* \(0, 1\]"):
            robot.move_to(T, speed=speed)
        with pytest.raises(LimitError, match="a speed of"):
            robot.move_joints([q], speed=speed)
    for force in (nan, inf, -20, "much"):
        with pytest.raises(LimitError, match=r"a grip of .* must be in 0\.\.60 N"):
            robot.set_gripper(0.0, force_n=force)
    for width in (nan, -1, 1, None):
        with pytest.raises(LimitError, match=r"a gripper opening of .* 0\.\.0\.080 m"):
            robot.set_gripper(width)
    for left in (nan, inf, "soon"):
        with pytest.raises(LimitError, match=r"a deadline of .* must be seconds from now"):
            robot.move_to(T, deadline_s=left)
    with pytest.raises(DeadlineError, match="it is over, nothing moved"):
        robot.set_gripper(0.0, deadline_s=0.0)
    for pose, wrong in (
        (rotated(T, 7 * T[:3, :3]), "no rotation .* their lengths are 7, 7, 7"),
        (rotated(T, np.zeros((3, 3))), "no rotation .* their lengths are 0, 0, 0"),
        (rotated(T, T[:3, :3] @ np.diag([1, 1, -1])), "is mirrored"),
        (skewed, "must have 0 0 0 1 as its last row"),
        (T[:3], r"must be \[4, 4\] numbers; it is \[3, 4\]"),
        (T[:3, 3], r"must be \[4, 4\] numbers; it is \[3\]"),
        ([[1, 0], [0]], r"must be \[4, 4\] numbers, not list"),
        (None, r"must be \[4, 4\] numbers"),
        (np.full((4, 4), nan), "values that are not numbers"),
    ):
        with pytest.raises(LimitError, match=f"the pose .*{wrong}"):
            robot.move_to(pose)
    for path in (np.zeros((0, 7)), q, np.zeros((2, 6)), np.full((1, 7), nan), "home"):
        with pytest.raises(LimitError, match="joint path"):
            robot.move_joints(path)
    assert not reached
    robot.move_to(T.tolist())
    assert reached == ["move_to"]


def test_no_motion_goes_through_a_keep_out_volume(grab: Simulation) -> None:
    before = grab.robot.read()
    goal = beside(before.T_base_tcp)
    q_goal = grab.robot.kinematics.ik(goal, before.q)
    robot = Guarded(grab.robot, Limits(workspace=ROOM, keep_out=(wall(before.T_base_tcp),)))
    with pytest.raises(LimitError, match="leads through the keep-out volume"):
        robot.move_to(goal)
    for path in ([q_goal], [before.q, q_goal], [q_goal, before.q]):
        with pytest.raises(LimitError, match="leads through the keep-out volume"):
            robot.move_joints(path)
    with pytest.raises(LimitError, match="is in the keep-out volume"):
        robot.move_to(beside(before.T_base_tcp, 0.15))
    after = robot.read()
    assert np.array_equal(after.q, before.q)
    assert after.stamp_s == before.stamp_s
    reached = robot.move_to(beside(before.T_base_tcp, 0.08))
    assert reached.T_base_tcp[1, 3] == pytest.approx(before.T_base_tcp[1, 3] + 0.08, abs=0.005)


def test_a_joint_path_stays_in_the_workspace_between_its_points(grab: Simulation) -> None:
    left, right = grab.robot.spec.q_home.copy(), grab.robot.spec.q_home.copy()
    left[0], right[0] = 1.2, -1.2
    grab.robot.teleport(right, 0.08)
    T_left, T_home = (grab.robot.kinematics.fk(q) for q in (left, grab.robot.spec.q_home))
    # Both ends are behind this line, the arc between them is not.
    front = (float(T_left[0, 3]) + float(T_home[0, 3])) / 2
    robot = Guarded(grab.robot, Limits(workspace=Box(low=ROOM.low, high=(front, 0.9, 1.3))))
    with pytest.raises(LimitError, match="outside of the workspace"):
        robot.move_joints([left])
    assert np.allclose(robot.read().q, right, atol=1e-6)


def test_an_arm_in_a_keep_out_volume_may_leave_it_but_not_come_in_again(grab: Simulation) -> None:
    T = grab.robot.read().T_base_tcp
    around = wall(T, y_m=0.0)
    robot = Guarded(grab.robot, Limits(workspace=ROOM, keep_out=(around, wall(T, y_m=0.4))))
    with pytest.raises(LimitError, match="is in the keep-out volume"):
        robot.move_to(beside(T, 0.02))
    with pytest.raises(LimitError, match="leads through"):
        robot.move_to(beside(T, 0.5))
    reached = robot.move_to(beside(T, 0.1))
    assert not around.contains(reached.T_base_tcp[:3, 3])
    with pytest.raises(LimitError, match="is in the keep-out volume"):
        robot.move_to(T)


def test_an_arm_outside_of_the_workspace_may_come_back(grab: Simulation) -> None:
    T = grab.robot.read().T_base_tcp
    low = (-0.9, float(T[1, 3]) + 0.05, -0.05)
    robot = Guarded(grab.robot, Limits(workspace=Box(low=low, high=(0.9, 0.9, 1.3))))
    kinematics = Kinematics.of(robot.spec)
    assert kinematics is not None
    farther = kinematics.ik(beside(T, -0.1), robot.read().q)
    back = kinematics.ik(beside(T, 0.1), robot.read().q)
    with pytest.raises(LimitError, match="outside of the workspace"):
        robot.move_joints([farther, back])
    assert robot.move_joints([back]).T_base_tcp[1, 3] > low[1]


def test_a_box_the_wrong_way_round_keeps_nothing_out_and_is_refused() -> None:
    with pytest.raises(ValidationError, match="low must be below high"):
        Box(low=(0.0, 0.0, 1.0), high=(1.0, 1.0, 0.0))
    with pytest.raises(ValidationError, match="low must be below high"):
        Box(low=(0.0, 0.0, float("nan")), high=(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (None, "gives NoneType for its state, no RobotState"),
        ({"q": np.zeros(5)}, r"whose q is ndarray \[5\], not \[7\] numbers"),
        ({"q": [0.0] * 7}, r"whose q is list \[7\], not \[7\] numbers"),
        ({"dq": np.full(7, np.nan)}, "whose dq is not finite"),
        ({"T_base_tcp": np.eye(3)}, r"whose T_base_tcp is ndarray \[3, 3\], not \[4, 4\] numbers"),
        ({"gripper_width_m": float("nan")}, "whose gripper_width_m is not finite: nan"),
        ({"stamp_s": float("nan")}, "whose stamp_s is not finite: nan"),
    ],
)
def test_a_reading_that_cannot_be_is_a_fault_and_nothing_moves(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, spoilt: dict[str, object] | None, told: str
) -> None:
    robot, state = Guarded(grab.robot), grab.robot.read()
    read = grab.robot.read
    monkeypatch.setattr(
        grab.robot, "read", lambda: None if spoilt is None else replace(read(), **spoilt)
    )
    with pytest.raises(RobotError, match=told):
        robot.read()
    with pytest.raises(RobotError, match=told):
        robot.move_joints(state.q[None] + 0.1)
    monkeypatch.undo()
    assert np.array_equal(grab.robot.read().q, state.q)


@pytest.mark.parametrize("error", [TimeoutError("no reply"), SystemExit(3)])
def test_a_driver_that_breaks_off_a_motion_is_told_to_stop(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise error

    robot = Guarded(grab.robot)
    monkeypatch.setattr(grab.robot, "set_gripper", lost)
    with pytest.raises(RobotError if isinstance(error, Exception) else type(error)):
        robot.set_gripper(0.02)
    assert grab.robot.read().stopped


def test_an_arm_that_tells_a_fault_holds_still_and_may_go_on(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulted(*_: object, **__: object) -> None:
        raise RobotError("the arm faulted")

    monkeypatch.setattr(grab.robot, "set_gripper", faulted)
    with pytest.raises(RobotError, match="the arm faulted"):
        Guarded(grab.robot).set_gripper(0.02)
    assert not grab.robot.read().stopped


def test_a_guard_around_a_guard_holds_to_both_limits(grab: Simulation) -> None:
    inner = Guarded(grab.robot, Limits(workspace=ROOM, max_step_m=0.1))
    outer = Guarded(inner, Limits(workspace=ROOM, max_force_n=5.0))
    assert outer.unguarded is grab.robot
    with pytest.raises(LimitError, match=r"over the limit of 0\.10 m"):
        outer.move_to(beside(grab.robot.read().T_base_tcp))
    with pytest.raises(LimitError, match="over the limit of 5 N"):
        outer.set_gripper(0.0, force_n=20.0)
    with pytest.raises(UserError, match="limits must be Limits, not int"):
        Guarded(grab.robot, 5)


def test_an_agent_holds_a_session_to_its_limits_too() -> None:
    with connect("sim", seed=1, instruction="a red cup") as robot:
        space = robot.limits.model_copy(
            update={"keep_out": (Box(low=(-1, -1, -1), high=(1, 1, 2)),)}
        )
        result = Agent(robot, limits=space).run("grab the red cup")
        assert result.status == "failed"
        assert "keep-out" in result.reason
