"""Geometry of depth images: pixels to points and back, the table, and what hangs together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .errors import CameraError
from .frame import Depth, Frame, Intrinsics, Mask, Points, Transform

_OWN_M = 0.008
"""Points nearer than this to a known surface are of it."""


def backproject(depth: Depth, intrinsics: Intrinsics, T_world_camera: Transform) -> Points:
    """Lift a depth image to points in the world frame.

    Args:
        depth: [H, W] float32, metres; 0 or NaN marks no reading.
        intrinsics: pinhole focal lengths and centre, pixels.
        T_world_camera: [4, 4] camera pose in the world.

    Returns:
        [N, 3] float32 points, metres, world frame; N counts the valid pixels.
    """
    rows, columns = np.nonzero(np.isfinite(depth) & (depth > 0))
    return _lift(depth, rows, columns, intrinsics, T_world_camera)


def points_of(frame: Frame, mask: Mask | None = None) -> Points:
    """Points [N, 3] of a frame, or of the part of it under a mask [H, W], world frame.

    Raises CameraError when the frame has no depth, intrinsics or pose.
    """
    depth, intrinsics, T_world_camera = _calibrated(frame)
    valid = np.isfinite(depth) & (depth > 0)
    if mask is not None:
        valid &= mask
    rows, columns = np.nonzero(valid)
    return _lift(depth, rows, columns, intrinsics, T_world_camera)


def project(points: Points, frame: Frame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Pixels [N, 2] (column, row), rounded, and distances [N] along the optical axis, m.

    Points behind the camera get a distance of at most 0. Pixels may lie outside of the image.
    """
    _, intrinsics, T_world_camera = _calibrated(frame)
    T_camera_world = np.linalg.inv(T_world_camera)
    local = points @ T_camera_world[:3, :3].T + T_camera_world[:3, 3]
    z = np.where(local[:, 2] > 1e-6, local[:, 2], 1e-6)
    u = np.rint(intrinsics.fx * local[:, 0] / z + intrinsics.cx)
    v = np.rint(intrinsics.fy * local[:, 1] / z + intrinsics.cy)
    return np.stack([u, v], axis=1).astype(np.int64), local[:, 2].astype(np.float64)


def share_in_view(points: Points, frame: Frame) -> float:
    """Share of points [N, 3] (m) that lie within the picture, hidden or not; 0 for none."""
    if not len(points):
        return 0.0
    pixels, distance = project(points, frame)
    height, width = frame.rgb.shape[:2]
    inside = np.all((pixels >= 0) & (pixels < (width, height)), axis=1)
    return float((inside & (distance > 0)).mean())


def apart_from(cloud: Points, others: Sequence[Points]) -> Points:
    """[K, 3] what of a cloud [N, 3] is not of surfaces that are known, each [M, 3], m."""
    for points in others:
        cloud = cloud[~near(cloud, points)]
    return cloud


def near(cloud: Points, points: Points) -> Mask:
    """[N] bool, which points of a cloud [N, 3] are of a known surface [M, 3], m."""
    if not len(points) or not len(cloud):
        return np.zeros(len(cloud), np.bool_)
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(points).query(cloud, distance_upper_bound=_OWN_M)
    return np.asarray(np.isfinite(distance))


def main_cluster(points: Points, gap_m: float = 0.015) -> Points:
    """The largest part of a point set that hangs together, in steps of `gap_m`."""
    if len(points) < 8:
        return points
    from scipy.ndimage import label

    cells = np.floor((points - points.min(axis=0)) / gap_m).astype(np.int64)
    if int(np.prod(cells.max(axis=0) + 1)) > 4_000_000:
        return points
    grid = np.zeros(cells.max(axis=0) + 1, dtype=np.bool_)
    grid[tuple(cells.T)] = True
    labels, _ = label(grid, structure=np.ones((3, 3, 3)))
    mine = labels[tuple(cells.T)]
    return np.asarray(points[mine == np.bincount(mine).argmax()])


def thin_out(points: Points, cell_m: float = 0.004) -> Points:
    """One point of each cell of a grid."""
    if len(points) == 0:
        return points
    cells = np.floor(points / cell_m).astype(np.int64)
    cells -= cells.min(axis=0)
    _, rows, layers = (int(n) for n in cells.max(axis=0) + 1)
    _, first = np.unique((cells[:, 0] * rows + cells[:, 1]) * layers + cells[:, 2], True)
    return points[np.sort(first)]


def _lift(
    depth: Depth,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    intrinsics: Intrinsics,
    T_world_camera: Transform,
) -> Points:
    z = depth[rows, columns].astype(np.float64)
    x = (columns - intrinsics.cx) / intrinsics.fx * z
    y = (rows - intrinsics.cy) / intrinsics.fy * z
    local = np.stack([x, y, z], axis=1)
    return (local @ T_world_camera[:3, :3].T + T_world_camera[:3, 3]).astype(np.float32)


def _calibrated(frame: Frame) -> tuple[Depth, Intrinsics, Transform]:
    if frame.depth is None or frame.intrinsics is None or frame.T_world_camera is None:
        missing = [
            name
            for name in ("depth", "intrinsics", "T_world_camera")
            if getattr(frame, name) is None
        ]
        raise CameraError(
            f'camera "{frame.camera}" gives no {" and no ".join(missing)}; '
            "lifting to 3-D needs all three"
        )
    return frame.depth, frame.intrinsics, frame.T_world_camera
