"""Gymnasium environments: any task, seen through the cameras, moved by TCP deltas."""

from typing import Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import pybullet as p
from gymnasium import spaces
from handeye.perception.errors import UnreachableError, UserError
from handeye.perception.frame import Image
from handeye.skills.kinematics import Kinematics

from .simulation import Simulation, simulate
from .tabletop import HEIGHT, WIDTH
from .tasks import Task, get_task
from .tasks.instructed import Instructed
from .world import TIMESTEP_S

Observation = dict[str, Any]
CONTROL_HZ = 20
MAX_STEP_M = 0.03
MAX_STEP_RAD = 0.15
_TEXT = "".join(chr(code) for code in range(32, 127))


class TabletopEnv(gym.Env[Observation, npt.NDArray[np.float32]]):
    """A task as a Gymnasium environment.

    Observations are dictionaries: "overview" and "wrist" ([H, W, 3] uint8 RGB),
    "overview_depth" and "wrist_depth" ([H, W] float32, m), "joints" ([7] float32, rad), "tcp"
    ([7] float32: x, y, z in m and a quaternion x, y, z, w, base frame), "gripper" ([1] float32,
    opening in m), and "instruction" (text). Actions are [7] float32 in -1..1: TCP translation
    (times 3 cm) and rotation vector (times 0.15 rad) in the base frame, and the gripper (below
    0 closes, above 0 opens, 0 leaves it). The reward is 1 when the task's goal is reached, which
    also ends the episode, and 0 before.

    Args:
        task: a task, its name, or the path of a task file; or an instruction, for which what it
            names is set out.
        render_mode: "rgb_array" for the overview camera's image.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012

    def __init__(
        self,
        task: Task | str = "grab",
        render_mode: Literal["rgb_array"] | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise UserError(f'render_mode "{render_mode}" is not offered; there is: rgb_array')
        self.render_mode = render_mode
        self._task = _task(task)
        self._simulation: Simulation | None = None
        self._kinematics: Kinematics | None = None
        image = spaces.Box(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        depth = spaces.Box(0.0, 10.0, (HEIGHT, WIDTH), np.float32)
        self.observation_space = spaces.Dict(
            {
                "overview": image,
                "wrist": image,
                "overview_depth": depth,
                "wrist_depth": depth,
                "joints": spaces.Box(-np.pi, 3.8, (7,), np.float32),
                "tcp": spaces.Box(-2.0, 2.0, (7,), np.float32),
                "gripper": spaces.Box(-0.01, 0.1, (1,), np.float32),
                "instruction": spaces.Text(300, min_length=0, charset=_TEXT),
            }
        )
        self.action_space = spaces.Box(-1.0, 1.0, (7,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Build the task anew; the same seed builds the same scene."""
        super().reset(seed=seed, options=options)
        self.close()
        scene_seed = int(self.np_random.integers(2**31))
        self._simulation = simulate(self._task, scene_seed)
        return self._observe(), {"scene_seed": scene_seed, "success": False}

    def step(
        self, action: npt.NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move by one action (50 ms) and observe."""
        simulation = self._running()
        self._act(np.clip(np.asarray(action, dtype=np.float64), -1.0, 1.0))
        success = simulation.judged_now()
        return self._observe(), float(success), success, False, {"success": success}

    def render(self) -> Image | None:
        """The overview camera's image [H, W, 3] uint8, in mode "rgb_array"."""
        if self.render_mode is None:
            return None
        return self._running().robot.cameras["overview"].read().rgb

    def close(self) -> None:
        """End the simulation; idempotent."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None

    def _running(self) -> Simulation:
        if self._simulation is None:
            raise UserError("this environment has no episode yet; call reset() first")
        return self._simulation

    def _act(self, action: npt.NDArray[np.float64]) -> None:
        robot = self._running().robot
        state = robot.read()
        goal = state.T_base_tcp.copy()
        goal[:3, 3] += action[:3] * MAX_STEP_M
        goal[2, 3] = max(goal[2, 3], 0.005)
        goal[:3, :3] = _rotation(action[3:6] * MAX_STEP_RAD) @ goal[:3, :3]
        try:
            q = self._ik().ik(goal, state.q)
        except UnreachableError:
            q = state.q
        # A goal on the far side of a singularity is approached, not jumped to.
        q = np.clip(q, state.q - 0.15, state.q + 0.15)
        width = None
        if abs(action[6]) > 0.05:
            width = robot.spec.gripper_stroke_m if action[6] > 0 else 0.0
        robot.servo(q, width, int(1.0 / CONTROL_HZ / TIMESTEP_S))

    def _ik(self) -> Kinematics:
        if self._kinematics is None:
            self._kinematics = self._running().robot.kinematics
        return self._kinematics

    def _observe(self) -> Observation:
        simulation = self._running()
        state = simulation.robot.read()
        frames = {name: camera.read() for name, camera in simulation.robot.cameras.items()}
        quaternion = p.getLinkState(
            simulation.robot.uid, 11, physicsClientId=simulation.world.client
        )[5]
        observation: Observation = {name: frame.rgb for name, frame in frames.items()}
        observation |= {f"{name}_depth": frame.depth for name, frame in frames.items()}
        return observation | {
            "joints": state.q.astype(np.float32),
            "tcp": np.concatenate([state.T_base_tcp[:3, 3], quaternion]).astype(np.float32),
            "gripper": np.array([state.gripper_width_m], dtype=np.float32),
            "instruction": simulation.setup.instruction,
        }


def _rotation(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[3, 3] rotation matrix of a rotation vector, rad."""
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.from_rotvec(vector).as_matrix())


def _task(task: Task | str) -> Task:
    if not isinstance(task, str):
        return task
    return Instructed(task) if " " in task else get_task(task)
