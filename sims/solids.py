"""Solids: small triangle meshes, turned on a lathe or made of flat faces."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

Vertices = npt.NDArray[np.float64]


def lathe(
    profile: list[tuple[float, float]], segments: int = 20
) -> tuple[Vertices, Vertices, npt.NDArray[np.int64]]:
    """Turn a profile of (radius, z) points around z.

    Each band between two profile points gets its own vertices, so edges stay sharp.

    Returns:
        vertices [N, 3], normals [N, 3], faces [M, 3].
    """
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    vertices: list[Vertices] = []
    normals: list[Vertices] = []
    faces: list[npt.NDArray[np.int64]] = []
    for (r0, z0), (r1, z1) in pairwise(profile):
        normal = np.array([z1 - z0, r0 - r1])
        normal /= np.linalg.norm(normal) + 1e-12
        start = len(vertices) * segments
        for r, z in ((r0, z0), (r1, z1)):
            vertices.append(np.column_stack([r * ring, np.full(segments, z)]))
            normals.append(np.column_stack([normal[0] * ring, np.full(segments, normal[1])]))
        i = np.arange(segments)
        j = (i + 1) % segments
        a, b, c, d = start + i, start + j, start + segments + i, start + segments + j
        if r0 > 1e-6:
            faces.append(np.column_stack([a, b, d]))
        if r1 > 1e-6:
            faces.append(np.column_stack([a, d, c]))
    return np.concatenate(vertices), np.concatenate(normals), np.concatenate(faces)


def merge(
    *meshes: tuple[Vertices, Vertices, npt.NDArray[np.int64]],
) -> tuple[Vertices, Vertices, npt.NDArray[np.int64]]:
    """Join meshes into one."""
    starts = np.cumsum([0, *(len(v) for v, _, _ in meshes)])
    return (
        np.concatenate([v for v, _, _ in meshes]),
        np.concatenate([n for _, n, _ in meshes]),
        np.concatenate([f + s for (_, _, f), s in zip(meshes, starts, strict=False)]),
    )


def cuboid(
    size: tuple[float, float, float], center: tuple[float, float, float]
) -> tuple[Vertices, Vertices, npt.NDArray[np.int64]]:
    """A box with flat faces; 24 vertices, 12 triangles."""
    vertices: list[Vertices] = []
    normals: list[Vertices] = []
    faces: list[npt.NDArray[np.int64]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            corners = np.zeros((4, 3))
            corners[:, axis] = sign
            corners[:, u] = sign * np.array([-1, 1, 1, -1])
            corners[:, v] = [-1, -1, 1, 1]
            normal = np.zeros(3)
            normal[axis] = sign
            start = 4 * len(vertices)
            vertices.append(corners * np.array(size) / 2 + np.array(center))
            normals.append(np.tile(normal, (4, 1)))
            faces.append(np.array([[0, 1, 2], [0, 2, 3]]) + start)
    return np.concatenate(vertices), np.concatenate(normals), np.concatenate(faces)
