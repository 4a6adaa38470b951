"""check_camera: hold any camera to the contract."""

import math

import numpy as np

from ..errors import EndOfStreamError, UserError
from ..frame import Camera, Frame, Transform
from ..images import not_rgb


def check_camera(camera: Camera, frames: int = 3) -> Frame:
    """Read a camera a few times; raises UserError naming the first breach.

    Args:
        camera: working; it stays open.
        frames: how many to read; a finite camera may end earlier, after one.

    Returns:
        The last frame.
    """
    if not isinstance(camera, Camera):
        raise UserError(f"{type(camera).__name__} lacks one of name, read, close")
    _must(isinstance(camera.name, str) and bool(camera.name), "name must be a non-empty string")
    last: Frame | None = None
    for _ in range(max(frames, 1)):
        try:
            frame = camera.read(max_age_s=5.0)
        except EndOfStreamError:
            break
        check_frame(frame, camera.name)
        if last is not None:
            _check_order(last, frame)
        last = frame
    if last is None:
        raise UserError(f'camera "{camera.name}" ended before its first frame')
    return last


def check_frame(frame: Frame, camera: str | None = None) -> None:
    """Hold one frame to its contract: shapes, dtypes, units, pose; raises UserError."""
    kind = not_rgb(frame.rgb)
    _must(not kind, f"rgb must be [H, W, 3] uint8, it is {kind}")
    _must(camera is None or frame.camera == camera, f'frame.camera is "{frame.camera}"')
    _must(math.isfinite(frame.stamp_s), "stamp_s must be seconds")
    size = frame.rgb.shape[:2]
    if frame.depth is not None:
        depth = frame.depth
        _must(depth.shape == size, f"depth must be {size} like rgb, it is {depth.shape}")
        _must(depth.dtype == np.float32, f"depth must be float32 metres, it is {depth.dtype}")
        _must(not bool((depth < 0).any()), "depth must not be negative; 0 or NaN is no reading")
    if frame.intrinsics is not None:
        k = frame.intrinsics
        own = (k.height, k.width)
        _must(own == size, f"intrinsics are for an image of {own}, rgb is {size}")
        _must(k.fx > 0 and k.fy > 0, "focal lengths must be positive")
    if frame.T_world_camera is not None:
        _check_rigid(frame.T_world_camera)


def _check_rigid(T: Transform) -> None:
    _must(np.shape(T) == (4, 4), f"T_world_camera must be [4, 4], it is {np.shape(T)}")
    R = T[:3, :3]
    rigid = np.allclose(R @ R.T, np.eye(3), atol=1e-3) and np.linalg.det(R) > 0
    _must(bool(rigid) and np.allclose(T[3], [0, 0, 0, 1]), "T_world_camera must be rigid")


def _check_order(last: Frame, frame: Frame) -> None:
    if frame.stamp_s == last.stamp_s and frame.sequence == last.sequence:
        return  # The same reading again, which is allowed while it is fresh.
    _must(frame.sequence > last.sequence, f"sequence went {last.sequence} -> {frame.sequence}")
    _must(frame.stamp_s >= last.stamp_s, f"stamps went back {last.stamp_s} -> {frame.stamp_s}")


def _must(holds: bool, complaint: str) -> None:
    if not holds:
        raise UserError(complaint)
