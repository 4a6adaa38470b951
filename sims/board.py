"""A board: a picture on a sheet, on the wall or on the table, and a camera that looks at it."""

import os
import tempfile
from typing import Literal

import numpy as np
import pybullet as p
from handeye.perception.frame import Image, Intrinsics, Transform
from handeye.perception.observer import BOARD
from scipy.spatial.transform import Rotation

from .camera import SimCamera
from .panda import SimPanda
from .rendering import look_at
from .world import World

Where = Literal["wall", "table"]
PIXELS = (1120, 840)
"""Width and height of what the board's camera gives."""
_FOV_Y_RAD = 0.60
_FILLED = 0.78
"""How much of the camera's width the sheet takes."""
_WIDE_M: dict[Where, float] = {"wall": 0.45, "table": 0.26}
_ABOVE_RAD: dict[Where, tuple[float, float]] = {"wall": (0.05, 0.35), "table": (-0.35, 0.1)}
"""How far above the sheet's middle its camera is: things on the table must not stand between."""


def add_board(
    world: World,
    robot: SimPanda,
    picture: Image,
    rng: np.random.Generator,
    *,
    where: Where,
    table_height_m: float = 0.0,
) -> None:
    """Put up a sheet with a picture on it, and give the robot a camera "board" that sees it.

    It is out of the other cameras' sight and out of the arm's reach.

    Args:
        world: where.
        robot: gets the camera.
        picture: [H, W, 3] uint8, what is on the sheet.
        rng: draws the place, and from where the camera looks.
        where: "wall", upright on a board; or "table", flat beside where the arm works.
        table_height_m: of the table top.
    """
    T_world_sheet = _pose(where, rng, table_height_m)
    height, width = picture.shape[:2]
    wide = _WIDE_M[where]
    size = (wide, wide * height / width)
    if where == "wall":
        _backing(world, T_world_sheet, size)
    _sheet(world, T_world_sheet, size, picture)
    intrinsics = Intrinsics.from_fov(*PIXELS, _FOV_Y_RAD)
    T_world_camera = _view(T_world_sheet, wide, _ABOVE_RAD[where], rng)
    robot.add_camera(SimCamera(world, BOARD, intrinsics, lambda: T_world_camera))


def _pose(where: Where, rng: np.random.Generator, table_height_m: float) -> Transform:
    """Of the sheet's middle: x to its right, y up along it, z out of it."""
    T = np.eye(4)
    jitter = rng.uniform(-0.02, 0.02, 3)
    if where == "wall":
        # To the robot's right, facing the table.
        T[:3, :3] = np.array([[-1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])
        T[:3, 3] = np.array((0.35, -1.05, 0.32)) + jitter
        return T
    turn = rng.uniform(-0.15, 0.15)
    T[:3, :3] = Rotation.from_euler("z", np.pi / 2 + turn).as_matrix()
    T[:3, 3] = (0.84 + jitter[0], 0.50 + jitter[1], table_height_m + 0.002)
    return T


def _view(
    T_world_sheet: Transform,
    wide_m: float,
    above_rad: tuple[float, float],
    rng: np.random.Generator,
) -> Transform:
    """A camera before the sheet, off its middle by up to 20 degrees either way."""
    focal = Intrinsics.from_fov(*PIXELS, _FOV_Y_RAD).fx
    away = focal * wide_m / (_FILLED * PIXELS[0])
    aside, above = rng.uniform(-0.35, 0.35), rng.uniform(*above_rad)
    middle, right, up, out = (T_world_sheet[:3, k] for k in (3, 0, 1, 2))
    way = out + np.tan(aside) * right + np.tan(above) * up
    eye = middle + away * way / np.linalg.norm(way)
    target = middle + rng.uniform(-0.015, 0.015) * right
    roll = float(rng.uniform(-0.03, 0.03))
    T = look_at(_triple(eye), _triple(target))
    # Upright as the sheet is, not as the world is: the camera above a table has no other up.
    x = np.cross(-up, T[:3, 2])
    x /= np.linalg.norm(x)
    T[:3, 0], T[:3, 1] = x, np.cross(T[:3, 2], x)
    T[:3, :3] = T[:3, :3] @ Rotation.from_euler("z", roll).as_matrix()
    return T


def _sheet(world: World, T: Transform, size: tuple[float, float], picture: Image) -> None:
    """A rectangle with the picture on it, upright along its y."""
    from PIL import Image as Picture

    w, h = size[0] / 2, size[1] / 2
    client = world.client
    visual = p.createVisualShape(
        p.GEOM_MESH,
        vertices=[(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)],
        indices=[0, 1, 2, 0, 2, 3],
        uvs=[(0, 0), (1, 0), (1, 1), (0, 1)],
        normals=[(0, 0, 1)] * 4,
        rgbaColor=(1, 1, 1, 1),
        physicsClientId=client,
    )
    uid = p.createMultiBody(0, -1, visual, *_placed(T), physicsClientId=client)
    # PyBullet takes textures from files only, and keeps what it has read.
    handle, path = tempfile.mkstemp(suffix=".png")
    os.close(handle)
    try:
        Picture.fromarray(picture).save(path)
        index = p.loadTexture(path, physicsClientId=client)
    finally:
        os.remove(path)
    p.changeVisualShape(uid, -1, textureUniqueId=index, physicsClientId=client)
    world.adopt(uid, "sheet")


def _backing(world: World, T: Transform, size: tuple[float, float]) -> None:
    """The board that the sheet hangs on."""
    half = (size[0] / 2 + 0.03, size[1] / 2 + 0.03, 0.01)
    client = world.client
    collision = p.createCollisionShape(p.GEOM_BOX, halfExtents=half, physicsClientId=client)
    visual = p.createVisualShape(
        p.GEOM_BOX, halfExtents=half, rgbaColor=(0.36, 0.26, 0.18, 1), physicsClientId=client
    )
    behind = T.copy()
    behind[:3, 3] -= 0.013 * T[:3, 2]
    uid = p.createMultiBody(0, collision, visual, *_placed(behind), physicsClientId=client)
    world.adopt(uid, "board")


def _placed(T: Transform) -> tuple[list[float], list[float]]:
    """Position and quaternion, as PyBullet wants them."""
    return T[:3, 3].tolist(), Rotation.from_matrix(T[:3, :3]).as_quat().tolist()


def _triple(point: np.ndarray) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
