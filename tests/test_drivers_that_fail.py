"""Drivers that do not do what they were told, and say so or not: nothing is done on their word."""

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.perception.errors import LimitError, RobotError, StoppedError, UserError
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import Box, Code, Guarded, Home, Limits, Pick, Place, RobotState

from handeye.connecting import Session

Motion = Callable[..., RobotState]


def session_of(simulation: Simulation) -> Session:
    return Session(simulation.robot, vlm=PerfectEyes(simulation.world))


def ends_half_way(robot: object, **claims: object) -> Motion:
    """A motion through joints that ends half-way, and says of itself what is claimed."""
    whole = robot.move_joints

    def move(path: np.ndarray, **options: object) -> RobotState:
        path = np.vstack([robot.read().q, path])
        return replace(whole(path[1 : 1 + len(path) // 2], **options), **claims)

    return move


def test_what_ends_short_of_a_place_is_not_let_go(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(grab)
    assert session.do(Pick(target="cup_1")).ok
    held_m = grab.robot.read().gripper_width_m
    for claims in ({}, {"fault": "PROTECTIVE_STOP"}, {"stopped": True}):
        with monkeypatch.context() as patch:
            patch.setattr(grab.robot, "move_joints", ends_half_way(grab.robot, **claims))
            placed = session.do(Place(relation="at", point=(0.5, -0.2)))
            home = session.do(Home())
        assert not placed.ok
        assert not home.ok
        wanted = claims.get("fault", "was stopped" if claims else "short")
        assert wanted in placed.message
        assert wanted in home.message
    assert grab.robot.read().gripper_width_m == pytest.approx(held_m, abs=0.002)


def test_an_arm_in_fault_is_not_moved(grab: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    state, moved = grab.robot.read(), list[str]()
    monkeypatch.setattr(grab.robot, "read", lambda: replace(state, fault="E-STOP pressed"))
    monkeypatch.setattr(grab.robot, "move_joints", lambda *_, **__: moved.append("joints"))
    result = Agent(grab.robot, vlm=PerfectEyes(grab.world)).run("go home")
    assert result.status == "failed"
    assert "is in fault: E-STOP pressed" in result.reason
    assert moved == []


@pytest.mark.parametrize(("width_m", "shut_m"), [(0.08, 0.0), (0.003, 0.003)])
def test_fingers_that_did_not_close_on_a_thing_hold_nothing(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, width_m: float, shut_m: float
) -> None:
    """Whether the gripper is dead, or reads 3 mm when it is shut on nothing."""
    spec, read = replace(grab.robot.spec, gripper_shut_m=shut_m), grab.robot.read
    opening = [0.08]

    def shows(state: RobotState) -> RobotState:
        return replace(state, gripper_width_m=max(opening[0], width_m))

    def grip(width: float, **_: object) -> RobotState:
        opening[0] = width
        return shows(read())

    monkeypatch.setattr(type(grab.robot), "spec", property(lambda _: spec))
    monkeypatch.setattr(grab.robot, "read", lambda: shows(read()))
    monkeypatch.setattr(grab.robot, "set_gripper", grip)
    monkeypatch.setattr(
        grab.robot, "move_joints", lambda *a, real=grab.robot.move_joints, **k: shows(real(*a, **k))
    )
    monkeypatch.setattr(
        grab.robot, "move_to", lambda *a, real=grab.robot.move_to, **k: shows(real(*a, **k))
    )
    picked = session_of(grab).do(Pick(target="cup_1"))
    assert picked.code is Code.NO_GRASP
    assert ("did not close" if shut_m == 0.0 else "closed on nothing") in picked.message


def test_a_speed_is_a_share_and_no_percentage(grab: Simulation) -> None:
    robot = Guarded(grab.robot)
    for speed in (30, 1.5, True):
        with pytest.raises(LimitError, match=r"must be a share .*: 0\.3, not 30"):
            robot.move_to(robot.read().T_base_tcp, speed=speed)


def test_readings_that_go_back_in_time_are_no_readings(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Guarded(grab.robot)
    state = robot.read()
    monkeypatch.setattr(grab.robot, "read", lambda: replace(state, stamp_s=state.stamp_s - 3600))
    with pytest.raises(RobotError, match=r"a reading .* s older than its last"):
        robot.move_to(state.T_base_tcp)


def test_a_reading_is_not_written_over_by_the_next(grab: Simulation) -> None:
    robot = Guarded(grab.robot)
    live = grab.robot.read()
    grab.robot.read = lambda: live  # type: ignore[method-assign]
    before = robot.read()
    live.q[:] += 0.3
    assert np.abs(robot.read().q - before.q).min() == pytest.approx(0.3)


def test_two_threads_do_not_move_one_arm(grab: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    robot, state = Guarded(grab.robot), grab.robot.read()
    moves, go_on = threading.Event(), threading.Event()

    def move(*_: object, **__: object) -> RobotState:
        moves.set()
        assert go_on.wait(30)
        return state

    monkeypatch.setattr(grab.robot, "move_joints", move)
    worker = threading.Thread(target=robot.move_joints, args=([state.q],))
    worker.start()
    assert moves.wait(30)
    with pytest.raises(RobotError, match="moving already, for another thread"):
        robot.set_gripper(0.04)
    robot.stop()
    go_on.set()
    worker.join()


def test_nothing_moves_once_it_is_closed(grab: Simulation) -> None:
    session = session_of(grab)
    session.close()
    with pytest.raises(RobotError, match="is closed; connect"):
        session.set_gripper(0.04)
    session.connect()
    assert session.set_gripper(0.04).gripper_width_m == pytest.approx(0.04, abs=0.005)


def test_a_driver_that_cannot_reset_says_so(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(grab.robot, "reset", refuse)
    with pytest.raises(RobotError, match="cannot be cleared: OSError: connection refused"):
        Guarded(grab.robot).reset()


def test_volumes_alone_are_limits(grab: Simulation) -> None:
    T = grab.robot.read().T_base_tcp
    box = Box(low=tuple(T[:3, 3] + (0.1, -0.1, -0.1)), high=tuple(T[:3, 3] + (0.2, 0.1, 0.1)))
    robot, there = Guarded(grab.robot, Limits(keep_out=(box,))), T.copy()
    there[0, 3] += 0.15
    with pytest.raises(LimitError, match="keep-out"):
        robot.move_to(there)


def test_what_is_no_skill_is_not_done(grab: Simulation) -> None:
    with pytest.raises(UserError, match="do takes a skill, such as"):
        session_of(grab).do(Home)


def test_a_stop_counts_from_the_first_event_on(grab: Simulation) -> None:
    def stop(event: object) -> None:
        if type(event).__name__ == "Started":
            agent.stop()
            agent.robot.reset()

    agent = Agent(grab.robot, vlm=PerfectEyes(grab.world), on_event=stop)
    result = agent.run("grab the red cup")
    assert (result.status, result.skills) == ("stopped", ())


def test_a_run_that_was_stopped_goes_on_once_it_is_told_to(grab: Simulation) -> None:
    def stop(event: object) -> None:
        if type(event).__name__ == "Progressed" and not stopped:
            stopped.append(True)
            agent.stop()

    stopped: list[bool] = []
    agent = Agent(grab.robot, vlm=PerfectEyes(grab.world), on_event=stop)
    result = agent.run("grab the red cup")
    assert result.status == "stopped"
    with pytest.raises(StoppedError):
        agent.robot.set_gripper(0.05)
    agent.robot.reset()
    assert agent.resume(result.thread).status == "succeeded"
    assert grab.judged() is True


def test_what_was_moved_while_people_decided_is_asked_about_anew(grab: Simulation) -> None:
    agent = Agent(grab.robot, vlm=PerfectEyes(grab.world), approve="interrupt")
    asked = agent.run("grab the red cup")
    x, y, z = grab.world.pose("red cup")[:3, 3]
    grab.world.place("red cup", (x, y - 0.1 if y > 0 else y + 0.1, z))
    grab.world.step(24)
    again = agent.resume(asked.thread, "yes")
    assert again.status == "needs_input", "the yes was for where it stood before"
    assert again.skills == ()
    assert agent.resume(asked.thread, "yes").status == "succeeded"
    assert grab.judged() is True
