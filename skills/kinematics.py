"""Kinematics of a serial arm, from its URDF: forward, Jacobian, inverse, and where its body is.

Joint positions are radians, and metres for prismatic joints.
"""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from handeye.perception.errors import UnreachableError, UserError
from handeye.perception.frame import Transform

from .robot import Joints, RobotSpec

Matrix = npt.NDArray[np.float64]
_IDENTITY = np.eye(3)
_UNITS = {"revolute": "rad", "continuous": "rad", "prismatic": "m"}
"""Of the kinds of joints that may move."""


@dataclass(frozen=True, eq=False)
class _Joint:
    """The axis is a unit vector; K [3, 3] takes the cross product with it, K2 is its square."""

    name: str
    kind: str
    T_parent_joint: Transform
    axis: npt.NDArray[np.float64]
    K: Matrix
    K2: Matrix
    q_min: float
    q_max: float


class Kinematics:
    """The chain from a URDF's root to its TCP link.

    Args:
        urdf: path of the URDF.
        tcp_link: the link whose frame is the TCP.
        joint_names: the n moving joints of the chain, base to flange; others stay at zero.

    Attributes:
        q_min, q_max: [n] position limits; infinite where a joint turns without end (continuous).
        units: of the joints' positions, "rad" or "m".
        moving: `joint_names` in the order of the chain.

    Raises:
        UserError: the URDF cannot be read, has no such link or joint, or has joints in the chain
            that neither turn about an axis nor slide along one.
    """

    def __init__(self, urdf: str, tcp_link: str, joint_names: tuple[str, ...]) -> None:
        self._chain = _chain(urdf, tcp_link)
        named = {joint.name: joint for joint in self._chain}
        missing = [name for name in joint_names if name not in named]
        if missing:
            raise UserError(
                f"{urdf} has no joint {missing[0]!r} between its root and {tcp_link!r}; "
                f"there are: {', '.join(named)}"
            )
        self._order = {name: i for i, name in enumerate(joint_names)}
        joints = [named[name] for name in joint_names]
        for joint in joints:
            if joint.kind not in _UNITS:
                raise UserError(f"{joint.name!r} of {urdf} is {joint.kind}: it moves nothing")
        self.units = tuple(_UNITS[joint.kind] for joint in joints)
        moving = [joint for joint in self._chain if joint.name in self._order]
        self.moving = tuple(joint.name for joint in moving)
        self._sliding = [k for k, joint in enumerate(moving) if joint.kind == "prismatic"]
        self.q_min = np.array([joint.q_min for joint in joints])
        self.q_max = np.array([joint.q_max for joint in joints])

    @classmethod
    def of(cls, spec: RobotSpec) -> "Kinematics | None":
        """The kinematics of an arm within its own limits; None for an arm without a URDF."""
        if spec.urdf is None or spec.tcp_link is None:
            return None
        made = cls(spec.urdf, spec.tcp_link, spec.joint_names)
        made.q_min = np.maximum(made.q_min, spec.q_min)
        made.q_max = np.minimum(made.q_max, spec.q_max)
        return made

    def fk(self, q: Joints) -> Transform:
        """[n] joint positions to [4, 4] T_base_tcp."""
        return self._frames(q)[0][-1]

    def links(self, q: Joints) -> list[Transform]:
        """Poses [4, 4] of every link of the chain, root's child to TCP."""
        return self._frames(q)[0]

    def jacobian(self, q: Joints) -> Matrix:
        """[6, n] geometric Jacobian at the TCP, by rad or m: linear (m) above, angular below."""
        return self._jacobian(*self._frames(q))

    def ik(
        self,
        T_base_tcp: Transform,
        q_seed: Joints,
        *,
        tolerance_m: float = 5e-4,
        tolerance_rad: float = 0.02,
        q_rest: Joints | None = None,
    ) -> Joints:
        """Joint positions [n] that put the TCP at a pose; damped least squares.

        Starts from `q_seed`, then from a fixed set of other configurations. `q_rest`, where the
        arm would rather be, is approached in the null space.

        Raises:
            UnreachableError: no start led there within limits; says how near it came.
        """
        best, nearest = None, np.inf
        for start in self._starts(q_seed):
            q, miss_m, miss_rad = self._descend(T_base_tcp, start, q_rest)
            if miss_m < tolerance_m and miss_rad < tolerance_rad:
                return q
            if miss_m + 0.1 * miss_rad < nearest:
                best, nearest = (miss_m, miss_rad), miss_m + 0.1 * miss_rad
        x, y, z = T_base_tcp[:3, 3]
        near = f"; the nearest is {best[0] * 1000:.0f} mm and {best[1]:.2f} rad off" if best else ""
        raise UnreachableError(f"the TCP cannot be put at ({x:.3f}, {y:.3f}, {z:.3f}) m{near}")

    def body_points(self, q: Joints, spacing_m: float = 0.05) -> Matrix:
        """[N, 3] points along the arm's bones, m, base frame; the body is about 7 cm around."""
        origins = np.array([np.zeros(3), *(T[:3, 3] for T in self.links(q))])
        points = []
        for a, b in pairwise(origins):
            count = max(2, int(np.linalg.norm(b - a) / spacing_m) + 1)
            points.append(a + np.linspace(0, 1, count)[:, None] * (b - a))
        return np.concatenate(points)

    def _starts(self, q_seed: Joints) -> list[Joints]:
        middle, ends = q_seed.copy(), np.isfinite(self.q_min) & np.isfinite(self.q_max)
        middle[ends] = (self.q_min[ends] + self.q_max[ends]) / 2
        turned = [q_seed.copy() for _ in range(4)]
        for q, turn in zip(turned, (0.8, -0.8, 1.6, -1.6), strict=True):
            q[0] = np.clip(q[0] + turn, self.q_min[0], self.q_max[0])
            q[-1] = np.clip(q[-1] - turn, self.q_min[-1], self.q_max[-1])
        return [q_seed, (q_seed + middle) / 2, *turned]

    def _descend(
        self, goal: Transform, q_start: Joints, q_rest: Joints | None
    ) -> tuple[Joints, float, float]:
        q = np.clip(q_start, self.q_min, self.q_max)
        damping = 1e-3
        identity = np.eye(len(q))
        frames, axes = self._frames(q)
        error = _pose_error(frames[-1], goal)
        for _ in range(80):
            J = self._jacobian(frames, axes)
            gain = J.T @ np.linalg.inv(J @ J.T + damping * np.eye(6))
            step = gain @ error
            if q_rest is not None:
                step += (identity - gain @ J) @ (0.2 * (q_rest - q))
            largest = float(np.abs(step).max())
            moved = np.clip(q + step * min(1.0, 0.4 / (largest + 1e-12)), self.q_min, self.q_max)
            there, turned = self._frames(moved)
            after = _pose_error(there[-1], goal)
            if np.linalg.norm(after) > np.linalg.norm(error) * 1.2 and q_rest is None:
                damping = min(damping * 8, 0.5)
                continue
            damping = max(damping * 0.4, 1e-6)
            q, error, frames, axes = moved, after, there, turned
            if np.linalg.norm(error[:3]) < 1e-4 and np.linalg.norm(error[3:]) < 1e-3:
                break
        return q, float(np.linalg.norm(error[:3])), float(np.linalg.norm(error[3:]))

    def _frames(self, q: Joints) -> tuple[list[Transform], list[tuple[int, Matrix, Matrix]]]:
        """Link poses, and (index, origin, axis) of the moving joints, base frame."""
        T = np.eye(4)
        frames, axes = [], []
        for joint in self._chain:
            T = T @ joint.T_parent_joint
            index = self._order.get(joint.name)
            if index is not None:
                axis = T[:3, :3] @ joint.axis
                axes.append((index, T[:3, 3], axis))
                T = T.copy()
                if joint.kind == "prismatic":
                    T[:3, 3] += axis * float(q[index])
                else:
                    T[:3, :3] = T[:3, :3] @ _turn(joint.K, joint.K2, float(q[index]))
            frames.append(T)
        return frames, axes

    def _jacobian(self, frames: list[Transform], axes: list[tuple[int, Matrix, Matrix]]) -> Matrix:
        order, origins, turning = zip(*axes, strict=True)
        (x, y, z), (u, v, w) = np.transpose(turning), np.transpose(frames[-1][:3, 3] - origins)
        J = np.zeros((6, len(self._order)))
        # The cross product written out: numpy's own costs more than all else here.
        J[:, order] = [y * w - z * v, z * u - x * w, x * v - y * u, x, y, z]
        for k in self._sliding:
            J[:3, order[k]], J[3:, order[k]] = turning[k], 0.0
        return J


@lru_cache(maxsize=8)
def _chain(urdf: str, tcp_link: str) -> tuple[_Joint, ...]:
    if not Path(urdf).is_file():
        raise UserError(f"there is no URDF at {urdf}")
    try:
        by_child = {
            element.find("child").attrib["link"]: element  # type: ignore[union-attr]
            for element in ET.parse(urdf).getroot().iterfind("joint")
        }
        chain: list[_Joint] = []
        link = tcp_link
        while link in by_child:
            element = by_child.pop(link)
            chain.append(_read_joint(element))
            link = element.find("parent").attrib["link"]  # type: ignore[union-attr]
    except (ET.ParseError, AttributeError, KeyError, ValueError) as error:
        raise UserError(
            f"{urdf} is no URDF that can be read: {type(error).__name__}: {error}"
        ) from error
    if not chain:
        raise UserError(f"{urdf} has no link {tcp_link!r} below its root")
    return tuple(reversed(chain))


def _read_joint(element: ET.Element) -> _Joint:
    origin, axis, limit = (element.find(tag) for tag in ("origin", "axis", "limit"))
    xyz = _floats(origin, "xyz", "0 0 0")
    roll, pitch, yaw = _floats(origin, "rpy", "0 0 0")
    T = np.eye(4)
    x, y, z = (_cross_matrix(axis) for axis in np.eye(3))
    T[:3, :3] = _turn(z, z @ z, yaw) @ _turn(y, y @ y, pitch) @ _turn(x, x @ x, roll)
    T[:3, 3] = xyz
    name, kind = element.attrib["name"], element.attrib["type"]
    direction = _direction(name, kind, _floats(axis, "xyz", "1 0 0"))
    K = _cross_matrix(direction)
    q_min, q_max = -np.pi, np.pi
    if kind == "continuous":  # What a URDF says of its limits means nothing.
        q_min, q_max = -np.inf, np.inf
    elif limit is not None:
        q_min = float(limit.attrib.get("lower", q_min))
        q_max = float(limit.attrib.get("upper", q_max))
    return _Joint(name, kind, T, direction, K, K @ K, q_min, q_max)


def _direction(name: str, kind: str, axis: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The unit vector along a joint's axis; a fixed joint's means nothing and stays as it is.

    Raises UserError for a joint that cannot be moved along or about an axis.
    """
    if kind == "fixed":
        return axis
    if kind not in _UNITS:
        raise UserError(f"joint {name!r} is {kind}; supported are fixed, {', '.join(_UNITS)}")
    length = float(np.linalg.norm(axis))
    if not 1e-9 < length < np.inf:
        raise UserError(f"joint {name!r} has no axis: xyz is {axis.tolist()}")
    return axis / length


def _floats(element: ET.Element | None, key: str, default: str) -> npt.NDArray[np.float64]:
    text = element.attrib.get(key, default) if element is not None else default
    return np.array([float(word) for word in text.split()])


def _cross_matrix(axis: npt.NDArray[np.float64]) -> Matrix:
    """[3, 3] that turns a vector into its cross product with a unit axis."""
    x, y, z = axis
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])


def _turn(K: Matrix, K2: Matrix, angle: float) -> Matrix:
    """[3, 3] rotation about the unit axis of a cross matrix and its square (Rodrigues)."""
    return _IDENTITY + math.sin(angle) * K + (1 - math.cos(angle)) * K2


def _pose_error(T: Transform, goal: Transform) -> npt.NDArray[np.float64]:
    """[6] translation (m) and rotation vector (rad) from T to goal, base frame."""
    R = goal[:3, :3] @ T[:3, :3].T
    vector = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    sine, cosine = np.linalg.norm(vector) / 2, (np.trace(R) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    if sine < 1e-9:
        axis = np.array([1.0, 0.0, 0.0])
        return np.concatenate([goal[:3, 3] - T[:3, 3], axis * angle])
    return np.concatenate([goal[:3, 3] - T[:3, 3], vector / (2 * sine) * angle])
