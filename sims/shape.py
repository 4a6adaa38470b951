"""Shape: the geometry of one object, to be seen and to be touched."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from .solids import Vertices

Quaternion = tuple[float, float, float, float]
UPRIGHT: Quaternion = (0.0, 0.0, 0.0, 1.0)
_PRISM = 16


@dataclass(frozen=True)
class Part:
    """One convex collision part, in the object's frame (origin on the table, z up).

    Attributes:
        kind: "box" (half extents), "cylinder" (radius, height), "sphere" (radius).
        size: metres, as the kind says.
        position: centre, m.
        quaternion: x, y, z, w.
    """

    kind: Literal["box", "cylinder", "sphere"]
    size: tuple[float, ...]
    position: tuple[float, float, float]
    quaternion: Quaternion = UPRIGHT

    def corners(self) -> Vertices:
        """[N, 3] corners of a box, or of a prism within a cylinder, m, object frame."""
        from scipy.spatial.transform import Rotation

        if self.kind == "box":
            points = np.array(list(product((-1.0, 1.0), repeat=3))) * self.size
        else:
            radius, height = self.size
            turns = np.arange(_PRISM) * 2 * np.pi / _PRISM
            ring = radius * np.stack([np.cos(turns), np.sin(turns)], axis=1)
            points = np.concatenate(
                [np.column_stack([ring, np.full(_PRISM, z)]) for z in (-height / 2, height / 2)]
            )
        return np.asarray(Rotation.from_quat(self.quaternion).apply(points) + self.position)


@dataclass(frozen=True, eq=False)
class Shape:
    """Geometry of one object.

    Attributes:
        size: (x, y, z) extents, m.
        vertices, normals: [N, 3] visual mesh, m, object frame; empty when `mesh_file` is set.
        faces: [M, 3] vertex indices.
        parts: collision parts; empty when `collision_file` is set.
        mesh_file, collision_file: OBJ files of pybullet_data, used with `scale`, `quaternion`
            and `offset`.
        inner_radius: radius of the opening of a hollow thing, else 0.
        floor_m: height of the inside floor of a hollow thing.
        mass: kilograms.
        rolls: whether it needs rolling friction to come to rest.
    """

    size: tuple[float, float, float]
    mass: float
    vertices: Vertices = field(default_factory=lambda: np.zeros((0, 3)))
    normals: Vertices = field(default_factory=lambda: np.zeros((0, 3)))
    faces: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    parts: tuple[Part, ...] = ()
    mesh_file: str | None = None
    collision_file: str | None = None
    scale: float = 1.0
    quaternion: Quaternion = UPRIGHT
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    inner_radius: float = 0.0
    floor_m: float = 0.0
    rolls: bool = False


def surface(shape: Shape) -> Vertices:
    """[N, 3] vertices of what is seen of a shape, m, object frame."""
    if shape.mesh_file is None:
        return shape.vertices
    from scipy.spatial.transform import Rotation

    scaled = _mesh_vertices(shape.mesh_file) * shape.scale
    return np.asarray(Rotation.from_quat(shape.quaternion).apply(scaled) + np.array(shape.offset))


@lru_cache(maxsize=8)
def _mesh_vertices(mesh_file: str) -> Vertices:
    from .meshes import TOY_FACES, decimated

    lines = decimated(Path(mesh_file), TOY_FACES).read_text().splitlines()
    return np.array([[float(v) for v in line.split()[1:4]] for line in lines if line[:2] == "v "])
