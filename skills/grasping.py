"""Grasps from depth: where two fingers can close on what is seen.

Candidates come from the object's own points: across its body, antipodal about the middle of a
slice, and across the wall of hollow or wide things, at the rim. Each is checked for width and for
collisions of fingers and palm with everything seen. No shape is assumed beyond that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from handeye.perception.frame import Points, Transform

from .hand import about
from .robot import RobotSpec

_YAWS = 16
_SECTORS = 24
_FINGERTIP_M = 0.008
"""How far a fingertip reaches beyond the TCP."""
_MARGIN_M = 0.004
_HOLLOW_BODY_M = 0.055
_LEANS = (0.3, -0.3, 0.55, -0.55)
_LEAN_COST = 0.4
_HOLLOW = frozenset({"bowl", "plate", "cup"})


@dataclass(frozen=True, eq=False)
class Grasp:
    """A way to take hold of something.

    Attributes:
        T_base_tcp: [4, 4] where the TCP closes; approach along its z.
        opening_m: how wide the fingers are before they close.
        width_m: what they are expected to close on.
        score: higher is better; only comparable for one object.
        kind: "body" or "rim".
    """

    T_base_tcp: Transform
    opening_m: float
    width_m: float
    score: float
    kind: str


def plan_grasps(
    points: Points,
    cloud: Points,
    table_m: float,
    spec: RobotSpec,
    category: str = "",
) -> list[Grasp]:
    """Grasps of an object, best first; empty when there is none.

    Args:
        points: [N, 3] the object's surface as seen, m, base frame.
        cloud: [M, 3] everything else that is seen above the table.
        table_m: height of the table.
        spec: the gripper's measures.
        category: a hint: known hollow things are also taken by the rim.
    """
    if len(points) < 12:
        return []
    low, high = np.percentile(points, [1, 99], axis=0)
    # A thin wall gives a firmer hold than a body that nearly fills the gripper.
    widest = _HOLLOW_BODY_M if category in _HOLLOW else spec.gripper_stroke_m - 0.012
    candidates = list(_body_grasps(points, high[2], table_m, spec, widest))
    wide = min(high[:2] - low[:2]) > spec.gripper_stroke_m - 0.01
    if category in _HOLLOW or wide:
        candidates += _rim_grasps(points, float(high[2]), table_m)
    free = [g for g in candidates if is_free(g, points, cloud, table_m, spec)]
    if not free:
        # What stands close by may leave room for a hand that leans away from it.
        leaned = (lean(g, angle) for g in candidates for angle in _LEANS)
        free = [g for g in leaned if is_free(g, points, cloud, table_m, spec)]
    return sorted(free, key=lambda grasp: -grasp.score)


def lean(grasp: Grasp, angle: float) -> Grasp:
    """The grasp with the hand turned by an angle (rad) about its opening axis."""
    T = grasp.T_base_tcp.copy()
    T[:3, :3] = about(T[:3, 1], angle) @ T[:3, :3]
    return replace(grasp, T_base_tcp=T, score=grasp.score - _LEAN_COST * abs(angle))


def same(a: Grasp, b: Grasp) -> bool:
    """Whether two grasps take a thing at the same place in the same way."""
    apart = float(np.linalg.norm(a.T_base_tcp[:3, 3] - b.T_base_tcp[:3, 3]))
    return apart < 0.015 and abs(float(a.T_base_tcp[:3, 1] @ b.T_base_tcp[:3, 1])) > 0.9


def downward(x: float, y: float, z: float, yaw: float, tilt: float = 0.0) -> Transform:
    """[4, 4] TCP pose that approaches from above and opens along `yaw` (rad, base frame).

    `tilt` leans the approach about the opening axis.
    """
    u = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    approach = np.array([0.0, 0.0, -1.0]) * np.cos(tilt) + np.array([-u[1], u[0], 0]) * np.sin(tilt)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2] = np.cross(u, approach), u, approach
    T[:3, 3] = (x, y, z)
    return T


def _body_grasps(
    points: Points, top_m: float, table_m: float, spec: RobotSpec, widest_m: float
) -> Iterator[Grasp]:
    """Across the body: a slice of the object between the pads, for each yaw and a few offsets."""
    height = top_m - table_m
    z = max(table_m + _FINGERTIP_M + 0.002, top_m - spec.finger_depth_m + 0.012)
    if height < 0.06:
        z = max(table_m + _FINGERTIP_M + 0.002, table_m + 0.45 * height)
    middle = (points.min(axis=0) + points.max(axis=0))[:2] / 2
    # The fingers come from above: what is higher must pass between them too, and of a thing that
    # lies flat the cameras see little but its upper side.
    near = points[:, 2] > z - 0.02
    layer = points[near] if near.sum() >= 12 else points
    layer_middle = (layer.min(axis=0) + layer.max(axis=0))[:2] / 2
    for yaw in np.arange(_YAWS) * np.pi / _YAWS:
        u = np.array([np.cos(yaw), np.sin(yaw)])
        v = np.array([-u[1], u[0]])
        along_u, along_v = (layer[:, :2] - layer_middle) @ u, (layer[:, :2] - layer_middle) @ v
        length = float(np.ptp(along_v))
        for offset in (0.0, 0.2 * length, -0.2 * length):
            slab = np.abs(along_v - offset) < spec.finger_width_m / 2 + 0.003
            if slab.sum() < 6:
                continue
            left, right = np.percentile(along_u[slab], [2, 98])
            width = float(right - left)
            if width > widest_m or width < 0.006:
                continue
            x, y = layer_middle + u * (left + right) / 2 + v * offset
            off = float(np.hypot(x - middle[0], y - middle[1]))
            margin = spec.gripper_stroke_m - width
            score = 1.0 - 8.0 * off - 12.0 * max(0.0, 0.025 - margin) - 1.5 * width
            opening = min(spec.gripper_stroke_m, width + 0.03)
            yield Grasp(downward(x, y, z, yaw), opening, width, score, "body")


def _rim_grasps(points: Points, rim_m: float, table_m: float) -> Iterator[Grasp]:
    """Across the wall at the rim, one finger inside and one outside, all around."""
    height = rim_m - table_m
    rim = points[points[:, 2] > rim_m - max(0.006, 0.12 * height)]
    if len(rim) < 12:
        return
    center = (rim.min(axis=0) + rim.max(axis=0))[:2] / 2
    offset = rim[:, :2] - center
    radius, angle = np.hypot(*offset.T), np.arctan2(offset[:, 1], offset[:, 0])
    outer = float(np.percentile(radius, 90))
    if (radius < 0.6 * outer).mean() > 0.35:
        return  # Closed on top: there is no inside for a finger.
    depth = min(0.022, max(0.004, height - 0.016))
    z = max(rim_m - depth + _FINGERTIP_M * 0.5, table_m + _FINGERTIP_M + 0.003)
    for sector in range(_SECTORS):
        theta = -np.pi + (sector + 0.5) * 2 * np.pi / _SECTORS
        mine = np.abs((angle - theta + np.pi) % (2 * np.pi) - np.pi) < np.pi / _SECTORS
        edge = radius[mine & (radius > 0.7 * outer)]
        if len(edge) < 2:
            continue
        r = float(np.percentile(edge, 80)) - 0.003
        if abs(r - outer) > 0.02:
            continue
        u = np.array([np.cos(theta), np.sin(theta)])
        x, y = center + r * u
        # The near side of the table is easier to reach than the far side.
        score = 0.75 - 0.4 * float(np.hypot(x, y) - np.hypot(*center)) - 0.15 * abs(u[0])
        yield Grasp(downward(x, y, z, theta), 0.034, 0.006, score, "rim")


def is_free(grasp: Grasp, points: Points, cloud: Points, table_m: float, spec: RobotSpec) -> bool:
    """Whether open fingers and palm fit around the object and between its neighbours."""
    if grasp.T_base_tcp[2, 3] - _FINGERTIP_M < table_m:
        return False
    own = fingers_hit(grasp.T_base_tcp, grasp.opening_m, points, spec, margin_m=0.0)
    if own > 0.01 * len(points) + 2:
        return False
    everything = np.concatenate([points, cloud]) if len(cloud) else points
    if palm_hits(grasp.T_base_tcp, everything, spec) > 2:
        return False
    above = grasp.T_base_tcp.copy()
    above[:3, 3] -= 0.04 * above[:3, 2]
    return (
        fingers_hit(grasp.T_base_tcp, grasp.opening_m, cloud, spec, margin_m=_MARGIN_M) <= 2
        and palm_hits(above, cloud, spec) <= 2
    )


def fingers_hit(
    T_base_tcp: Transform, opening_m: float, cloud: Points, spec: RobotSpec, *, margin_m: float
) -> int:
    """How many points [N, 3] lie within the fingers, widened by a margin."""
    if len(cloud) == 0:
        return 0
    x, y, z = _in_tcp(T_base_tcp, cloud)
    half = opening_m / 2
    hit = (
        (np.abs(x) < spec.finger_width_m / 2 + margin_m)
        & (np.abs(y) > half - 0.001)
        & (np.abs(y) < half + spec.finger_thickness_m + margin_m)
        & (z > -spec.finger_depth_m)
        & (z < _FINGERTIP_M + margin_m)
    )
    return int(hit.sum())


def palm_hits(T_base_tcp: Transform, cloud: Points, spec: RobotSpec) -> int:
    """How many points [N, 3] lie within the palm and what is right behind it."""
    if len(cloud) == 0:
        return 0
    x, y, z = _in_tcp(T_base_tcp, cloud)
    hit = (
        (np.abs(x) < 0.035)
        & (np.abs(y) < spec.gripper_stroke_m / 2 + 0.065)
        & (z < -spec.finger_depth_m + 0.002)
        & (z > -spec.finger_depth_m - 0.13)
    )
    return int(hit.sum())


def _in_tcp(T_base_tcp: Transform, points: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    T_tcp_base = np.linalg.inv(T_base_tcp)
    x, y, z = (points @ T_tcp_base[:3, :3].T + T_tcp_base[:3, 3]).T
    return x, y, z
