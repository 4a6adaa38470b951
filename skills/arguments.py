"""Arguments of a motion, held to what they must be before a driver sees them."""

import math

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import DeadlineError, LimitError
from handeye.perception.frame import Transform

_RIGID = 1e-3
"""How far a pose's rotation may be from orthonormal, and its last row from 0 0 0 1."""


def number(value: object, what: str, right: str) -> float:
    """A finite number; raises LimitError that names it and says what would be right."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise LimitError(f"{what} of {value!r} is no number; it must be {right}")
    return found


def speed_share(value: object) -> float:
    """A share of an arm's limits, above 0 and at most 1; raises LimitError."""
    right = "a share of the arm's limits, in (0, 1]"
    speed = number(value, "a speed", right)
    if speed <= 0:
        raise LimitError(f"a speed of {speed:g} moves nothing; it must be {right}")
    if speed > 1 or isinstance(value, bool):
        raise LimitError(f"a speed of {value!r} is no share; it must be {right}: 0.3, not 30")
    return speed


def deadline(value: object) -> float | None:
    """Seconds from now, or None; raises LimitError, and DeadlineError for one that is over."""
    if value is None:
        return None
    left = number(value, "a deadline", "seconds from now, or None")
    if left <= 0:
        raise DeadlineError(f"the deadline is {left:g} s from now: it is over, nothing moved")
    return left


def pose(value: object, what: str = "the pose") -> Transform:
    """[4, 4] float64, rigid; raises LimitError."""
    T = _numbers(value, what, "[4, 4] numbers")
    if T.shape != (4, 4):
        raise LimitError(f"{what} must be [4, 4] numbers; it is {list(T.shape)}")
    if not np.isfinite(T).all():
        raise LimitError(f"{what} has values that are not numbers")
    if np.abs(T[3] - (0.0, 0.0, 0.0, 1.0)).max() > _RIGID:
        raise LimitError(f"{what} must have 0 0 0 1 as its last row; it has {T[3].tolist()}")
    R = T[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() > _RIGID:
        lengths = ", ".join(f"{length:.3g}" for length in np.linalg.norm(R, axis=0))
        raise LimitError(
            f"{what} has no rotation in its upper left [3, 3]: the columns must be of length 1 and "
            f"at right angles; their lengths are {lengths}"
        )
    if np.linalg.det(R) < 0:
        raise LimitError(f"{what} is mirrored: its rotation has determinant -1 and must have 1")
    return T


def joint_path(value: object, n: int) -> npt.NDArray[np.float64]:
    """[k, n] float64, k at least 1; raises LimitError."""
    right = f"[k, {n}] numbers, k at least 1"
    path = _numbers(value, "a joint path", right)
    if path.ndim != 2 or path.shape[1] != n or not len(path):
        raise LimitError(f"a joint path must be {right}; it is {list(path.shape)}")
    if not np.isfinite(path).all():
        raise LimitError("the joint path has values that are not numbers")
    return path


def _numbers(value: object, what: str, right: str) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LimitError(f"{what} must be {right}, not {type(value).__name__}: {error}") from error
