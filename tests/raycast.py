"""A table with boxes and balls on it, ray-cast: frames with exact depth, and what is in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from handeye.perception.arm_view import ArmView
from handeye.perception.frame import Frame, Intrinsics
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Answer, Detection

LENS = Intrinsics.from_fov(160, 120, 0.8)


@dataclass(frozen=True)
class Thing:
    """A box, or a ball, that stands somewhere; "color category" is its name."""

    name: str
    at: tuple[float, float]
    size: tuple[float, float, float] = (0.05, 0.05, 0.05)
    bottom: float = 0.0

    @property
    def center(self) -> np.ndarray:
        return np.array([*self.at, self.bottom + self.size[2] / 2])


def looking_at(eye: Sequence[float], target: Sequence[float]) -> np.ndarray:
    z = np.subtract(target, eye)
    z = z / np.linalg.norm(z)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x = x / np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = eye
    return T


OVERVIEW = looking_at((1.3, 0.0, 0.7), (0.48, 0.0, 0.0))
ABOVE = looking_at((0.45, 0.01, 0.8), (0.5, 0.0, 0.0))


class Room:
    """Renders depth and perfect detections of things on a table."""

    def __init__(self, *things: Thing, table_m: float = 0.0) -> None:
        self.things = list(things)
        self.table_m = table_m
        self.sequence = 0

    def see(
        self, T: np.ndarray = OVERVIEW, camera: str = "overview"
    ) -> tuple[Frame, list[Detection]]:
        rows, columns = np.mgrid[: LENS.height, : LENS.width]
        rays = np.stack(
            [(columns - LENS.cx) / LENS.fx, (rows - LENS.cy) / LENS.fy, np.ones_like(rows)], -1
        ) @ T[:3, :3].T  # fmt: skip
        eye = T[:3, 3]
        depth = (self.table_m - eye[2]) / rays[..., 2]
        depth[(depth < 0) | (depth > 3)] = 0.0
        owner = np.full(depth.shape, -1)
        for index, thing in enumerate(self.things):
            hit = _ball(thing, eye, rays) if "ball" in thing.name else _box(thing, eye, rays)
            nearer = (hit > 0) & ((hit < depth) | (depth == 0))
            depth[nearer], owner[nearer] = hit[nearer], index
        self.sequence += 1
        frame = Frame(
            np.zeros((LENS.height, LENS.width, 3), np.uint8), camera, self.sequence,
            0.1 * self.sequence, depth.astype(np.float32), LENS, T,
        )  # fmt: skip
        return frame, [self._detection(i, owner == i) for i in np.unique(owner[owner >= 0])]

    def _detection(self, index: int, mask: np.ndarray) -> Detection:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        color, category = self.things[index].name.split()
        name = self.things[index].name
        return Detection(name, tuple(map(float, box)), 0.9, category, color, mask)  # type: ignore[arg-type]


def _ball(thing: Thing, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    to = eye - thing.center
    a, b = (rays**2).sum(-1), 2 * rays @ to
    inside = b * b - 4 * a * (to @ to - (thing.size[0] / 2) ** 2)
    return np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / (2 * a), 0.0)


def _box(thing: Thing, eye: np.ndarray, rays: np.ndarray) -> np.ndarray:
    half = np.array(thing.size) / 2
    with np.errstate(divide="ignore"):
        one, two = (thing.center - half - eye) / rays, (thing.center + half - eye) / rays
    near, far = np.minimum(one, two).max(-1), np.maximum(one, two).min(-1)
    return np.where((near < far) & (near > 0), near, 0.0)


def arm_at(x: float, y: float, z: float, width_m: float = 0.08) -> ArmView:
    """A hand that points down, fingers opening along y."""
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[:3, 3] = x, y, z
    return ArmView(T, width_m, 0.08, 0.0)


AWAY = arm_at(0.0, 0.5, 0.9)
CUP = Thing("red cup", (0.45, 0.10), (0.07, 0.07, 0.09))
BLOCK = Thing("green block", (0.55, -0.15))
BALL = Thing("blue ball", (0.40, -0.05), (0.06, 0.06, 0.06))


class RoomCamera:
    """Looks at a ray-cast room."""

    def __init__(self, room: Room, name: str, T: np.ndarray) -> None:
        self.room, self.name, self.T = room, name, T

    def read(self, max_age_s: float = 1.0) -> Frame:
        return self.room.see(self.T, self.name)[0]

    def close(self) -> None:
        pass


class RoomVlm:
    """Detects what is in the room; grounds and answers as it is told to."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.grounded: list[Detection] = []

    def parse(self, frame: Frame) -> list[Detection]:
        assert frame.T_world_camera is not None
        return self.room.see(frame.T_world_camera, frame.camera)[1]

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        return self.grounded

    def ask(self, frame: Frame, question: str) -> Answer:
        return Answer("yes", 0.9)


def observing(*things: Thing, holds: bool = False) -> tuple[Observer, RoomVlm]:
    room = Room(*things)
    vlm = RoomVlm(room)
    cameras = {n: RoomCamera(room, n, T) for n, T in (("overview", OVERVIEW), ("wrist", ABOVE))}
    observer = Observer(cameras, Perception.of(vlm), lambda: AWAY)
    observer.look()
    return observer, vlm
