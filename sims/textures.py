"""Procedural table textures: wood, stone, cloth, squares. Drawn once, kept in the cache folder."""

import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .meshes import cache_dir

TEXTURES = tuple(
    f"{kind}-{number}" for kind in ("wood", "stone", "cloth", "squares") for number in range(4)
)
_SIZE = 128


def texture(index: int) -> Path:
    """Path of the PNG of TEXTURES[index]; raises IndexError beyond them."""
    name = TEXTURES[index]
    path = cache_dir() / f"texture-1-{name}.png"
    if not path.exists():
        from PIL import Image

        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".png")
        os.close(handle)
        Image.fromarray(_draw(name, np.random.default_rng(1000 + index))).save(temporary)
        os.replace(temporary, path)
    return path


def _noise(rng: np.random.Generator, cells: tuple[int, int]) -> npt.NDArray[np.float64]:
    """[S, S] smooth noise, 0..1, that repeats at the borders."""
    import cv2

    grid = rng.random(cells).astype(np.float32)
    tiled = np.pad(grid, ((0, 1), (0, 1)), mode="wrap")
    return np.asarray(
        cv2.resize(tiled, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC), dtype=np.float64
    ).clip(0, 1)


def _draw(name: str, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    kind = name.split("-")[0]
    base = rng.uniform(0.4, 0.8) + rng.uniform((-0.02, -0.02, -0.1), (0.1, 0.02, 0.0))
    if kind == "wood":
        base = np.array([0.62, 0.46, 0.31]) * rng.uniform(0.7, 1.3)
        pattern = 0.6 * _noise(rng, (24, 2)) + 0.4 * _noise(rng, (64, 3))
        depth = 0.35
    elif kind == "stone":
        pattern = 0.5 * _noise(rng, (6, 6)) + 0.5 * _noise(rng, (40, 40))
        depth = 0.3
    elif kind == "cloth":
        x = np.arange(_SIZE)
        weave = (np.sin(x * np.pi / 2)[:, None] + np.cos(x * np.pi / 2)[None, :]) / 4 + 0.5
        pattern = 0.7 * weave + 0.3 * _noise(rng, (10, 10))
        depth = 0.2
    else:
        x = np.arange(_SIZE) // (_SIZE // int(rng.integers(2, 5) * 2))
        pattern = ((x[:, None] + x[None, :]) % 2).astype(np.float64)
        depth = rng.uniform(0.08, 0.25)
    image = base[None, None, :] * (1.0 - depth + 2 * depth * (pattern[..., None] - 0.5))
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)
