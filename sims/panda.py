"""SimPanda: the Franka Panda of a World, behind the Robot seam.

Motions step the simulation in the thread that called; the robot's clock is simulated time, so
deadlines mean the same on a slow machine as on a fast one.
"""

import math
import threading
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pybullet as p
from handeye.perception.errors import DeadlineError, RobotError, StoppedError
from handeye.perception.frame import Camera, Transform
from handeye.skills.cartesian import CartesianArm
from handeye.skills.robot import CancelToken, Joints, RobotSpec, RobotState
from handeye.skills.trajectory import parametrize

from .meshes import panda_urdf
from .world import TIMESTEP_S, World

ARM_JOINTS = tuple(range(7))
FINGER_JOINTS = (9, 10)
HAND_LINK, TCP_LINK = 8, 11
_TORQUES = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0]
_SETTLED_RAD = 0.004


def panda_spec() -> RobotSpec:
    """The Panda's data sheet; accelerations are half of what the maker allows."""
    return RobotSpec(
        name="panda",
        joint_names=tuple(f"panda_joint{i}" for i in range(1, 8)),
        q_min=np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]),
        q_max=np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]),
        dq_max=np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]),
        ddq_max=np.array([7.5, 3.75, 5.0, 6.25, 7.5, 10.0, 10.0]),
        q_home=np.array([0.0, -0.9, 0.0, -2.6, 0.0, 1.7, math.pi / 4]),
        gripper_stroke_m=0.08,
        finger_depth_m=0.045,
        finger_width_m=0.021,
        finger_thickness_m=0.014,
        reach_m=0.855,
        urdf=str(panda_urdf()),
        tcp_link="panda_grasptarget",
    )


class SimPanda(CartesianArm):
    """A simulated Panda, its base at the world's origin.

    Args:
        world: the world to stand in.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._spec = panda_spec()
        self._cameras: dict[str, Camera] = {}
        self._stopped = threading.Event()
        self._failing: str | None = None
        self._connected = False
        self.uid: int = p.loadURDF(
            str(self._spec.urdf),
            useFixedBase=True,
            physicsClientId=world.client,
            flags=p.URDF_ENABLE_CACHED_GRAPHICS_SHAPES,
        )
        world.adopt(self.uid, "panda")
        self._paint()
        self._couple_fingers()
        self._q_goal = self._spec.q_home.copy()
        self.teleport(self._spec.q_home, self._spec.gripper_stroke_m)

    @property
    def spec(self) -> RobotSpec:
        """The Panda's data sheet."""
        return self._spec

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """The cameras by name."""
        return self._cameras

    def add_camera(self, camera: Camera) -> None:
        """Give the robot one more camera."""
        self._cameras[camera.name] = camera

    def connect(self) -> None:
        """Take control; idempotent."""
        self._connected = True

    def close(self) -> None:
        """Hold still. The world lives on; whoever made it closes it."""
        self._connected = False

    def read(self) -> RobotState:
        """The present state; raises RobotError once the world is closed."""
        if self.world.client < 0:
            raise RobotError("the panda gives no reading: its world is closed")
        states = p.getJointStates(self.uid, ARM_JOINTS, physicsClientId=self.world.client)
        return RobotState(
            q=np.array([s[0] for s in states]),
            dq=np.array([s[1] for s in states]),
            T_base_tcp=self.link_pose(TCP_LINK),
            gripper_width_m=self._width(),
            stamp_s=self.world.time_s,
            stopped=self._stopped.is_set(),
        )

    def link_pose(self, link: int) -> Transform:
        """[4, 4] pose of one of the arm's links, from its own joint encoders."""
        state = p.getLinkState(
            self.uid, link, computeForwardKinematics=1, physicsClientId=self.world.client
        )
        T = np.eye(4)
        T[:3, :3] = np.reshape(p.getMatrixFromQuaternion(state[5]), (3, 3))
        T[:3, 3] = state[4]
        return T

    def move_joints(
        self,
        path: npt.NDArray[np.float64],
        *,
        speed: float = 1.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Follow a joint path [k, n], rad; see `JointArm`."""
        self._ready(cancel)
        start = self.read().q
        trajectory = parametrize(
            np.vstack([start, path]), self._spec.dq_max, self._spec.ddq_max, speed
        )
        allowed = trajectory.duration_s + 1.0 if deadline_s is None else deadline_s
        begin = self.world.time_s
        steps = math.ceil(trajectory.duration_s / TIMESTEP_S) + 1
        goals = trajectory.sample(TIMESTEP_S * np.arange(1, steps + 1))
        tick = 0
        while True:
            elapsed = self.world.time_s - begin
            q, dq = (goal[min(tick, steps - 1)] for goal in goals)
            tick += 1
            self._tick(q, dq, cancel, allowed - elapsed, "the motion")
            if elapsed + TIMESTEP_S >= trajectory.duration_s and self._arrived(elapsed, trajectory):
                return self.read()

    def set_gripper(
        self,
        width_m: float,
        *,
        force_n: float = 20.0,
        deadline_s: float | None = None,
        cancel: CancelToken | None = None,
    ) -> RobotState:
        """Move the fingers to an opening, or until they press on something."""
        self._ready(cancel)
        width = float(np.clip(width_m, 0.0, self._spec.gripper_stroke_m))
        self._drive_fingers(width, force_n)
        allowed = 2.0 if deadline_s is None else deadline_s
        begin, still = self.world.time_s, 0
        while still < 12:
            before = self._width()
            self._tick(
                self._q_goal,
                np.zeros(7),
                cancel,
                allowed - (self.world.time_s - begin),
                "the gripper",
            )
            still = still + 1 if abs(self._width() - before) < 2e-5 else 0
            if self.world.time_s - begin > 1.5:
                break
        return self.read()

    def servo(self, q: Joints, gripper_width_m: float | None, steps: int) -> None:
        """Drive towards a configuration for some timesteps, as a control loop's inner stage.

        Args:
            q: [7] goal, rad.
            gripper_width_m: opening to drive the fingers to; None leaves them be.
            steps: timesteps of 1/240 s.
        """
        self._ready()
        if gripper_width_m is not None:
            self._drive_fingers(gripper_width_m, 20.0)
        start = self._q_goal
        for k in range(1, steps + 1):
            share = k / steps
            self._tick((1 - share) * start + share * q, np.zeros(7), None, 1.0, "the step")

    def stop(self) -> None:
        """Halt at once and stay halted; callable from any thread."""
        self._stopped.set()

    def reset(self) -> None:
        """Clear a latched stop."""
        self._stopped.clear()

    def fail(self, message: str) -> None:
        """Let the motion that is under way, or the next one, end in a RobotError, once."""
        self._failing = message

    def teleport(self, q: Joints, gripper_width_m: float) -> None:
        """Put the arm into a configuration without time passing. For building scenes only."""
        client = self.world.client
        for joint, value in zip(ARM_JOINTS, q, strict=True):
            p.resetJointState(self.uid, joint, float(value), physicsClientId=client)
        for joint in FINGER_JOINTS:
            p.resetJointState(self.uid, joint, gripper_width_m / 2, physicsClientId=client)
        self._q_goal = np.array(q, dtype=np.float64)
        self._drive_fingers(gripper_width_m, 20.0)
        self._drive_arm(self._q_goal, np.zeros(7))

    def _ready(self, cancel: CancelToken | None = None) -> None:
        if self._stopped.is_set():
            raise StoppedError("the panda is stopped; reset() clears it")
        if not self._connected:
            raise RobotError("the panda is not connected; call connect() first")
        if cancel is not None:
            cancel.check()

    def _tick(
        self,
        q: Joints,
        dq: Joints,
        cancel: CancelToken | None,
        time_left_s: float,
        what: str,
    ) -> None:
        """One timestep towards q, or hold still and raise."""
        if self._stopped.is_set() or (cancel and cancel.cancelled) or time_left_s <= 0:
            self._hold()
            if self._stopped.is_set():
                raise StoppedError(f"stopped during {what}; reset() clears it")
            if cancel:
                cancel.check()
            raise DeadlineError(f"{what} did not end within its deadline; the arm holds still")
        if self._failing is not None:
            message, self._failing = self._failing, None
            self._hold()
            raise RobotError(message)
        self._q_goal = q
        self._drive_arm(q, dq)
        self.world.step()

    def _hold(self) -> None:
        """Brake to a standstill where the arm is."""
        state = self.read()
        self._q_goal = state.q
        self._drive_arm(state.q, np.zeros(7))
        self.world.step(24)
        self._q_goal = self.read().q
        self._drive_arm(self._q_goal, np.zeros(7))

    def _arrived(self, elapsed_s: float, trajectory: object) -> bool:
        error = float(np.abs(self.read().q - self._q_goal).max())
        late = elapsed_s - trajectory.duration_s  # type: ignore[attr-defined]
        return error < _SETTLED_RAD or late > 0.25

    def _drive_arm(self, q: Joints, dq: Joints) -> None:
        p.setJointMotorControlArray(
            self.uid,
            ARM_JOINTS,
            p.POSITION_CONTROL,
            targetPositions=[float(v) for v in q],
            targetVelocities=[float(v) for v in dq],
            forces=_TORQUES,
            positionGains=[0.35] * 7,
            velocityGains=[1.0] * 7,
            physicsClientId=self.world.client,
        )

    def _drive_fingers(self, width_m: float, force_n: float) -> None:
        for joint in FINGER_JOINTS:
            p.setJointMotorControl2(
                self.uid,
                joint,
                p.POSITION_CONTROL,
                targetPosition=width_m / 2,
                force=force_n,
                maxVelocity=0.12,
                positionGain=0.2,
                physicsClientId=self.world.client,
            )

    def _width(self) -> float:
        states = p.getJointStates(self.uid, FINGER_JOINTS, physicsClientId=self.world.client)
        return float(sum(s[0] for s in states))

    def _paint(self) -> None:
        white, dark = (0.92, 0.92, 0.92, 1.0), (0.25, 0.25, 0.27, 1.0)
        for link in range(-1, p.getNumJoints(self.uid, physicsClientId=self.world.client)):
            color = dark if link in (5, 6, *FINGER_JOINTS) else white
            p.changeVisualShape(self.uid, link, rgbaColor=color, physicsClientId=self.world.client)

    def _couple_fingers(self) -> None:
        """Both fingers move alike, as the real hand's gear makes them; pads grip like rubber."""
        client = self.world.client
        gear = p.createConstraint(
            self.uid,
            FINGER_JOINTS[0],
            self.uid,
            FINGER_JOINTS[1],
            p.JOINT_GEAR,
            (1, 0, 0),
            (0, 0, 0),
            (0, 0, 0),
            physicsClientId=client,
        )
        p.changeConstraint(gear, gearRatio=-1, erp=0.1, maxForce=50, physicsClientId=client)
        for joint in FINGER_JOINTS:
            p.changeDynamics(
                self.uid,
                joint,
                lateralFriction=1.4,
                spinningFriction=0.02,
                rollingFriction=0.001,
                frictionAnchor=1,
                physicsClientId=client,
            )


def mount(panda: SimPanda, T_hand_camera: Transform) -> Callable[[], Transform]:
    """The pose of a camera that is fixed to the hand."""
    return lambda: panda.link_pose(HAND_LINK) @ T_hand_camera
