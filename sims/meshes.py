"""Decimated copies of pybullet_data's visual meshes, and of the Panda that wears them.

Triangles are what a software renderer's time is spent on: the stock arm has about 101 000 of
them, ours 3 600, and at a camera's resolution nobody sees the difference. Copies are made on
first use and kept in the user's cache folder.
"""

import hashlib
import os
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

LINK_FACES = 300
TOY_FACES = 300
HULL_FACES = 20


def cache_dir() -> Path:
    """Where derived files are kept: $HANDEYE_CACHE, or the user's cache folder."""
    configured = os.environ.get("HANDEYE_CACHE")
    root = (
        Path(configured)
        if configured
        else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "handeye"
    )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        root = Path(tempfile.gettempdir()) / f"handeye-{os.getuid()}"
        root.mkdir(parents=True, exist_ok=True)
    return root


def _write(path: Path, text: str) -> None:
    """Write at once or not at all, for several processes may come here together."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def decimated(mesh: Path, faces: int) -> Path:
    """An OBJ of `mesh` with at most `faces` triangles; the mesh itself if it is small already."""
    key = hashlib.sha256(mesh.read_bytes() + str(faces).encode()).hexdigest()[:16]
    target = cache_dir() / f"{mesh.stem}-{key}.obj"
    if not target.exists():
        import trimesh

        source: Any = trimesh.load(mesh, force="mesh")
        loaded: Any = trimesh.Trimesh(source.vertices, source.faces)
        loaded.merge_vertices()
        if len(loaded.faces) > faces:
            loaded = loaded.simplify_quadric_decimation(face_count=faces)
        _write(target, _to_obj(loaded.vertices, loaded.faces, loaded.vertex_normals))
    return target


def simple_hulls(mesh: Path, faces: int = HULL_FACES) -> Path:
    """An OBJ of the same convex parts as `mesh`, each with few triangles.

    PyBullet takes every object of an OBJ file as one convex hull; fewer corners collide faster.
    """
    key = hashlib.sha256(mesh.read_bytes() + f"hulls{faces}".encode()).hexdigest()[:16]
    target = cache_dir() / f"{mesh.stem}-{key}.obj"
    if not target.exists():
        import trimesh

        scene: Any = trimesh.load(mesh, force="scene", group_material=False, split_object=True)
        text, start = [], 0
        for name, part in sorted(scene.geometry.items()):
            hull = part.convex_hull
            if len(hull.faces) > faces:
                hull = hull.simplify_quadric_decimation(face_count=faces).convex_hull
            text.append(f"o {name}")
            text += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in hull.vertices]
            text += ["f " + " ".join(str(i + start + 1) for i in face) for face in hull.faces]
            start += len(hull.vertices)
        _write(target, "\n".join(text) + "\n")
    return target


def hulls_obj(hulls: Sequence[npt.NDArray[np.float64]]) -> str:
    """The text of an OBJ file with one object for each convex hull of some points [N, 3]."""
    from scipy.spatial import ConvexHull

    text, start = [], 1
    for i, points in enumerate(hulls):
        text.append(f"o part{i}")
        text += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
        text += [
            f"f {a + start} {b + start} {c + start}" for a, b, c in ConvexHull(points).simplices
        ]
        start += len(points)
    return "\n".join(text) + "\n"


def _to_obj(vertices: Any, faces: Any, normals: Any) -> str:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vn {x:.4f} {y:.4f} {z:.4f}" for x, y, z in normals]
    lines += [f"f {a + 1}//{a + 1} {b + 1}//{b + 1} {c + 1}//{c + 1}" for a, b, c in faces]
    return "\n".join(lines) + "\n"


def panda_urdf() -> Path:
    """The stock Panda's URDF with decimated visual meshes; collision and kinematics unchanged."""
    import pybullet_data

    source = Path(pybullet_data.getDataPath()) / "franka_panda"
    text = (source / "panda.urdf").read_text()
    key = hashlib.sha256(f"{source}{text}{LINK_FACES}".encode()).hexdigest()[:16]
    target = cache_dir() / f"panda-{key}.urdf"
    if not target.exists():
        root = ET.fromstring(text)
        for link in root.iter("link"):
            for role in ("visual", "collision"):
                for mesh in link.iterfind(f"{role}/geometry/mesh"):
                    original = source / mesh.attrib["filename"].removeprefix("package://")
                    shown = decimated(original, LINK_FACES) if role == "visual" else original
                    mesh.set("filename", str(shown))
        _write(target, ET.tostring(root, encoding="unicode"))
    return target
