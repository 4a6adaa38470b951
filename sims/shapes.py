"""Shapes of the catalogue: what each object looks like, and what it collides as.

Visuals are small triangle meshes, for triangles are what rendering costs. Hollow things collide
as rings of boxes, so that fingers and other objects fit inside.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .objects import SIZES, ObjectSpec, Range
from .shape import Part, Quaternion, Shape
from .solids import cuboid, lathe, merge


def shape_of(spec: ObjectSpec) -> Shape:
    """Build the geometry of a catalogue object."""
    return _BUILDERS[spec.category](spec)


def register_category(
    name: str, build: Callable[[ObjectSpec], Shape], width_m: Range, height_m: Range
) -> None:
    """Make a category known in this process beside the catalogue's, which stays what it is.

    Args:
        name: one word; drawn only where it is asked for by name.
        build: makes the geometry of an object of it.
        width_m, height_m: what sizes are drawn from, see `ObjectSpec`.
    """
    _BUILDERS[name] = build
    SIZES[name] = (width_m, height_m)


def _ring_of_boxes(
    radius_low: float, radius_high: float, z_low: float, z_high: float, wall: float, n: int = 12
) -> list[Part]:
    """Boxes around z that make a wall from (radius_low, z_low) to (radius_high, z_high).

    Radii are those of the wall's middle.
    """
    length = float(np.hypot(radius_high - radius_low, z_high - z_low))
    lean = float(np.arctan2(radius_high - radius_low, z_high - z_low))
    radius, z = (radius_low + radius_high) / 2, (z_low + z_high) / 2
    breadth = float(2 * max(radius_low, radius_high) * np.tan(np.pi / n))
    parts = []
    for k in range(n):
        angle = 2 * np.pi * k / n
        # The wall leans about its own tangent, then turns into place.
        lean_q = np.array([0.0, np.sin(lean / 2), 0.0, np.cos(lean / 2)])
        x, y, s, c = lean_q[0], lean_q[1], np.sin(angle / 2), np.cos(angle / 2)
        w = lean_q[3]
        quaternion = (
            float(c * x - s * y),
            float(c * y + s * x),
            float(s * w),
            float(c * w),
        )
        position = (float(radius * np.cos(angle)), float(radius * np.sin(angle)), float(z))
        parts.append(Part("box", (wall / 2, breadth / 2, length / 2), position, quaternion))
    return parts


def _cup(spec: ObjectSpec) -> Shape:
    r, h, wall = spec.width_m / 2, spec.height_m, 0.005
    taper = 0.80 + 0.18 * ((spec.variant % 7) / 6)
    low = r * taper
    profile = [(0, 0), (low, 0), (r, h), (r - wall, h), (low - wall, wall), (0, wall)]
    meshes = [lathe(profile)]
    parts = [
        Part("cylinder", (low, wall), (0, 0, wall / 2)),
        *_ring_of_boxes(low - wall / 2, r - wall / 2, wall, h, wall),
    ]
    has_handle = spec.variant % 3 != 0
    if has_handle:
        # A handle of three bars, on the +y side.
        reach, bar, mid = 0.024, 0.008, (low + r) / 2
        for size, center in (
            ((bar, reach, bar), (0.0, mid + reach / 2 - 0.002, 0.72 * h)),
            ((bar, reach, bar), (0.0, mid + reach / 2 - 0.002, 0.30 * h)),
            ((bar, bar, 0.42 * h + bar), (0.0, mid + reach, 0.51 * h)),
        ):
            meshes.append(cuboid(size, center))
            half = (size[0] / 2, size[1] / 2, size[2] / 2)
            parts.append(Part("box", half, center))
    v, n, f = merge(*meshes)
    return Shape(
        size=(2 * r, 2 * r, h),
        mass=0.12,
        vertices=v,
        normals=n,
        faces=f,
        parts=tuple(parts),
        inner_radius=r - wall,
        floor_m=wall,
    )


def _bowl(spec: ObjectSpec) -> Shape:
    r, h, wall = spec.width_m / 2, spec.height_m, 0.005
    foot, belly = 0.45 * r, 0.85 * r
    profile = [
        (0, 0),
        (foot, 0),
        (belly, 0.45 * h),
        (r, h),
        (r - wall, h),
        (belly - wall, 0.45 * h + wall),
        (foot - wall, wall),
        (0, wall),
    ]
    v, n, f = lathe(profile, 24)
    parts = [
        Part("cylinder", (foot, wall), (0, 0, wall / 2)),
        *_ring_of_boxes(foot, belly - wall / 2, wall / 2, 0.45 * h, wall),
        *_ring_of_boxes(belly - wall / 2, r - wall / 2, 0.45 * h, h, wall),
    ]
    return Shape(
        size=(2 * r, 2 * r, h),
        mass=0.18,
        vertices=v,
        normals=n,
        faces=f,
        parts=tuple(parts),
        inner_radius=r - wall,
        floor_m=wall,
    )


def _plate(spec: ObjectSpec) -> Shape:
    r, h, wall = spec.width_m / 2, spec.height_m, 0.005
    foot = 0.66 * r
    profile = [(0, 0), (foot, 0), (r, h - wall), (r, h), (foot, wall), (0, wall)]
    v, n, f = lathe(profile, 24)
    parts = [
        Part("cylinder", (foot, wall), (0, 0, wall / 2)),
        *_ring_of_boxes(foot, r - wall / 2, wall / 2, h - wall / 2, wall, 16),
    ]
    return Shape(
        size=(2 * r, 2 * r, h),
        mass=0.2,
        vertices=v,
        normals=n,
        faces=f,
        parts=tuple(parts),
        inner_radius=foot,
        floor_m=wall,
    )


def _block(spec: ObjectSpec) -> Shape:
    a = spec.width_m
    v, n, f = cuboid((a, a, a), (0, 0, a / 2))
    return Shape(
        size=(a, a, a),
        mass=0.08,
        vertices=v,
        normals=n,
        faces=f,
        parts=(Part("box", (a / 2, a / 2, a / 2), (0, 0, a / 2)),),
    )


def _box(spec: ObjectSpec) -> Shape:
    a, h = spec.width_m, spec.height_m
    b = a * (0.7 + 0.3 * ((spec.variant % 5) / 4))
    v, n, f = cuboid((a, b, h), (0, 0, h / 2))
    return Shape(
        size=(a, b, h),
        mass=0.12,
        vertices=v,
        normals=n,
        faces=f,
        parts=(Part("box", (a / 2, b / 2, h / 2), (0, 0, h / 2)),),
    )


def _ball(spec: ObjectSpec) -> Shape:
    r = spec.width_m / 2
    theta = np.linspace(-np.pi / 2, np.pi / 2, 11)
    profile = [(float(r * np.cos(t)), float(r + r * np.sin(t))) for t in theta]
    v, _, f = lathe(profile, 18)
    n = (v - np.array([0, 0, r])) / r
    return Shape(
        size=(2 * r, 2 * r, 2 * r),
        mass=0.06,
        vertices=v,
        normals=n,
        faces=f,
        parts=(Part("sphere", (r,), (0, 0, r)),),
        rolls=True,
    )


def _can(spec: ObjectSpec) -> Shape:
    r, h = spec.width_m / 2, spec.height_m
    lip = 0.004
    profile = [
        (0, 0),
        (r - lip, 0),
        (r, lip),
        (r, h - lip),
        (r - lip, h),
        (r - 2 * lip, h - lip / 2),
        (0, h - lip / 2),
    ]
    v, n, f = lathe(profile)
    return Shape(
        size=(2 * r, 2 * r, h),
        mass=0.15,
        vertices=v,
        normals=n,
        faces=f,
        parts=(Part("cylinder", (r, h), (0, 0, h / 2)),),
    )


def _bottle(spec: ObjectSpec) -> Shape:
    r, h = spec.width_m / 2, spec.height_m
    neck, shoulder, throat = 0.42 * r, 0.58 * h, 0.76 * h
    profile = [(0, 0), (r, 0), (r, shoulder), (neck, throat), (neck, h), (0, h)]
    v, n, f = lathe(profile)
    middle = (shoulder + throat) / 2
    return Shape(
        size=(2 * r, 2 * r, h),
        mass=0.16,
        vertices=v,
        normals=n,
        faces=f,
        parts=(
            Part("cylinder", (r, shoulder), (0, 0, shoulder / 2)),
            Part("cylinder", ((r + neck) / 2, throat - shoulder), (0, 0, middle)),
            Part("cylinder", (neck, h - throat), (0, 0, (h + throat) / 2)),
        ),
    )


def _mesh(
    spec: ObjectSpec,
    visual: str,
    collision: str | None,
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    upright: Quaternion,
    mass: float,
) -> Shape:
    """A mesh of pybullet_data, turned upright and scaled so that its longest side fits."""
    import pybullet_data
    from scipy.spatial.transform import Rotation

    corners = np.array(
        [
            [(low, high)[k][i] for i, k in enumerate(np.unravel_index(c, (2, 2, 2)))]
            for c in range(8)
        ]
    )
    turned = Rotation.from_quat(upright).apply(corners)
    extent = turned.max(axis=0) - turned.min(axis=0)
    scale = float(spec.width_m / max(extent[0], extent[1]))
    middle = (turned.max(axis=0) + turned.min(axis=0)) / 2
    offset = (-middle[0] * scale, -middle[1] * scale, -turned[:, 2].min() * scale)
    data = Path(pybullet_data.getDataPath())
    size = extent * scale
    return Shape(
        size=(float(size[0]), float(size[1]), float(size[2])),
        mass=mass,
        mesh_file=str(data / visual),
        collision_file=str(data / collision) if collision else None,
        parts=(Part("box", (size[0] / 2, size[1] / 2, size[2] / 2), (0, 0, size[2] / 2)),)
        if collision is None
        else (),
        scale=scale,
        quaternion=upright,
        offset=(float(offset[0]), float(offset[1]), float(offset[2])),
    )


_Y_UP: Quaternion = (0.7071067811865476, 0.0, 0.0, 0.7071067811865476)


def _duck(spec: ObjectSpec) -> Shape:
    return _mesh(
        spec,
        "duck.obj",
        "duck_vhacd.obj",
        (-0.967, 0.094, -0.545),
        (0.693, 1.641, 0.616),
        _Y_UP,
        0.08,
    )


def _lego(spec: ObjectSpec) -> Shape:
    return _mesh(
        spec,
        "lego/lego.obj",
        None,
        (0.0, 0.0, -0.318),
        (0.317, 0.23, 0.0),
        _Y_UP,
        0.05,
    )


def _teddy(spec: ObjectSpec) -> Shape:
    return _mesh(
        spec,
        "teddy2_VHACD_CHs.obj",
        "teddy2_VHACD_CHs.obj",
        (0.298, 0.195, 0.009),
        (1.059, 1.127, 0.637),
        _Y_UP,
        0.08,
    )


_BUILDERS: dict[str, Callable[[ObjectSpec], Shape]] = {
    "cup": _cup,
    "bowl": _bowl,
    "plate": _plate,
    "block": _block,
    "ball": _ball,
    "can": _can,
    "bottle": _bottle,
    "box": _box,
    "duck": _duck,
    "lego": _lego,
    "teddy": _teddy,
}
