"""Roughening: training images, masks and depth made as various, and as bad, as they may come."""

from typing import Any

import numpy as np
import numpy.typing as npt

from handeye.perception.frame import Depth

from .shards import STRIDE, Sample

_EDGE_M = 0.02
"""Depth that changes by more from pixel to pixel is an edge."""
_DIM = 0.3
"""Share of the images that are darkened, down to what no light of the training scenes gives."""


def augment(sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Scale, crop, flip and recolour a sample; its depth, if it has any, goes with it.

    Args:
        sample: what to start from.
        size: (width, height) of the result, pixels, divisible by 32.
        rng: source of chance.
    """
    import cv2

    width, height = size
    h, w = sample.rgb.shape[:2]
    scale = float(np.exp(rng.uniform(np.log(0.75), np.log(1.3))))
    dx = rng.uniform(min(0.0, width - w * scale), max(0.0, width - w * scale))
    dy = rng.uniform(min(0.0, height - h * scale), max(0.0, height - h * scale))
    flip = rng.random() < 0.5
    sx = -scale if flip else scale
    tx = width - dx if flip else dx
    matrix = np.array([[sx, 0.0, tx], [0.0, scale, dy]])
    # The matrix moves edges, as boxes have them; pixel i, which warpAffine moves, has its middle
    # at i + 0.5, and tile i of an instance map stands for pixel 4 i + 2, so at 4 i + 2.5.
    middles, small = matrix.copy(), matrix.copy()
    middles[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    small[:, 2] = (matrix[:, :2] @ np.array([2.5, 2.5]) + matrix[:, 2] - 2.5) / STRIDE
    rgb = cv2.warpAffine(
        sample.rgb, middles, (width, height), flags=cv2.INTER_LINEAR, borderValue=(110, 108, 105)
    )
    instances = cv2.warpAffine(
        sample.instances, small, (width // STRIDE, height // STRIDE), flags=cv2.INTER_NEAREST
    )
    objects = [_moved(record, sx, scale, tx, dy, width, height) for record in sample.objects]
    depth, focal_px = None, None
    if sample.depth is not None and sample.focal_px is not None:
        # Nothing between two depths is there.
        warped = cv2.warpAffine(sample.depth, middles, (width, height), flags=cv2.INTER_NEAREST)
        depth = np.asarray(warped, np.float32)
        focal_px = (scale * sample.focal_px[0], scale * sample.focal_px[1])
    return Sample(
        recolour(np.asarray(rgb, np.uint8), rng),
        np.asarray(instances, np.uint8),
        objects,
        sample.camera,
        depth,
        focal_px,
    )


def _moved(
    record: dict[str, Any], sx: float, sy: float, tx: float, ty: float, width: int, height: int
) -> dict[str, Any]:
    if record["box"] is None:
        return record
    x0, y0, x1, y1 = record["box"]
    xs = sorted((x0 * sx + tx, x1 * sx + tx))
    box = [
        max(xs[0], 0.0),
        max(y0 * sy + ty, 0.0),
        min(xs[1], float(width)),
        min(y1 * sy + ty, float(height)),
    ]
    inside = box[2] - box[0] > 2 and box[3] - box[1] > 2
    return {**record, "box": box if inside else None}


def recolour(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Brightness, contrast, gamma, white balance, blur, noise; hues stay what they are called."""
    import cv2

    gamma = float(np.exp(rng.normal(0.0, 0.12)))
    gain = float(np.exp(rng.normal(0.0, 0.12)))
    if rng.random() < _DIM:
        gain *= float(rng.uniform(0.45, 1.0))
    balance = gain * np.exp(rng.normal(0.0, 0.02, 3))
    levels = np.linspace(0, 1, 256) ** gamma
    table = np.clip(levels[:, None] * balance[None, :] * 255, 0, 255).astype(np.uint8)
    out = np.asarray(cv2.LUT(rgb, table[None]), dtype=np.uint8)
    if rng.random() < 0.2:
        out = np.asarray(cv2.GaussianBlur(out, (3, 3), float(rng.uniform(0.3, 0.9))), np.uint8)
    if rng.random() < 0.4:
        noise = rng.normal(0.0, rng.uniform(2, 7), out.shape[:2]).astype(np.float32)
        out = np.clip(out.astype(np.float32) + noise[..., None], 0, 255).astype(np.uint8)
    return out


def dye(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Give an image other colours; shapes stay what they are.

    What something is must not be told by its colour: pairs that were never seen together would
    be taken for others that were.
    """
    import cv2

    kind = rng.random()
    if kind < 0.6:
        hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
        hsv[..., 0] = (hsv[..., 0].astype(np.int64) + int(rng.integers(10, 170))) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    if kind < 0.85:
        return np.asarray(rgb * rng.uniform(0.25, 1.0, 3), dtype=np.uint8)
    return np.asarray(255 - rgb, dtype=np.uint8)


def roughen(mask: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A mask (0..255) as a detector might draw it: grown, shrunk, holed, or as it is."""
    import cv2

    out = mask
    kind = rng.random()
    if kind < 0.2:
        out = np.asarray(cv2.dilate(out, np.ones((3, 3), np.uint8)), np.uint8)
    elif kind < 0.3:
        smaller = np.asarray(cv2.erode(out, np.ones((2, 2), np.uint8)), np.uint8)
        out = smaller if smaller.any() else out
    elif kind < 0.45:
        out = np.where(rng.random(out.shape) < 0.12, 0, out).astype(np.uint8)
    return out


def as_measured(sample: Sample, rng: np.random.Generator) -> Depth | None:
    """The depth of a sample as a depth camera might give it; None if there is none.

    Off by a common factor, noisy with the square of the distance, smeared or without readings at
    edges, with holes: what stereo and structured light do (Khoshelham and Elberink 2012).
    """
    import cv2

    if sample.depth is None:
        return None
    depth = sample.depth * np.float32(np.exp(rng.normal(0.0, 0.015)))
    kind = rng.random()
    if kind < 0.25:
        depth = np.asarray(cv2.medianBlur(depth, 5), np.float32)
    elif kind < 0.5:
        square = np.ones((3, 3), np.uint8)
        step = np.asarray(cv2.dilate(depth, square)) - np.asarray(cv2.erode(depth, square))
        depth = np.where(step > _EDGE_M, 0, depth).astype(np.float32)
    if rng.random() < 0.6:
        coarse = rng.normal(0.0, 1.0, (depth.shape[0] // 2, depth.shape[1] // 2))
        noise = cv2.resize(coarse.astype(np.float32), depth.shape[::-1])
        depth = depth + np.float32(rng.uniform(0.0, 0.006)) * np.asarray(noise) * depth**2
    if rng.random() < 0.3:
        few = rng.random((depth.shape[0] // 4, depth.shape[1] // 4)) < rng.uniform(0.0, 0.15)
        holes = cv2.resize(few.astype(np.uint8), depth.shape[::-1], interpolation=cv2.INTER_NEAREST)
        depth = np.where(np.asarray(holes) > 0, 0, depth)
    return np.asarray(depth, np.float32)
