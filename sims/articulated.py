"""Furniture with a joint: a cabinet with a drawer, a fridge with a door.

Each is a hollow box with its front along its own x, and one moving part with a handle on it: the
drawer slides out along x, the door turns about a vertical hinge at the box's -y edge.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pybullet as p

from .body import Body, FurnitureKind, Joint
from .objects import COLORS, HELD_OUT_FURNITURE, ColorName, sample_shade
from .world import World

Vec3 = tuple[float, float, float]
Part = tuple[Vec3, Vec3]
"""Half extents and middle of a box, m."""

_WALL = 0.008
_HANDLE_GAP_M = 0.035
_HANDLE_M = 0.006
_OPEN_SHARE, _CLOSED_SHARE = 0.6, 0.15
_SIZES: dict[FurnitureKind, Vec3] = {"drawer": (0.17, 0.20, 0.11), "fridge": (0.17, 0.20, 0.24)}


@dataclass
class _Parts:
    """Boxes of one link."""

    boxes: list[Part] = field(default_factory=list)

    def add(self, size: Vec3, middle: Vec3) -> None:
        self.boxes.append(((size[0] / 2, size[1] / 2, size[2] / 2), middle))

    def corners(self) -> npt.NDArray[np.float64]:
        """[8 n, 3] the corners of the boxes, m, link frame."""
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
        return np.concatenate([np.array(half) * signs + middle for half, middle in self.boxes])

    def shapes(self, client: int, rgba: tuple[float, float, float, float]) -> tuple[int, int]:
        """(collision, visual) shape numbers."""
        halves, middles = [b[0] for b in self.boxes], [b[1] for b in self.boxes]
        kinds = [p.GEOM_BOX] * len(self.boxes)
        collision = p.createCollisionShapeArray(
            shapeTypes=kinds,
            halfExtents=halves,
            collisionFramePositions=middles,
            physicsClientId=client,
        )
        visual = p.createVisualShapeArray(
            shapeTypes=kinds,
            halfExtents=halves,
            visualFramePositions=middles,
            rgbaColors=[rgba] * len(kinds),
            physicsClientId=client,
        )
        return int(collision), int(visual)


def furniture_colors(kind: FurnitureKind, held_out: bool | None) -> list[ColorName]:
    """In what colours furniture is drawn: the held-out one (True), the others (False), or all."""
    reserved = HELD_OUT_FURNITURE[kind]
    if held_out is None:
        return list(COLORS)
    return [reserved] if held_out else [color for color in COLORS if color != reserved]


def add_furniture(
    world: World,
    kind: FurnitureKind,
    color: ColorName,
    position: Vec3,
    yaw: float,
    *,
    opened: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Body:
    """Put a piece of furniture with the middle of its underside at `position` (m); it is fixed.

    Args:
        world: where.
        kind: "drawer" or "fridge".
        color: its shade is drawn.
        position: m, world frame.
        yaw: direction that its front faces, rad.
        opened: share of its travel that it is open by.
        rng: draws the shade; the world's own chance by default, which is the same in every world.
    """
    rgb = sample_shade(color, rng or world.rng)
    shell = _shell(kind)
    moving, anchor, axis, travel = _drawer() if kind == "drawer" else _door()
    client = world.client
    base_collision, base_visual = shell.shapes(client, (*rgb, 1.0))
    lighter = tuple(min(1.0, 0.25 + 0.75 * value) for value in rgb)
    link_collision, link_visual = moving.shapes(client, (lighter[0], lighter[1], lighter[2], 1.0))
    uid = p.createMultiBody(
        baseMass=0.0,
        baseCollisionShapeIndex=base_collision,
        baseVisualShapeIndex=base_visual,
        basePosition=position,
        baseOrientation=p.getQuaternionFromEuler((0, 0, yaw)),
        linkMasses=[0.35],
        linkCollisionShapeIndices=[link_collision],
        linkVisualShapeIndices=[link_visual],
        linkPositions=[anchor],
        linkOrientations=[(0, 0, 0, 1)],
        linkInertialFramePositions=[(0, 0, 0)],
        linkInertialFrameOrientations=[(0, 0, 0, 1)],
        linkParentIndices=[0],
        linkJointTypes=[p.JOINT_PRISMATIC if kind == "drawer" else p.JOINT_REVOLUTE],
        linkJointAxis=[axis],
        physicsClientId=client,
    )
    p.changeDynamics(
        uid,
        0,
        jointLowerLimit=0.0,
        jointUpperLimit=travel,
        lateralFriction=0.7,
        linearDamping=0.5,
        angularDamping=0.5,
        physicsClientId=client,
    )
    # A motor that wants to stand still is dry friction in the joint.
    p.setJointMotorControl2(
        uid,
        0,
        p.VELOCITY_CONTROL,
        targetVelocity=0.0,
        force=1.5 if kind == "drawer" else 0.12,
        physicsClientId=client,
    )
    p.resetJointState(uid, 0, opened * travel, physicsClientId=client)
    joint = Joint(kind, color, 0, travel)
    return world.adopt(uid, f"{color} {kind}", joint=joint)


def openness(world: World, name: str) -> float:
    """How far a piece of furniture is open, 0 to 1."""
    body = world[name]
    if body.joint is None:
        raise AssertionError(f'"{name}" has no joint')
    state = p.getJointState(body.uid, body.joint.index, physicsClientId=world.client)
    return float(np.clip(state[0] / body.joint.travel, 0.0, 1.0))


def corners(world: World, name: str) -> npt.NDArray[np.float64]:
    """[N, 3] the corners of every box that a piece of furniture is made of, m, world frame."""
    body = world[name]
    if body.joint is None:
        raise AssertionError(f'"{name}" has no joint')
    moving = (_drawer() if body.joint.kind == "drawer" else _door())[0]
    link = p.getLinkState(body.uid, 0, physicsClientId=world.client)
    rotation = np.array(p.getMatrixFromQuaternion(link[5])).reshape(3, 3)
    still = _shell(body.joint.kind).corners() @ world.pose(name)[:3, :3].T
    moved = moving.corners() @ rotation.T
    return np.concatenate([still + world.pose(name)[:3, 3], moved + np.array(link[4])])


def state_of(world: World, name: str) -> str | None:
    """ "open", "closed", or None for what is neither."""
    share = openness(world, name)
    if share >= _OPEN_SHARE:
        return "open"
    return "closed" if share <= _CLOSED_SHARE else None


def is_inside(world: World, name: str, point: npt.NDArray[np.float64]) -> bool:
    """Whether a point [3] (m, world frame) is between the walls of a drawer, or of a fridge."""
    body = world[name]
    if body.joint is None:
        raise AssertionError(f'"{name}" has no joint')
    depth, width, height = _SIZES[body.joint.kind]
    inner = width / 2 - _WALL
    if body.joint.kind == "fridge":
        x, y, z = np.linalg.inv(world.pose(name))[:3] @ np.append(point, 1.0)
        return bool(abs(x) < depth / 2 and abs(y) < inner and 0.0 < z < height)
    link = p.getLinkState(body.uid, body.joint.index, physicsClientId=world.client)
    R = np.array(p.getMatrixFromQuaternion(link[5])).reshape(3, 3)
    x, y, z = R.T @ (point - np.array(link[4]))
    return bool(0.03 - depth < x < _WALL and abs(y) < inner and abs(z) < height / 2)


def _shell(kind: FurnitureKind) -> _Parts:
    depth, width, height = _SIZES[kind]
    parts = _Parts()
    parts.add((depth, width, _WALL), (0, 0, height - _WALL / 2))
    parts.add((depth, width, _WALL), (0, 0, _WALL / 2))
    parts.add((_WALL, width, height), (-depth / 2 + _WALL / 2, 0, height / 2))
    for side in (-1, 1):
        parts.add((depth, _WALL, height), (0, side * (width - _WALL) / 2, height / 2))
    return parts


def _drawer() -> tuple[_Parts, Vec3, Vec3, float]:
    """The drawer with its handle, where it sits, its axis and travel; frame: front plate."""
    depth, width, height = _SIZES["drawer"]
    inner = width - 2 * _WALL - 0.004
    tall = height - 2 * _WALL - 0.012
    parts = _Parts()
    parts.add((_WALL, width, height - 0.006), (_WALL / 2, 0, 0))
    parts.add((depth - 0.03, inner, 0.004), (-(depth - 0.03) / 2, 0, -tall / 2))
    parts.add((_WALL, inner, tall * 0.7), (-(depth - 0.03), 0, -0.15 * tall))
    for side in (-1, 1):
        y = side * (inner - 0.005) / 2
        parts.add((depth - 0.03, 0.005, tall * 0.7), (-(depth - 0.03) / 2, y, -0.15 * tall))
    out = _WALL + _HANDLE_GAP_M
    parts.add((2 * _HANDLE_M, 0.09, 2 * _HANDLE_M), (out, 0, 0.043))
    for side in (-1, 1):
        parts.add((_HANDLE_GAP_M, 0.008, 0.008), (_WALL + _HANDLE_GAP_M / 2, side * 0.041, 0.043))
    return parts, (depth / 2 + 0.001, 0, height / 2), (1, 0, 0), 0.11


def _door() -> tuple[_Parts, Vec3, Vec3, float]:
    """The door with its handle, where its hinge is, its axis and travel; frame: the hinge."""
    depth, width, height = _SIZES["fridge"]
    parts = _Parts()
    tall = height - 0.012
    parts.add((_WALL, width, tall), (_WALL / 2, width / 2, 0))
    out, y = _WALL + _HANDLE_GAP_M, width - 0.022
    parts.add((2 * _HANDLE_M, 2 * _HANDLE_M, 0.12), (out, y, 0.065))
    for z in (0.015, 0.08):
        parts.add((_HANDLE_GAP_M, 0.008, 0.008), (_WALL + _HANDLE_GAP_M / 2, y, z))
    return parts, (depth / 2 + 0.001, -width / 2, height / 2), (0, 0, -1), 1.3
