"""Time-parametrisation of joint paths within velocity and acceleration limits.

A smooth curve leads through the path's points, and a single trapezoidal profile runs along it. The
profile's speed and acceleration are chosen from the largest first and second derivatives
along the path, so the limits hold everywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .robot import Joints

Path = npt.NDArray[np.float64]
"""[k, n] configurations, rad."""


@dataclass(frozen=True)
class Profile:
    """A trapezoidal speed profile along an arc, from standstill to standstill.

    Attributes:
        length: of the arc, rad.
        speed: while cruising, rad/s.
        acceleration: while starting and braking, rad/s².
    """

    length: float
    speed: float
    acceleration: float

    @property
    def ramp_s(self) -> float:
        """How long starting takes, and braking."""
        return min(self.speed / self.acceleration, float(np.sqrt(self.length / self.acceleration)))

    @property
    def duration_s(self) -> float:
        """From standstill to standstill."""
        ramp = self.ramp_s
        return ramp + self.length / (self.acceleration * ramp)

    def at(self, t_s: float) -> tuple[float, float]:
        """Arc (rad) and its rate (rad/s) at a time; the ends hold beyond them."""
        t, ramp, a = float(np.clip(t_s, 0.0, self.duration_s)), self.ramp_s, self.acceleration
        left = self.duration_s - t
        if t < ramp:
            return 0.5 * a * t**2, a * t
        if left < ramp:
            return self.length - 0.5 * a * left**2, a * left
        return a * ramp * (t - ramp / 2), a * ramp


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A joint path over time.

    Attributes:
        profile: how the path is run along; None for a path of a single point.
        curve: configuration [n] or its derivative, at an arc.
        start: [n] configuration at its beginning.
    """

    profile: Profile | None
    curve: Callable[[float, int], Joints]
    start: Joints

    @property
    def duration_s(self) -> float:
        """From standstill to standstill."""
        return self.profile.duration_s if self.profile else 0.0

    def sample(self, t_s: float) -> tuple[Joints, Joints]:
        """Position [n] (rad) and velocity [n] (rad/s) at a time; the ends hold beyond them."""
        if self.profile is None:
            return self.start, np.zeros_like(self.start)
        s, rate = self.profile.at(t_s)
        return self.curve(s, 0), self.curve(s, 1) * rate


def parametrize(path: Path, dq_max: Joints, ddq_max: Joints, speed: float = 1.0) -> Trajectory:
    """Time a path from standstill to standstill.

    Args:
        path: [k, n] configurations, rad; repeated ones are dropped.
        dq_max: [n] rad/s.
        ddq_max: [n] rad/s².
        speed: share of both limits, in (0, 1].
    """
    speed = float(np.clip(speed, 0.01, 1.0))
    knots = _distinct(np.asarray(path, dtype=np.float64))
    if len(knots) < 2:
        return Trajectory(None, lambda s, k: knots[0], knots[0])  # noqa: ARG005
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    curve = _curve(arc, knots)
    s = np.unique(np.concatenate([np.linspace(0.0, arc[-1], 40 * len(knots)), arc, arc - 1e-9]))
    slope = np.abs([curve(float(x), 1) for x in s]).max(axis=0) + 1e-9
    bend = np.abs([curve(float(x), 2) for x in s]).max(axis=0) + 1e-9
    # Of a joint's acceleration, q''(s) v² + q'(s) a, each term gets a half.
    share = 1.0 if len(knots) == 2 else 0.5
    v_max = float((speed * dq_max / slope).min())
    v_max = min(v_max, float(np.sqrt(0.5 * speed * ddq_max / bend).min()))
    a_max = float((share * speed * ddq_max / slope).min())
    return Trajectory(Profile(float(arc[-1]), v_max, a_max), curve, knots[0])


def _curve(arc: npt.NDArray[np.float64], knots: Path) -> Callable[[float, int], Joints]:
    """The path as a function of its arc, and of which derivative is wanted."""
    if len(knots) == 2:
        slope = (knots[1] - knots[0]) / arc[-1]
        line = (lambda s: knots[0] + s * slope, lambda s: slope, lambda s: np.zeros_like(slope))  # noqa: ARG005
        return lambda s, k: line[k](s)
    from scipy.interpolate import PchipInterpolator

    # Pchip passes through the knots and never overshoots them, so a path that keeps within
    # the joints' limits and beside an obstacle still does.
    derivatives = [PchipInterpolator(arc, knots)]
    derivatives += [derivatives[0].derivative(1), derivatives[0].derivative(2)]
    return lambda s, k: np.asarray(derivatives[k](min(max(s, 0.0), arc[-1])))


def _distinct(path: Path) -> Path:
    kept = [path[0]]
    for q in path[1:]:
        if np.abs(q - kept[-1]).max() > 1e-5:
            kept.append(q)
    return np.array(kept)
