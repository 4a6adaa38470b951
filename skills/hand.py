"""The hand as a body: where its corners are, and how it turns."""

import numpy as np
import numpy.typing as npt
from handeye.perception.frame import Transform

HAND = np.array(
    [[x, y, z] for x in (-0.035, 0.035) for y in (-0.10, 0.10) for z in (-0.05, -0.11, -0.17)]
)
"""[12, 3] corners of a two-finger hand behind its fingers, m, TCP frame."""


def about(axis: npt.ArrayLike, angle: float) -> npt.NDArray[np.float64]:
    """[3, 3] rotation by an angle (rad) about an axis."""
    from scipy.spatial.transform import Rotation

    unit = np.asarray(axis, dtype=np.float64)
    return np.asarray(Rotation.from_rotvec(angle * unit / np.linalg.norm(unit)).as_matrix())


def along(T_base_tcp: Transform, distance_m: float) -> Transform:
    """A pose moved along its own approach."""
    moved = T_base_tcp.copy()
    moved[:3, 3] += distance_m * T_base_tcp[:3, 2]
    return moved
