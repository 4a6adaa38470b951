"""Halting: runs that are left, cannot be stopped, or whose robot or camera breaks."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.agents.events import Event
from handeye.perception.deadlines import check, heeding
from handeye.perception.errors import CameraError, CancelledError, RobotError
from handeye.perception.frame import Camera, Frame
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Detection
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation


def agent_for(simulation: Simulation, **options: object) -> Agent:
    return Agent(simulation.robot, vlm=PerfectEyes(simulation.world), **options)


def raising(error: BaseException) -> Callable[..., object]:
    def call(*_: object, **__: object) -> object:
        raise error

    return call


def test_leaving_a_stream_halts_the_arm(grab: Simulation) -> None:
    events: list[Event] = []
    agent = agent_for(grab, on_event=events.append)
    for event in agent.stream("grab the red cup"):
        if event.kind == "acting":
            break
    state = grab.robot.read()
    assert state.stopped
    assert (events[-1].kind, events[-1].status) == ("ended", "stopped")
    assert grab.world.pose("red cup")[2, 3] < 0.1
    grab.robot.reset()
    assert agent.run("go home").status == "succeeded"


def test_ctrl_c_in_a_stream_halts_the_arm(grab: Simulation) -> None:
    stream = agent_for(grab).stream("grab the red cup")
    assert any(event.kind == "acting" for event in stream)
    with pytest.raises(KeyboardInterrupt):
        stream.throw(KeyboardInterrupt)
    assert grab.robot.read().stopped


def test_a_stream_that_is_heard_to_its_end_stops_nothing(grab: Simulation) -> None:
    for event in agent_for(grab).stream("go home"):
        if event.kind == "ended":
            break
    assert not grab.robot.read().stopped


def test_a_run_is_cancelled_even_where_the_robot_cannot_be_stopped(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grab.robot, "stop", raising(RobotError("no answer to stop")))
    agent, start, tried = agent_for(grab), grab.world.time_s, []

    def stop(world: object) -> None:
        if not tried and grab.world.time_s > start + 1:
            tried.append(grab.world.time_s)
            with pytest.raises(RobotError, match="no answer to stop"):
                agent.stop()

    grab.world.on_step.append(stop)
    result = agent.run("grab the red cup")
    assert result.status == "stopped"
    assert [step.code for step in result.skills] == ["cancelled"]
    assert grab.world.time_s < tried[0] + 0.5


def test_a_stop_that_fails_says_that_the_arm_may_still_move(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grab.robot, "stop", raising(OSError("no route")))
    with pytest.raises(RobotError, match="panda did not take the stop, and may still move: OSEr"):
        agent_for(grab).stop()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RobotError("connection lost"), "connection lost"),
        (
            ConnectionResetError("by peer"),
            "panda broke off a motion: ConnectionResetError: by peer; it was told to stop",
        ),
    ],
)
def test_a_robot_that_is_lost_in_a_motion_is_one_clear_failure(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    events: list[Event] = []
    agent, known = agent_for(grab, on_event=events.append), grab.robot.read().stamp_s

    def lost(*_: object, **__: object) -> None:
        monkeypatch.setattr(grab.robot, "read", raising(error))
        raise error

    monkeypatch.setattr(grab.robot, "move_joints", lost)
    result = agent.run("grab the red cup")
    assert (result.status, result.reason) == ("failed", reason)
    assert result.error == "RobotError"
    assert [step.code for step in result.skills] == ["fault"]
    assert events[-1].kind == "ended"
    assert events[-1].stamp_s >= known
    monkeypatch.undo()
    assert grab.robot.read().stopped == (not isinstance(error, RobotError))


def test_ctrl_c_halts_the_robot(grab: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = agent_for(grab)
    monkeypatch.setattr(grab.robot, "move_joints", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        agent.run("grab the red cup")
    assert grab.robot.read().stopped


def test_a_robot_that_is_lost_before_the_first_step_is_one_clear_failure(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = agent_for(grab)
    monkeypatch.setattr(grab.robot, "read", raising(OSError("the cable is out")))
    result = agent.run("grab the red cup")
    assert result.status == "failed"
    assert result.reason == "panda cannot be read: OSError: the cable is out"


def test_a_world_that_is_closed_is_one_clear_failure(grab: Simulation) -> None:
    agent = agent_for(grab)
    grab.close()
    result = agent.run("go home")
    assert result.status == "failed"
    assert result.reason == "the panda gives no reading: its world is closed"


class Spoiling:
    """A camera whose frames are spoilt on their way."""

    name = "overview"

    def __init__(self, camera: Camera, spoil: Callable[[Frame], Frame]) -> None:
        self.camera, self.spoil = camera, spoil

    def read(self, max_age_s: float = 1.0) -> Frame:
        return self.spoil(self.camera.read(max_age_s))

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (raising(OSError("usb gone")), 'camera "overview" failed: OSError: usb gone'),
        (
            lambda frame: replace(frame, depth=np.ones((10, 10), np.float32)),
            r'camera "overview" gives what is no frame: depth must be \(\d+, \d+\) like rgb, it is',
        ),
        (
            lambda frame: replace(frame, T_world_camera=np.full((4, 4), np.nan)),
            "T_world_camera must be rigid",
        ),
        (lambda frame: None, 'camera "overview" gives what is no frame'),
    ],
    ids=["raises", "depth of another size", "no pose", "nothing"],
)
def test_a_camera_that_breaks_is_one_clear_failure(
    grab: Simulation, spoil: Callable[[Frame], Frame], reason: str
) -> None:
    before = grab.robot.read().q
    grab.robot.add_camera(Spoiling(grab.robot.cameras["overview"], spoil))
    result = agent_for(grab).run("grab the red cup")
    assert result.status == "failed"
    assert re.search(reason, result.reason), result.reason
    assert result.error == "CameraError"
    assert np.array_equal(grab.robot.read().q, before)


def test_a_stop_ends_the_trying_of_a_camera_that_fails(grab: Simulation) -> None:
    reads: list[float] = []

    class Failing:
        name = "overview"

        def read(self, max_age_s: float = 1.0) -> Frame:
            reads.append(max_age_s)
            agent.stop()
            raise CameraError("no frame")

        def close(self) -> None:
            pass

    grab.robot.cameras["overview"] = Failing()
    agent = agent_for(grab)
    result = agent.run("grab the red cup")
    assert (result.status, result.skills) == ("stopped", ())
    assert len(reads) == 1


def test_a_stop_is_not_kept_waiting_by_a_model_that_thinks(grab: Simulation) -> None:
    released = threading.Event()

    class Slow(PerfectEyes):
        def parse(self, frame: Frame) -> list[Detection]:
            agent.stop()
            released.wait(60.0)
            return []

    eyes = Perception(parse_with=Slow(grab.world), deadline_s=60.0)
    agent = Agent(grab.robot, vlm=eyes)
    try:
        assert agent.run("grab the red cup").status == "stopped"
        assert not released.is_set()
    finally:
        released.set()


def test_who_waits_within_heeds_what_is_heeded_outside() -> None:
    stopped = raising(CancelledError("stopped"))
    with heeding(stopped), heeding(lambda: None), pytest.raises(CancelledError):
        check()
    check()
