"""Time-parametrisation of joint paths within velocity and acceleration limits.

A smooth curve leads through the path's points. Along it, the speed is the highest that the joints'
limits allow at each place and that can be reached and braked from, found by one pass forwards and
one backwards (the numerical integration of Bobrow et al. 1985, on a grid).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .robot import Joints

Path = npt.NDArray[np.float64]
"""[k, n] configurations, rad."""


@dataclass(frozen=True, eq=False)
class Profile:
    """How fast a path is run along: constant acceleration from each knot to the next.

    Attributes:
        arcs: [m] rad, where along the path.
        rates: [m] rad/s; 0 at both ends.
        times: [m] s, when.
    """

    arcs: npt.NDArray[np.float64]
    rates: npt.NDArray[np.float64]
    times: npt.NDArray[np.float64]

    def at(self, t_s: npt.ArrayLike) -> tuple[Joints, Joints]:
        """Arcs (rad) and their rates (rad/s) at times [...]; the ends hold beyond them."""
        t = np.clip(t_s, 0.0, self.times[-1])
        i = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        span, since = self.times[i + 1] - self.times[i], t - self.times[i]
        gain = (self.rates[i + 1] - self.rates[i]) / span
        arc = self.arcs[i] + self.rates[i] * since + 0.5 * gain * since**2
        return np.minimum(arc, self.arcs[-1]), np.asarray(self.rates[i] + gain * since)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A joint path over time.

    Attributes:
        profile: how the path is run along; None for a path of a single point.
        curve: configurations [..., n] or their derivatives, at arcs [...].
        start: [n] configuration at its beginning.
    """

    profile: Profile | None
    curve: Callable[[npt.ArrayLike, int], Joints]
    start: Joints

    @property
    def duration_s(self) -> float:
        """From standstill to standstill."""
        return float(self.profile.times[-1]) if self.profile else 0.0

    def sample(self, t_s: npt.ArrayLike) -> tuple[Joints, Joints]:
        """Positions (rad) and velocities (rad/s), [..., n], at times [...], s.

        The ends hold beyond them. All the times of a motion at once cost little more than one.
        """
        if self.profile is None:
            q = np.broadcast_to(self.start, (*np.shape(t_s), len(self.start)))
            return q, np.zeros_like(q)
        s, rate = self.profile.at(t_s)
        return self.curve(s, 0), self.curve(s, 1) * rate[..., None]


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
    grid = np.linspace(0.0, arc[-1], max(60, 16 * len(knots)) + 1)
    slope, bend = np.abs(curve(grid, 1)) + 1e-9, np.abs(curve(grid, 2)) + 1e-9
    # A cell is held to what both of its ends allow, for the bend jumps at the path's points.
    slope, bend = _widest(slope), _widest(bend)
    # Of a joint's acceleration, q''(s) v² + q'(s) a, each term gets a half.
    share = 1.0 if len(knots) == 2 else 0.5
    rate = np.minimum(
        (0.98 * speed * dq_max / slope).min(axis=1),
        np.sqrt(0.5 * speed * ddq_max / bend).min(axis=1),
    )
    gain = (share * speed * ddq_max / slope).min(axis=1)
    return Trajectory(_profile(grid, rate, gain), curve, knots[0])


def _widest(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    padded = np.pad(values, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:]))


def _profile(
    grid: npt.NDArray[np.float64], rate: npt.NDArray[np.float64], gain: npt.NDArray[np.float64]
) -> Profile:
    """The fastest profile under limits of rate [m] and its gain [m]: one pass each way."""
    squared = rate**2
    squared[0] = squared[-1] = 0.0
    step = float(grid[1] - grid[0])
    for i in range(1, len(grid)):
        squared[i] = min(squared[i], squared[i - 1] + 2 * step * min(gain[i - 1], gain[i]))
    for i in range(len(grid) - 2, -1, -1):
        squared[i] = min(squared[i], squared[i + 1] + 2 * step * min(gain[i], gain[i + 1]))
    rates = np.sqrt(squared)
    times = np.concatenate([[0.0], np.cumsum(2 * step / (rates[:-1] + rates[1:]))])
    return Profile(grid, rates, times)


def _curve(arc: npt.NDArray[np.float64], knots: Path) -> Callable[[npt.ArrayLike, int], Joints]:
    """The path as a function of its arc, and of which derivative is wanted."""
    if len(knots) == 2:
        slope = (knots[1] - knots[0]) / arc[-1]
        factors = (lambda s: s, np.ones_like, np.zeros_like)
        return lambda s, k: (knots[0] if k == 0 else 0) + np.multiply.outer(factors[k](s), slope)
    from scipy.interpolate import PchipInterpolator

    # Pchip passes through the knots and never overshoots them, so a path that keeps within
    # the joints' limits and beside an obstacle still does.
    derivatives = [PchipInterpolator(arc, knots)]
    derivatives += [derivatives[0].derivative(1), derivatives[0].derivative(2)]
    return lambda s, k: np.asarray(derivatives[k](np.clip(s, 0.0, arc[-1])))


def _distinct(path: Path) -> Path:
    kept = [path[0]]
    for q in path[1:]:
        if np.abs(q - kept[-1]).max() > 1e-5:
            kept.append(q)
    return np.array(kept)
