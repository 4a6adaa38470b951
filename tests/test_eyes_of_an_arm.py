"""Which cameras of an arm see the table: by name, by there being one, or as one says."""

import math

import pytest
from handeye.agents.agent import Agent
from handeye.agents.eyes import arm_view
from handeye.perception.errors import CameraError, StoppedError
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.sims.world import TIMESTEP_S
from handeye.skills import Home, Pick

import handeye


def called(simulation: Simulation, *names: str) -> None:
    """Give the arm its overview camera under other names, and no wrist camera."""
    overview = simulation.robot.cameras["overview"]
    simulation.robot._cameras = dict.fromkeys(names, overview)


def test_the_only_camera_that_stands_still_sees_the_table(grab: Simulation) -> None:
    called(grab, "d435_color", "board")
    eyes = PerfectEyes(grab.world)
    with handeye.connect(grab.robot, vlm=eyes) as session:
        assert session.do(Pick(target="the red cup")).ok
    assert Agent(grab.robot, vlm=eyes).observer.look().objects


def test_of_several_cameras_one_says_which(grab: Simulation) -> None:
    called(grab, "left", "right")
    eyes = PerfectEyes(grab.world)
    with (
        handeye.connect(grab.robot, vlm=eyes) as session,
        pytest.raises(CameraError, match=r'no camera "overview".* it has: left, right.*fixed='),
    ):
        session.do(Home())
    with handeye.connect(grab.robot, vlm=eyes, fixed=("right",)) as session:
        assert session.do(Home()).ok
        assert list(session.observer.frames) == ["right"]
        agent = Agent(session, vlm=PerfectEyes(grab.world))
        assert agent.observer.look().objects
        assert list(agent.observer.frames) == ["right"], "eyes of another model, the same cameras"


def test_an_arm_without_cameras_goes_home(grab: Simulation) -> None:
    called(grab)
    with handeye.connect(grab.robot) as session:
        assert session.do(Home()).ok


def test_the_eyes_know_for_how_long_the_arm_has_stood_still(grab: Simulation) -> None:
    with handeye.connect(grab.robot, vlm=PerfectEyes(grab.world)) as session:
        assert arm_view(session).still_s == math.inf
        session.set_gripper(0.05)
        assert arm_view(session).still_s == 0.0
        grab.world.step(24)
        assert arm_view(session).still_s == pytest.approx(24 * TIMESTEP_S)
        session.stop()
        with pytest.raises(StoppedError):
            session.set_gripper(0.02)
        assert arm_view(session).still_s == 0.0
