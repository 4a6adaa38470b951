"""Reading shards of rendered scenes, and augmenting what is read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

STRIDE = 4
"""Of the instance maps."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image with its ground truth.

    Attributes:
        rgb: [H, W, 3] uint8.
        instances: [H/4, W/4] uint8; 0 is no object, k is `objects[k - 1]`.
        objects: the records of the objects, see `handeye.sims.training_data`.
        camera: "overview" or "wrist".
    """

    rgb: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.uint8]
    objects: list[dict[str, Any]]
    camera: str


class Samples(Protocol):
    """Images with their ground truth, by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Shards:
    """All images of a folder of shards, kept compressed in memory.

    New shards that appear in the folder are taken up by `refresh`.

    Args:
        folder: of the shards.
        pattern: which of them.
    """

    def __init__(self, folder: Path, pattern: str = "shard-?????.npz") -> None:
        self.folder, self.pattern = folder, pattern
        self._read: set[Path] = set()
        self._jpegs: list[bytes] = []
        self._instances: list[npt.NDArray[np.uint8]] = []
        self._records: list[dict[str, Any]] = []
        self.refresh()

    def __len__(self) -> int:
        return len(self._records)

    def refresh(self) -> int:
        """Take up new shards; returns how many images there are."""
        for path in sorted(self.folder.glob(self.pattern)):
            if path not in self._read:
                self._add(path)
                self._read.add(path)
        return len(self)

    def _add(self, path: Path) -> None:
        with np.load(path) as shard:
            data, ends = shard["images"].tobytes(), shard["ends"]
            starts = [0, *ends[:-1]]
            self._jpegs += [data[a:b] for a, b in zip(starts, ends, strict=True)]
            self._instances += list(shard["instances"])
            self._records += json.loads(shard["records"].tobytes())

    def __getitem__(self, index: int) -> Sample:
        import cv2

        bgr = cv2.imdecode(np.frombuffer(self._jpegs[index], np.uint8), cv2.IMREAD_COLOR)
        record = self._records[index]
        rgb = np.ascontiguousarray(bgr[..., ::-1])  # type: ignore[index]
        return Sample(rgb, self._instances[index], record["objects"], record["camera"])


def augment(sample: Sample, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """Scale, crop, flip and recolour a sample.

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
    return Sample(
        recolour(np.asarray(rgb, np.uint8), rng),
        np.asarray(instances, np.uint8),
        objects,
        sample.camera,
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


_DIM = 0.3
"""Share of the images that are darkened, down to what no light of the training scenes gives."""


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
