"""An arm whose driver takes poses, and no joint paths, is led along straight ways."""

from collections.abc import Mapping

import numpy as np
from handeye.agents.eyes import make_observer
from handeye.perception.frame import Camera
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import Guarded, SkillContext, check_robot
from handeye.skills.motion import Mover
from handeye.skills.robot import Robot, RobotSpec


class PosesOnly:
    """The simulated arm as one whose driver takes poses, and no joint paths."""

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        for name in ("connect", "close", "read", "move_to", "set_gripper", "stop", "reset"):
            setattr(self, name, getattr(robot, name))

    @property
    def spec(self) -> RobotSpec:
        return self._robot.spec

    @property
    def cameras(self) -> Mapping[str, Camera]:
        return self._robot.cameras


def test_an_arm_that_takes_poses_alone_is_led_over_things_and_home(grab: Simulation) -> None:
    robot = Guarded(PosesOnly(grab.robot))
    observer = make_observer(robot, PerfectEyes(grab.world))
    observer.look()
    mover = Mover(SkillContext(robot, observer))
    goal = robot.read().T_base_tcp.copy()
    goal[:2, 3] += (0.05, 0.1)
    reached = mover.over(goal)
    assert np.allclose(reached.T_base_tcp[:3, 3], goal[:3, 3], atol=0.01)
    assert mover.home().T_base_tcp[2, 3] >= goal[2, 3] - 0.01


def test_an_arm_that_takes_poses_alone_keeps_the_contract(grab: Simulation) -> None:
    check_robot(PosesOnly(grab.robot))
    check_robot(Guarded(PosesOnly(grab.robot)))
