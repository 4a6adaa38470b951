"""ArmView: where the arm is, so that it is not taken for part of the scene."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .frame import Points, Transform


@dataclass(frozen=True, eq=False)
class ArmView:
    """What perception must know of the arm; all of it from the arm's own sensors.

    Attributes:
        T_base_tcp: [4, 4] TCP pose; z along the approach, y along the opening.
        gripper_width_m: distance between the finger pads.
        gripper_stroke_m: widest opening.
        stamp_s: the robot's clock.
        body: [N, 3] points along the arm's bones, m, base frame.
        body_radius_m: how far the arm's body reaches around them.
        gripper_shut_m: what the fingers read when they are shut on nothing.
        still_s: for how long neither the arm nor the fingers have moved.
    """

    T_base_tcp: Transform
    gripper_width_m: float
    gripper_stroke_m: float
    stamp_s: float
    body: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    body_radius_m: float = 0.085
    gripper_shut_m: float = 0.0
    still_s: float = math.inf

    @property
    def grips(self) -> bool:
        """Whether the fingers are neither shut nor wide open, as when something is between."""
        above = self.gripper_shut_m + 0.0015
        return above < self.gripper_width_m < self.gripper_stroke_m - 0.0015

    def covers(self, points: Points) -> npt.NDArray[np.bool_]:
        """[N] bool, whether each point [N, 3] is of the arm or its hand."""
        T_tcp_base = np.linalg.inv(self.T_base_tcp)
        x, y, z = (points @ T_tcp_base[:3, :3].T + T_tcp_base[:3, 3]).T
        palm = (np.abs(x) < 0.06) & (np.abs(y) < 0.13) & (z > -0.24) & (z < -0.035)
        half = self.gripper_width_m / 2
        beside = (np.abs(y) > half - 0.002) & (np.abs(y) < half + 0.035)
        fingers = beside & (np.abs(x) < 0.022) & (z > -0.075) & (z < 0.014)
        covered = palm | fingers
        above = self.body[self.body[:, 2] > 0.05] if len(self.body) else self.body
        if len(above) and len(points):
            from scipy.spatial import cKDTree

            distance, _ = cKDTree(above).query(points, distance_upper_bound=self.body_radius_m)
            # The last bones lead through the hand to the TCP; there the boxes above are exact.
            covered |= np.isfinite(distance) & (z < -0.1)
        return np.asarray(covered)
