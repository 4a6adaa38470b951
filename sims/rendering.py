"""Rendering: PyBullet's camera, in the conventions of Frame."""

import pkgutil
import shutil
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pybullet as p
from handeye.perception.errors import UserError
from handeye.perception.frame import Depth, Image, Intrinsics, Transform

NEAR_M = 0.02
FAR_M = 6.0

Segmentation = npt.NDArray[np.int32]
"""[H, W] int32, the body's uid at each pixel; -1 where there is none."""


@dataclass(frozen=True)
class Light:
    """One directional light with shadow; the rest is ambient.

    Attributes:
        direction: towards the light, world frame.
        color: RGB, 0..1.
        ambient, diffuse, specular: coefficients.
    """

    direction: tuple[float, float, float] = (0.6, -0.5, 1.5)
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient: float = 0.55
    diffuse: float = 0.45
    specular: float = 0.05
    shadow: bool = True


@dataclass(frozen=True, eq=False)
class Rendering:
    """One rendered image; `segmentation` is for the judge and the training-data renderer only."""

    rgb: Image
    depth: Depth
    segmentation: Segmentation | None = None


def start_egl(client: int, *, required: bool) -> int:
    """Load PyBullet's EGL plugin; -1 where there is no GPU and it is not `required`."""
    if not required and shutil.which("nvidia-smi") is None:
        return -1
    found = pkgutil.get_loader("eglRenderer") if hasattr(pkgutil, "get_loader") else None
    path = found.get_filename() if found is not None else ""  # type: ignore[attr-defined]
    plugin = p.loadPlugin(path, "_eglRendererPlugin", physicsClientId=client) if path else -1
    if plugin < 0 and required:
        raise UserError("the EGL renderer could not be started here; use renderer='tiny'")
    return int(plugin)


def _projection(intrinsics: Intrinsics) -> list[float]:
    """OpenGL projection matrix, column-major, of a pinhole camera."""
    w, h = intrinsics.width, intrinsics.height
    cx, cy = intrinsics.cx + 0.5, intrinsics.cy + 0.5
    P = np.zeros((4, 4))
    P[0, 0], P[1, 1] = 2 * intrinsics.fx / w, 2 * intrinsics.fy / h
    P[0, 2], P[1, 2] = 1 - 2 * cx / w, 2 * cy / h - 1
    P[2, 2] = -(FAR_M + NEAR_M) / (FAR_M - NEAR_M)
    P[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
    P[3, 2] = -1.0
    return [float(value) for value in P.T.ravel()]


def _view(T_world_camera: Transform) -> list[float]:
    """OpenGL view matrix, column-major, of an OpenCV camera pose."""
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    return [float(value) for value in (flip @ np.linalg.inv(T_world_camera)).T.ravel()]


def render(
    client: int,
    light: Light,
    intrinsics: Intrinsics,
    T_world_camera: Transform,
    *,
    segmentation: bool = False,
    egl: bool = False,
) -> Rendering:
    """Render one image; depth is metric, 0 where nothing is hit."""
    width, height = intrinsics.width, intrinsics.height
    _, _, rgba, z_buffer, uids = p.getCameraImage(
        width,
        height,
        viewMatrix=_view(T_world_camera),
        projectionMatrix=_projection(intrinsics),
        lightDirection=light.direction,
        lightColor=light.color,
        lightAmbientCoeff=light.ambient,
        lightDiffuseCoeff=light.diffuse,
        lightSpecularCoeff=light.specular,
        lightDistance=2.5,
        shadow=int(light.shadow),
        renderer=p.ER_BULLET_HARDWARE_OPENGL if egl else p.ER_TINY_RENDERER,
        flags=0 if segmentation else p.ER_NO_SEGMENTATION_MASK,
        physicsClientId=client,
    )
    rgb = np.ascontiguousarray(np.reshape(rgba, (height, width, 4))[..., :3]).astype(np.uint8)
    z = np.reshape(z_buffer, (height, width)).astype(np.float64)
    depth = FAR_M * NEAR_M / (FAR_M - (FAR_M - NEAR_M) * z)
    depth[z >= 1.0] = 0.0
    labels = np.reshape(uids, (height, width)).astype(np.int32) if segmentation else None
    return Rendering(rgb, depth.astype(np.float32), labels)


def look_at(
    eye: tuple[float, float, float],
    target: tuple[float, float, float],
    roll: float = 0.0,
) -> Transform:
    """[4, 4] pose of an OpenCV camera at `eye` (m) that looks at `target`, upright but `roll`."""
    forward = np.subtract(target, eye)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right = right / np.linalg.norm(right)
    down = np.cross(forward, right)
    c, s = np.cos(roll), np.sin(roll)
    T = np.eye(4)
    T[:3, 0], T[:3, 1], T[:3, 2] = c * right + s * down, c * down - s * right, forward
    T[:3, 3] = eye
    return T
