"""check_robot and check_skill: what they find in an arm or a skill that breaks its contract."""

import math
import threading
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from handeye.agents.eyes import make_observer
from handeye.perception.errors import CancelledError, DeadlineError, StoppedError, UserError
from handeye.perception.scene import Scene
from handeye.sims.panda import panda_spec
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation
from handeye.skills import (
    CancelToken,
    Code,
    Guarded,
    Outcome,
    RobotSpec,
    RobotState,
    Skill,
    SkillContext,
    check_robot,
    check_skill,
)
from handeye.skills.cartesian import CartesianArm, straight_line


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
            if options.get("cancel") is not None:
                raise StoppedError("it is all the same to me")
            return super().set_gripper(width_m, **options)

    with pytest.raises(UserError, match=r"set_gripper must raise StoppedError while stop\(\) is"):
        check_robot(Restless(grab.robot))
    grab.robot.reset()
    with pytest.raises(UserError, match="move_joints must raise CancelledError with a token"):
        check_robot(Deaf(grab.robot))
    with pytest.raises(UserError, match=r"must raise CancelledError .*, not StoppedError: it is"):
        check_robot(Mixed(grab.robot))


class Arm(CartesianArm):
    """An arm in memory, which moves by steps of 20 ms on a clock of its own."""

    def __init__(self, spec: RobotSpec | None = None) -> None:
        self.spec = spec or panda_spec()
        self.cameras: dict[str, object] = {}
        self.q, self.width, self.clock = self.spec.q_home.copy(), 0.08, 0.0
        self.connected = self.halted = False

    def connect(self) -> None:
        self.connected = True

    def close(self) -> None:
        self.connected = False

    def read(self) -> RobotState:
        still, T = np.zeros(7), self.kinematics.fk(self.q)
        return RobotState(self.q.copy(), still, T, self.width, self.clock, stopped=self.halted)

    def move_joints(
        self,
        path: np.ndarray,
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        until = math.inf if deadline_s is None else self.clock + deadline_s
        for goal in path:
            took_s = np.abs(goal - self.q).max() / self.spec.dq_max.min() / speed
            for q in np.linspace(self.q, goal, math.ceil(took_s / 0.02) + 1)[1:]:
                self.may_move(cancel)
                if self.clock >= until:
                    raise DeadlineError(f"not there after {deadline_s} s")
                self.q, self.clock = q, self.clock + 0.02
        return self.read()

    def set_gripper(
        self,
        width_m: float,
        *,
        force_n: float = 20.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        self.may_move(cancel)
        self.width = width_m
        return self.read()

    def stop(self) -> None:
        self.halted = True

    def reset(self) -> None:
        self.halted = False

    def may_move(self, cancel: CancelToken | None) -> None:
        if self.halted:
            raise StoppedError("reset() lets it move again")
        if cancel is not None:
            cancel.check()


class OwnPoses(Arm):
    """One whose motions to a pose are made apart from those along a joint path."""

    def move_to(self, T_base_tcp: np.ndarray, **options: object) -> RobotState:
        path = straight_line(self.kinematics, self.read().q, T_base_tcp)
        return Arm.move_joints(self, path, **options)


class WaitsForItsLock(Arm):
    """stop() comes only once the motion that it should end has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        with self.lock:
            return super().move_joints(path, **options)

    def stop(self) -> None:
        with self.lock:
            super().stop()


class WaitsAlongPaths(OwnPoses, WaitsForItsLock):
    """The same, of joint paths alone."""


class LooksOnce(Arm):
    """The token is looked at before a motion only."""

    def move_joints(
        self, path: np.ndarray, *, cancel: CancelToken | None = None, **options: object
    ) -> RobotState:
        self.may_move(cancel)
        return super().move_joints(path, **options)


class LooksTwice(LooksOnce):
    """The same, asked twice."""

    def move_joints(
        self, path: np.ndarray, *, cancel: CancelToken | None = None, **options: object
    ) -> RobotState:
        self.may_move(cancel)
        return super().move_joints(path, cancel=cancel, **options)


class EndsFirst(Arm):
    """What is cancelled under way is said once the motion is at its end."""

    def move_joints(
        self, path: np.ndarray, *, cancel: CancelToken | None = None, **options: object
    ) -> RobotState:
        before = self.q
        try:
            return super().move_joints(path, cancel=cancel, **options)
        except CancelledError:
            if self.q is not before:
                super().move_joints(path, **options)
            raise


class RollsOn(Arm):
    """stop() is believed, but the controller is not told: it goes on, as the next reading shows."""

    def __init__(self) -> None:
        super().__init__()
        self.goal: np.ndarray | None = None

    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        before = self.q
        try:
            return super().move_joints(path, **options)
        except StoppedError:
            self.goal = path[-1] if self.q is not before else None
            raise

    def read(self) -> RobotState:
        if self.goal is not None:
            self.q, self.goal = self.goal, None
        return super().read()


class StopFails(Arm):
    """stop() loses its connection while the arm moves."""

    def stop(self) -> None:
        super().stop()
        if self.q is not self.at_rest:
            raise OSError("broken pipe")

    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        try:
            return super().move_joints(path, **options)
        finally:
            self.at_rest = self.q


class NoDeadline(Arm):
    def move_joints(
        self, path: np.ndarray, *, deadline_s: float | None = None, **options: object
    ) -> RobotState:
        return super().move_joints(path, **options)


class BaseTurned(Arm):
    """The controller's poses are in a frame that is turned against the URDF's root, as UR's are."""

    turn = np.diag([-1.0, -1.0, 1.0, 1.0])

    def read(self) -> RobotState:
        state = super().read()
        return replace(state, T_base_tcp=self.turn @ state.T_base_tcp)

    def move_to(self, T_base_tcp: np.ndarray, **options: object) -> RobotState:
        return super().move_to(self.turn @ T_base_tcp, **options)


class OtherOrder(OwnPoses):
    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        return super().move_joints(path[:, [2, 1, 0, 3, 4, 5, 6]], **options)


class Degrees(OwnPoses):
    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        return super().move_joints(np.radians(path), **options)


class StuckFingers(Arm):
    def set_gripper(
        self, width_m: float, *, cancel: CancelToken | None = None, **options: object
    ) -> RobotState:
        return super().set_gripper(self.width, cancel=cancel)


class Percent(Arm):
    def set_gripper(
        self, width_m: float, *, cancel: CancelToken | None = None, **options: object
    ) -> RobotState:
        return super().set_gripper(width_m / 100, cancel=cancel)


class FrozenClock(Arm):
    def read(self) -> RobotState:
        return replace(super().read(), stamp_s=7.0)


class OneBuffer(Arm):
    """Every reading is in the same array, and joint paths are followed although it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = self.q.copy()

    def read(self) -> RobotState:
        self.buffer[:] = self.q
        return replace(super().read(), q=self.buffer)

    def move_joints(self, path: np.ndarray, **options: object) -> RobotState:
        with suppress(StoppedError):
            return super().move_joints(path, **options)
        self.q = path[-1]
        self.read()
        raise StoppedError("it moved before it said so")


def test_an_arm_in_memory_keeps_the_contract_and_is_left_as_it_was() -> None:
    arm = Arm()
    check_robot(arm)
    assert np.allclose(arm.q, arm.spec.q_home, atol=1e-3)
    assert (arm.width, arm.halted, arm.connected) == (0.08, False, False)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (WaitsForItsLock, r"move_to must raise StoppedError when stop\(\) is called in its middle"),
        (
            WaitsAlongPaths,
            r"move_joints must raise StoppedError when stop\(\) is called in its mid",
        ),
        (LooksOnce, "move_to must look at its cancel token all along its way"),
        (LooksTwice, "move_to must look at its cancel token all along its way"),
        (EndsFirst, "move_to must hold still soon after it is cancelled .*; it went on for 100%"),
        (RollsOn, r"move_to must hold still soon after stop\(\) is called .* went on for 100%"),
        (StopFails, r"stop\(\) raised OSError during a motion: broken pipe"),
        (NoDeadline, "move_to must raise DeadlineError when its deadline passes"),
        (
            BaseTurned,
            "T_base_tcp is 5.* cm and 3.14 rad off the pose of panda_grasptarget in .* at q",
        ),
        (
            OtherOrder,
            "with panda_joint1 to be moved, panda_joint1 is at 0.000 and not 0.030 rad, "
            "panda_joint3 is at 0.030 and not 0.000 rad",
        ),
        (Degrees, "move_joints must lead each joint to its own value, .* in radians"),
        (StuckFingers, "asked for 0.0400 m, from 0.0800 m, it has led to 0.0800 m"),
        (Percent, "asked for 0.0400 m, from 0.0800 m, it has led to 0.0004 m"),
        (FrozenClock, "stamp_s must go on during move_to; it was 7.0 s before it and 7.0 s after"),
        (OneBuffer, r"move_to moved the arm by 0.11 rad while stop\(\) is latched"),
    ],
)
def test_what_an_arm_does_wrong_is_found_and_it_is_let_go_of(kind: type[Arm], told: str) -> None:
    arm = kind()
    with pytest.raises(UserError, match=told):
        check_robot(arm)
    assert not arm.halted
    assert not arm.connected


def test_a_member_that_breaks_when_it_is_asked_for_is_told_of() -> None:
    class Unplugged(Arm):
        @property
        def cameras(self) -> dict[str, object]:
            raise OSError("no such device")

        @cameras.setter
        def cameras(self, _: object) -> None: ...

    with pytest.raises(UserError, match="raised OSError: no such device"):
        check_robot(Unplugged())


def test_an_arm_without_a_urdf_keeps_the_contract() -> None:
    class Unmodelled(Arm):
        kinematics = Arm().kinematics

    check_robot(Unmodelled(replace(panda_spec(), urdf=None, tcp_link=None)))


def test_an_arm_that_was_stopped_before_is_not_set_free() -> None:
    arm = Arm()
    arm.stop()
    with pytest.raises(UserError, match=r"panda is stopped; reset\(\) it before it is checked"):
        check_robot(arm)
    assert arm.halted


def test_what_an_arm_says_of_itself_is_checked_before_it_is_connected() -> None:
    arm = Arm(replace(panda_spec(), dq_max=[2.0] * 7))
    with pytest.raises(UserError, match=r"spec\.dq_max must be a numpy array of 7 finite numbers"):
        check_robot(arm)
    assert not arm.connected


def test_a_skill_must_leave_the_fingers_alone_once_it_is_cancelled(grab: Simulation) -> None:
    class Pinch(Skill):
        """Shut the hand."""

        name: ClassVar[str] = "pinch"

        def goal(self, scene: Scene) -> None:
            return None

        def execute(self, context: SkillContext) -> Outcome:
            context.robot.set_gripper(0.02)
            return Outcome(code=Code.OK)

    observer = make_observer(grab.robot, PerfectEyes(grab.world))
    with pytest.raises(UserError, match="Pinch moved the fingers by 60 mm after it was cancelled"):
        check_skill(Pinch(), SkillContext(grab.robot, observer))
