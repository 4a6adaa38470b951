"""Gymnasium environments: any task, seen through the cameras, moved by TCP deltas."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from handeye.perception.errors import (
    CameraError,
    NotFoundError,
    RobotError,
    UnreachableError,
    UserError,
)
from handeye.perception.frame import Frame, Image, Transform
from handeye.perception.observer import BOARD
from handeye.skills.kinematics import Kinematics
from handeye.skills.robot import Joints
from scipy.spatial.transform import Rotation

from .disturbance import Kind
from .simulation import Simulation, simulate
from .tasks import Setup, Task, get_task
from .tasks.instructed import Instructed
from .tasks.registry import is_file
from .world import TIMESTEP_S

Observation = dict[str, Any]
CONTROL_HZ = 20
MAX_STEP_M = 0.03
MAX_STEP_RAD = 0.15
HELD_STEPS = 5
"""For so many steps on end, a quarter of a second, the goal must hold."""
INSTRUCTION_BYTES = 512
_MOST_JOINT_STEP_RAD = 0.15
_LEASH = 2.0
"""How far, in largest steps, the arm's goal may be ahead of the arm: what is blocked does not wind
up."""


class TabletopEnv(gym.Env[Observation, npt.NDArray[np.float32]]):
    """A task as a Gymnasium environment.

    Observations are dictionaries: for each camera its name ([H, W, 3] uint8 RGB) and, but for the
    board with a task's chart, "…_depth" ([H, W] float32, m); "joints" ([7] float32, rad), "tcp"
    ([7] float32: x, y, z in m and a quaternion x, y, z, w, base frame), "gripper" ([1] float32,
    opening in m), and "instruction" ([512] uint8: UTF-8, filled up with zeros, see
    `decode_instruction`). The board is looked at once an episode. Where a disturbed camera gives
    no frame, its last one is observed again.

    Actions are [7] float32 in -1..1: TCP translation (times 3 cm) and rotation vector (times
    0.15 rad) in the base frame, and the gripper (below 0 closes, above 0 opens, 0 leaves it).
    They add up: each moves the arm's goal, which the arm follows within about 0.1 s.

    The reward is 1 when what the judge asks for has held for a quarter of a second, which also
    ends the episode, and 0 before; it is always 0 for an instruction that implies no goal. `info`
    has "success", and "instruction" as a string.

    Args:
        task: a task, its name, or the path of a task file; or an instruction, for which what it
            names is set out.
        render_mode: "rgb_array" for the overview camera's image.
        cameras: which to observe; None for all that the task's robot has.
        depth: whether depth is observed too.
        held_out, dark, clutter, unseen_words, disturbed: see `simulate`.

    Raises:
        NotFoundError: no task, or no camera, has this name.
        UserError: an action cannot fulfil the task, as where an answer is asked for.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}  # noqa: RUF012

    def __init__(
        self,
        task: Task | str = "grab",
        render_mode: Literal["rgb_array"] | None = None,
        *,
        cameras: Sequence[str] | None = None,
        depth: bool = True,
        held_out: bool | None = None,
        dark: bool = False,
        clutter: bool = False,
        unseen_words: bool = False,
        disturbed: bool | Kind = False,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise UserError(f'render_mode "{render_mode}" is not offered; there is: rgb_array')
        self.render_mode = render_mode
        self._build = partial(
            simulate,
            _task(task),
            dark=dark,
            held_out=held_out,
            clutter=clutter,
            unseen_words=unseen_words,
            disturbed=disturbed,
        )
        self._depth = depth
        self._simulation: Simulation | None = None
        self._kinematics: Kinematics | None = None
        self._frames: dict[str, Frame] = {}
        self._held = 0
        # What there is to be seen depends on the task: it is built once to know.
        with self._build(0, disturbed=False) as simulation:
            _check_doable(simulation.setup)
            there = simulation.robot.cameras
            self._cameras = tuple(there if cameras is None else cameras)
            for name in self._cameras:
                if name not in there:
                    raise NotFoundError(name, sorted(there), where="cameras")
            shapes = {name: there[name].read().rgb.shape for name in self._cameras}
        self.observation_space = _space(shapes, depth=depth)
        self.action_space = spaces.Box(-1.0, 1.0, (7,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Build the task anew; the same seed builds the same scene."""
        super().reset(seed=seed, options=options)
        self.close()
        scene_seed = int(self.np_random.integers(2**31))
        self._simulation = self._build(scene_seed)
        _check_doable(self._simulation.setup)
        state = self._simulation.robot.read()
        self._goal: Transform = state.T_base_tcp
        self._q_goal: Joints = state.q
        self._held = 0
        self._frames = {}
        return self._observe(), {"scene_seed": scene_seed, **self._info()}

    def step(
        self, action: npt.NDArray[np.float32]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move by one action (50 ms) and observe.

        Raises UserError for an action that is not seven finite numbers; what is beyond -1..1 is
        cut off.
        """
        simulation = self._running()
        self._act(np.clip(_checked(action), -1.0, 1.0))
        self._held = self._held + 1 if simulation.reached() else 0
        info = self._info()
        return self._observe(), float(info["success"]), info["success"], False, info

    def render(self) -> Image | None:
        """The overview camera's image [H, W, 3] uint8, in mode "rgb_array"."""
        if self.render_mode is None:
            return None
        return self._running().film_camera().read().rgb

    def close(self) -> None:
        """End the simulation; idempotent."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None

    def _running(self) -> Simulation:
        if self._simulation is None:
            raise UserError("this environment has no episode yet; call reset() first")
        return self._simulation

    def _info(self) -> dict[str, Any]:
        told = self._running().setup.instruction
        return {"success": self._held >= HELD_STEPS, "instruction": told}

    def _act(self, action: npt.NDArray[np.float64]) -> None:
        simulation = self._running()
        robot = simulation.robot
        goal = _leashed(_moved(self._goal, action), robot.read().T_base_tcp)
        goal[2, 3] = max(goal[2, 3], simulation.style.table_height_m + 0.005)
        q = self._q_goal
        try:
            q = self._ik().ik(goal, q)
            self._goal = goal
        except UnreachableError:
            pass  # It stays where it was to go.
        # A goal on the far side of a singularity is approached, not jumped to.
        step = np.clip(q - self._q_goal, -_MOST_JOINT_STEP_RAD, _MOST_JOINT_STEP_RAD)
        self._q_goal = self._q_goal + step
        width = None
        if abs(action[6]) > 0.05:
            width = robot.spec.gripper_stroke_m if action[6] > 0 else 0.0
        try:
            robot.servo(self._q_goal, width, int(1.0 / CONTROL_HZ / TIMESTEP_S))
        except RobotError:
            if simulation.disturbance is None:
                raise
            # The arm failed, as it was to: it holds still, and the action is lost.
            state = robot.read()
            self._goal, self._q_goal = state.T_base_tcp, state.q

    def _ik(self) -> Kinematics:
        if self._kinematics is None:
            self._kinematics = self._running().robot.kinematics
        return self._kinematics

    def _look(self, name: str) -> Frame:
        if name != BOARD or name not in self._frames:
            try:
                self._frames[name] = self._running().robot.cameras[name].read(max_age_s=0.0)
            except CameraError:
                if name not in self._frames:
                    raise
        return self._frames[name]

    def _observe(self) -> Observation:
        simulation = self._running()
        state = simulation.robot.read()
        observation: Observation = {}
        for name in self._cameras:
            frame = self._look(name)
            observation[name] = frame.rgb
            if f"{name}_depth" in self.observation_space.spaces:  # type: ignore[attr-defined]
                observation[f"{name}_depth"] = frame.depth
        quaternion = Rotation.from_matrix(state.T_base_tcp[:3, :3]).as_quat()
        return observation | {
            "joints": state.q.astype(np.float32),
            "tcp": np.concatenate([state.T_base_tcp[:3, 3], quaternion]).astype(np.float32),
            "gripper": np.array([state.gripper_width_m], dtype=np.float32),
            "instruction": encode_instruction(simulation.setup.instruction),
        }


def encode_instruction(text: str) -> npt.NDArray[np.uint8]:
    """[512] uint8: a text in UTF-8, filled up with zeros; raises UserError where it is longer.

    Gymnasium's own space for text has a fixed alphabet, and is not refreshed between processes.
    """
    encoded = text.encode()
    if len(encoded) > INSTRUCTION_BYTES:
        raise UserError(
            f"an instruction takes {INSTRUCTION_BYTES} bytes of UTF-8 at most in an environment; "
            f"this one takes {len(encoded)}"
        )
    return np.frombuffer(encoded.ljust(INSTRUCTION_BYTES, b"\0"), np.uint8).copy()


def decode_instruction(encoded: npt.NDArray[np.uint8]) -> str:
    """The text of an observation's "instruction" ([512] uint8)."""
    return encoded.tobytes().rstrip(b"\0").decode()


def _space(shapes: dict[str, tuple[int, ...]], *, depth: bool) -> spaces.Dict:
    """What is observed by cameras whose images have some shapes."""
    seen: dict[str, spaces.Space[Any]] = {}
    for name, shape in shapes.items():
        seen[name] = spaces.Box(0, 255, shape, np.uint8)
        if depth and name != BOARD:
            seen[f"{name}_depth"] = spaces.Box(0.0, 10.0, shape[:2], np.float32)
    return spaces.Dict(
        {
            **seen,
            "joints": spaces.Box(-np.pi, 3.8, (7,), np.float32),
            "tcp": spaces.Box(-2.0, 2.0, (7,), np.float32),
            "gripper": spaces.Box(-0.01, 0.1, (1,), np.float32),
            "instruction": spaces.Box(0, 255, (INSTRUCTION_BYTES,), np.uint8),
        }
    )


def _checked(action: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """An action [7]; raises UserError for what is none."""
    try:
        given = np.asarray(action, dtype=np.float64)
    except (TypeError, ValueError):
        given = np.full((0,), np.nan)
    if given.shape != (7,) or not np.isfinite(given).all():
        raise UserError(f"an action is seven finite numbers in -1..1, not {action!r}")
    return given


def _moved(T: Transform, action: npt.NDArray[np.float64]) -> Transform:
    """[4, 4] a pose, moved and turned in the base frame by an action."""
    goal = T.copy()
    goal[:3, 3] += action[:3] * MAX_STEP_M
    goal[:3, :3] = Rotation.from_rotvec(action[3:6] * MAX_STEP_RAD).as_matrix() @ goal[:3, :3]
    return goal


def _leashed(goal: Transform, present: Transform) -> Transform:
    """[4, 4] a goal that is no farther from where the arm is than it could soon be."""
    ahead = goal[:3, 3] - present[:3, 3]
    turn = Rotation.from_matrix(goal[:3, :3] @ present[:3, :3].T).as_rotvec()
    near = goal.copy()
    near[:3, 3] = present[:3, 3] + ahead * _share(ahead, _LEASH * MAX_STEP_M)
    turned = Rotation.from_rotvec(turn * _share(turn, _LEASH * MAX_STEP_RAD)).as_matrix()
    near[:3, :3] = turned @ present[:3, :3]
    return near


def _share(vector: npt.NDArray[np.float64], most: float) -> float:
    """How much of a vector is no longer than `most`."""
    return min(1.0, most / max(float(np.linalg.norm(vector)), 1e-9))


def _task(task: Task | str) -> Task:
    """A task; of a string with more than a name's letters, the instruction that it is."""
    if not isinstance(task, str):
        return task
    named = is_file(task) or re.fullmatch(r"[\w-]*", task, re.ASCII)
    return get_task(task) if named else Instructed(task)


def _check_doable(setup: Setup) -> None:
    encode_instruction(setup.instruction)
    if setup.ending != "done":
        raise UserError(
            f'"{setup.instruction}" is to end otherwise than by a motion ({setup.ending}), which '
            "an action cannot express; choose a task in which something is done"
        )
