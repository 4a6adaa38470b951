"""check_robot: what it finds in an arm that does not keep to the seam."""

from dataclasses import replace

import numpy as np
import pytest
from handeye.perception.errors import StoppedError, UserError
from handeye.sims.simulation import Simulation
from handeye.skills import Guarded, RobotState, check_robot


def test_the_panda_keeps_the_robot_contract(grab: Simulation) -> None:
    check_robot(grab.robot)


def test_a_robot_that_breaks_the_contract_is_told_how(grab: Simulation) -> None:
    class NeverStops(Guarded):
        def stop(self) -> None:
            pass

    with pytest.raises(UserError, match="latched"):
        check_robot(NeverStops(grab.robot))


@pytest.mark.parametrize(
    ("member", "spoilt", "told"),
    [
        ("connect", OSError("no route to host"), "connect raised OSError: no route to host"),
        ("read", None, "read: panda gives NoneType for its state"),
        ("move_to", None, "move_to: panda gives NoneType for its state"),
        ("move_to", RuntimeError("boom"), "move_to raised RuntimeError: boom"),
    ],
)
def test_what_breaks_in_a_robot_is_named(
    grab: Simulation, member: str, spoilt: Exception | None, told: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        if spoilt is not None:
            raise spoilt

    robot = Guarded(grab.robot)
    setattr(robot, member, broken)
    broken.__name__ = member
    with pytest.raises(UserError, match=told):
        check_robot(robot)


def test_joints_in_degrees_are_no_radians(
    grab: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = grab.robot.read
    monkeypatch.setattr(grab.robot, "read", lambda: replace(read(), q=np.degrees(read().q)))
    with pytest.raises(UserError, match="q must be within the position limits, in radians; it is"):
        check_robot(grab.robot)


class Bare(Guarded):
    """Whatever is asked of it reaches the robot behind it."""

    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        return self.unguarded.move_joints(path, **options)

    def set_gripper(self, width_m: float, **options: object) -> RobotState:
        return self.unguarded.set_gripper(width_m, **options)


def test_every_motion_must_refuse_while_stopped_or_cancelled(grab: Simulation) -> None:
    class Restless(Bare):
        def set_gripper(self, width_m: float, **options: object) -> RobotState:
            stopped = self.read().stopped
            self.reset()
            state = super().set_gripper(width_m, **options)
            if stopped:
                self.stop()
            return state

    class Deaf(Bare):
        def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
            return super().move_joints(path, **{**options, "cancel": None})

    class Mixed(Bare):
        def set_gripper(self, width_m: float, **options: object) -> RobotState:
            if options["cancel"] is not None:
                raise StoppedError("it is all the same to me")
            return super().set_gripper(width_m, **options)

    with pytest.raises(UserError, match=r"set_gripper must raise StoppedError while stop\(\) is"):
        check_robot(Restless(grab.robot))
    grab.robot.reset()
    with pytest.raises(UserError, match="move_joints must raise CancelledError with a token"):
        check_robot(Deaf(grab.robot))
    with pytest.raises(UserError, match=r"must raise CancelledError .*, not StoppedError: it is"):
        check_robot(Mixed(grab.robot))
