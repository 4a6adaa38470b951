"""Trajectory: where an arm was during an episode, by its own readings."""

from pathlib import Path

import numpy as np

from handeye.skills.robot import RobotState

READINGS_A_SECOND = 20


class Trajectory:
    """Collects readings of an arm, and the moments at which a camera filmed it."""

    def __init__(self) -> None:
        self._states: list[RobotState] = []
        self._filmed_s: list[float] = []

    def add(self, state: RobotState) -> None:
        """Take a reading."""
        self._states.append(state)

    def filmed(self, stamp_s: float) -> None:
        """Take the moment of one more frame of the video, on the arm's clock."""
        self._filmed_s.append(stamp_s)

    def write(self, path: Path) -> None:
        """Write it as .npz; nothing where there is no reading.

        Of N readings and F frames: `stamp_s` [N], seconds on the arm's own clock; `q` and `dq`
        [N, joints], rad and rad/s; `T_base_tcp` [N, 4, 4]; `gripper_width_m` [N];
        `camera_stamp_s` [F]. All float64.
        """
        if not self._states:
            return
        np.savez_compressed(
            path,
            stamp_s=np.array([state.stamp_s for state in self._states]),
            q=np.stack([state.q for state in self._states]),
            dq=np.stack([state.dq for state in self._states]),
            T_base_tcp=np.stack([state.T_base_tcp for state in self._states]),
            gripper_width_m=np.array([state.gripper_width_m for state in self._states]),
            camera_stamp_s=np.array(self._filmed_s, dtype=np.float64),
        )
