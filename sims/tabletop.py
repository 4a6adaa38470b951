"""The tabletop: floor, table, light, Panda and cameras, each a little different for each seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pybullet as p
from handeye.perception.errors import SceneFileError
from handeye.perception.frame import Intrinsics, Transform

from .camera import SimCamera
from .objects import (
    CATEGORIES,
    COLORS,
    HELD_OUT_PAIRS,
    Category,
    ColorName,
    ObjectSpec,
    sample_object,
)
from .panda import SimPanda, mount
from .rendering import Light, look_at
from .textures import TEXTURES, texture
from .world import World

WIDTH, HEIGHT = 320, 240
X_RANGE = (0.33, 0.66)
Y_RANGE = (-0.30, 0.30)
REACH_M = 0.70
TABLE = ((-0.13, -0.62), (0.97, 0.62))
"""The table top's corners, (x, y), m."""

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Style:
    """What varies from scene to scene besides the objects.

    Attributes:
        table_height_m: z of the table top.
        table_rgb, floor_rgb: colours, 0..1.
        table_texture: index into TEXTURES, or None for plain.
        light: the light.
        eye, target: of the overview camera, m.
        fov_y_rad: its vertical field of view.
        roll_rad: its roll.
    """

    table_height_m: float = 0.0
    table_rgb: Rgb = (0.72, 0.66, 0.58)
    floor_rgb: Rgb = (0.45, 0.45, 0.45)
    table_texture: int | None = None
    light: Light = field(default_factory=Light)
    eye: tuple[float, float, float] = (1.22, 0.0, 0.72)
    target: tuple[float, float, float] = (0.42, 0.0, 0.03)
    fov_y_rad: float = 0.72
    roll_rad: float = 0.0


def _muted(rng: np.random.Generator) -> Rgb:
    """A table or floor colour: grey to beige, never as strong as an object's."""
    level = rng.uniform(0.28, 0.85)
    tint = rng.uniform((-0.02, -0.02, -0.12), (0.10, 0.03, 0.03))
    r, g, b = np.clip(level + tint * rng.uniform(0, 1), 0, 1)
    return float(r), float(g), float(b)


def sample_light(rng: np.random.Generator, *, dark: bool = False) -> Light:
    """Draw a light; `dark` is outside of what "normal" draws."""
    azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.uniform(0.7, 1.4)
    direction = (
        float(np.cos(azimuth) * np.cos(elevation)) + 0.4,
        float(np.sin(azimuth) * np.cos(elevation)),
        float(np.sin(elevation)),
    )
    warm = rng.uniform(-0.05, 0.05)
    color = (1.0 + min(warm, 0.0), 1.0 - abs(warm) / 2, 1.0 - max(warm, 0.0))
    ambient = rng.uniform(0.28, 0.36) if dark else rng.uniform(0.45, 0.65)
    diffuse = rng.uniform(0.15, 0.25) if dark else rng.uniform(0.32, 0.5)
    return Light(
        direction, color, ambient, diffuse, rng.uniform(0.0, 0.15), bool(rng.random() < 0.5)
    )


def sample_style(rng: np.random.Generator, *, dark: bool = False) -> Style:
    """Draw table, floor, light and overview camera."""
    eye = np.array([1.22, 0.0, 0.72]) + rng.uniform((-0.06, -0.10, -0.06), (0.05, 0.10, 0.06))
    target = np.array([0.43, 0.0, 0.03]) + rng.uniform((-0.02, -0.02, -0.02), (0.02, 0.02, 0.02))
    return Style(
        table_height_m=float(rng.uniform(-0.02, 0.02)),
        table_rgb=_muted(rng),
        floor_rgb=_muted(rng),
        table_texture=int(rng.integers(len(TEXTURES))) if rng.random() < 0.5 else None,
        light=sample_light(rng, dark=dark),
        eye=(float(eye[0]), float(eye[1]), float(eye[2])),
        target=(float(target[0]), float(target[1]), float(target[2])),
        fov_y_rad=float(rng.uniform(0.68, 0.76)),
        roll_rad=float(rng.uniform(-0.02, 0.02)),
    )


def build_tabletop(world: World, style: Style) -> SimPanda:
    """Build everything but the objects; returns the robot with "overview" and "wrist" cameras."""
    _slab(world, "floor", (3.0, 3.0, 0.02), (0.4, 0.0, -0.72), style.floor_rgb, None)
    top = style.table_height_m
    _slab(
        world,
        "table",
        (0.55, 0.62, 0.03),
        (0.42, 0.0, top - 0.03),
        style.table_rgb,
        style.table_texture,
    )
    world.light = style.light
    panda = SimPanda(world)
    add_cameras(world, panda, style)
    return panda


def add_cameras(world: World, panda: SimPanda, style: Style) -> None:
    """Put up the overview camera and mount the wrist camera."""
    intrinsics, T_world_overview = overview(style)
    panda.add_camera(SimCamera(world, "overview", intrinsics, lambda: T_world_overview))
    wrist = Intrinsics.from_fov(WIDTH, HEIGHT, 1.05)
    panda.add_camera(SimCamera(world, "wrist", wrist, mount(panda, T_HAND_WRIST)))


def on_table(x: float, y: float) -> bool:
    """Whether a point (m) is on the table top."""
    (x_low, y_low), (x_high, y_high) = TABLE
    return x_low <= x <= x_high and y_low <= y <= y_high


def overview(style: Style) -> tuple[Intrinsics, Transform]:
    """Intrinsics and [4, 4] T_world_camera of a style's overview camera."""
    pose = look_at(style.eye, style.target, style.roll_rad)
    return Intrinsics.from_fov(WIDTH, HEIGHT, style.fov_y_rad), pose


def _wrist_mount() -> Transform:
    """7 cm in front of the hand's axis, tilted so that the TCP is in the lower third."""
    tilt = 0.20
    c, s = np.cos(tilt), np.sin(tilt)
    T = np.eye(4)
    # Image x along the hand's y, image y along minus its x: what is ahead is up.
    T[:3, 0] = (0.0, 1.0, 0.0)
    T[:3, 1] = (-c, 0.0, -s)
    T[:3, 2] = (-s, 0.0, c)
    T[:3, 3] = (0.07, 0.0, 0.0)
    return T


T_HAND_WRIST: Transform = _wrist_mount()


def sample_specs(
    rng: np.random.Generator,
    count: int,
    *,
    wanted: Sequence[ObjectSpec] = (),
    held_out: bool | None = None,
    categories: Iterable[Category] = CATEGORIES,
    colors: Sequence[ColorName] = COLORS,
) -> list[ObjectSpec]:
    """Draw `count` objects, or as many as there are, no two of the same colour and category.

    Args:
        rng: source of chance.
        count: how many to draw.
        wanted: objects that are there already; their names are not drawn again.
        held_out: False never draws a held-out pair, True draws only those, None both.
        categories, colors: what to draw from.
    """
    taken = {(spec.color, spec.category) for spec in wanted}
    pairs: list[tuple[ColorName, Category]] = [
        (color, category)
        for category in categories
        for color in colors
        if (color, category) not in taken
        and (held_out is None or ((color, category) in HELD_OUT_PAIRS) == held_out)
    ]
    order = rng.permutation(len(pairs))[:count]
    return [sample_object(pairs[i][1], pairs[i][0], rng) for i in order]


FURNITURE_ROOM_M = 0.20


def footprint_m(spec: ObjectSpec) -> float:
    """Radius of a circle around the object's footprint."""
    handle = 0.012 if spec.category == "cup" else 0.0
    corner = 1.3 if spec.category in ("block", "box") else 1.08
    return spec.width_m / 2 * corner + handle


def furniture_room(world: World, name: str) -> np.ndarray:
    """(x, y), m: the middle of what furniture and its open drawer or door take up."""
    T = world.pose(name)
    return np.asarray(T[:2, 3] + 0.08 * T[:2, 0])


def scatter(
    world: World,
    specs: Sequence[ObjectSpec],
    rng: np.random.Generator,
    *,
    clearance_m: float = 0.03,
    table_height_m: float = 0.0,
) -> list[str]:
    """Set objects down on free places of the table, at random.

    The wider ones are placed first. Raises SceneFileError when they do not fit.

    Returns:
        The bodies' names, in the order of `specs`.
    """
    taken = [
        (world.pose(name)[:2, 3], footprint_m(body.spec))
        for name, body in world.objects.items()
        if body.spec is not None
    ]
    taken += [(furniture_room(world, name), FURNITURE_ROOM_M) for name in world.furniture]
    names = [""] * len(specs)
    for i in sorted(range(len(specs)), key=lambda k: -specs[k].width_m):
        radius = footprint_m(specs[i])
        xy = free_spot(rng, taken, radius, clearance_m)
        taken.append((xy, radius))
        position = (float(xy[0]), float(xy[1]), table_height_m + 0.001)
        names[i] = world.add(specs[i], position, float(rng.uniform(-np.pi, np.pi))).name
    return names


def free_spot(
    rng: np.random.Generator,
    taken: Sequence[tuple[np.ndarray, float]],
    radius: float,
    clearance_m: float,
) -> np.ndarray:
    """(x, y), m: a free place for a circle; raises SceneFileError if there is none."""
    for shrink in (1.0, 0.75, 0.5, 0.25):
        for _ in range(300):
            xy = rng.uniform((X_RANGE[0], Y_RANGE[0]), (X_RANGE[1], Y_RANGE[1]))
            if np.hypot(*xy) > REACH_M:
                continue
            gaps = [np.linalg.norm(xy - other) - radius - r for other, r in taken]
            if not gaps or min(gaps) >= clearance_m * shrink:
                return xy
    raise SceneFileError(
        f"there is no free place of {2 * radius:.2f} m left on the table for one more object"
    )


def _slab(
    world: World,
    name: str,
    half: tuple[float, float, float],
    center: tuple[float, float, float],
    rgb: Rgb,
    texture_index: int | None,
) -> None:
    client = world.client
    collision = p.createCollisionShape(p.GEOM_BOX, halfExtents=half, physicsClientId=client)
    visual = p.createVisualShape(
        p.GEOM_BOX, halfExtents=half, rgbaColor=(*rgb, 1.0), physicsClientId=client
    )
    uid = p.createMultiBody(0, collision, visual, center, physicsClientId=client)
    p.changeDynamics(uid, -1, lateralFriction=0.8, restitution=0.0, physicsClientId=client)
    if texture_index is not None:
        index = p.loadTexture(str(texture(texture_index)), physicsClientId=client)
        p.changeVisualShape(uid, -1, textureUniqueId=index, physicsClientId=client)
    world.adopt(uid, name)
