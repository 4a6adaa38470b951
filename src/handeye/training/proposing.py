"""What is proposed of the training images: made once, kept beside the shards."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handeye.perception.vlm.glimpsing import glimpsed as glimpsed_by
from handeye.perception.vlm.modeling_handeye import HandeyeModel, HandeyeOutput
from handeye.perception.vlm.proposals import propose, spoken_for, tiles_of, worthy

from .batches import normalize, ranges_of
from .progress import Bar
from .shards import Shards

_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Proposed:
    """K proposals of one image.

    Attributes:
        boxes: [K, 4] float32 pixels.
        tiles: [K, H/4, W/4] uint8, how far each tile speaks for the box, 255 is fully.
    """

    boxes: npt.NDArray[np.float32]
    tiles: npt.NDArray[np.uint8]


def propose_all(
    model: HandeyeModel,
    data: Path,
    out: Path,
    *,
    most: int | None = None,
    glimpsed: bool = False,
    deep: bool = False,
) -> None:
    """Write the proposals of each shard of a folder that has none yet.

    Args:
        model: its dense pass proposes.
        data: folder of shards.
        out: folder for `shard-?????.npz` of the same names.
        most: shards to do; all by default.
        glimpsed: what the glimpse keeps of what the dense pass proposes, as a gaze gets it.
        deep: with the depth of those images that have it.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(data.glob("shard-?????.npz"))[:most]
    done = sum((out / path.name).exists() for path in paths)
    cast(nn.Module, model).eval()
    with Bar("proposals", done, len(paths)) as bar:
        for path in paths:
            if not (out / path.name).exists():
                write_proposals(out / path.name, _of_shard(model, path, glimpsed, deep))
                bar.update(0.0)


def _of_shard(model: HandeyeModel, shard: Path, glimpsed: bool, deep: bool) -> list[Proposed]:
    images = Shards(shard.parent, shard.name, depth=deep)
    found: list[Proposed] = []
    for first in range(0, len(images), _AT_ONCE):
        some = [images[i] for i in range(first, min(first + _AT_ONCE, len(images)))]
        rgb = np.stack([sample.rgb for sample in some])
        found += proposals_of(model, rgb, ranges_of(some), glimpsed=glimpsed)
    return found


def write_proposals(path: Path, found: list[Proposed]) -> None:
    """Write what is proposed of the images of one shard."""
    blobs = [np.frombuffer(zlib.compress(one.tiles.tobytes()), np.uint8) for one in found]
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        boxes=np.concatenate([one.boxes for one in found]),
        counts=[len(one.boxes) for one in found],
        tiles=np.concatenate(blobs),
        ends=np.cumsum([len(blob) for blob in blobs]),
        shape=found[0].tiles.shape[1:],
    )
    temporary.replace(path)


def proposals_of(
    model: Any,
    images: npt.NDArray[np.uint8],
    ranges: tuple[Tensor, Tensor] | None = None,
    *,
    glimpsed: bool = False,
) -> list[Proposed]:
    """The proposals of a batch of images [B, H, W, 3], or what the glimpse keeps of them.

    With depth [B, 1, H, W] and focal lengths [B, 2], if these are given.
    """
    _, height, width, _ = images.shape
    found = []
    with torch.inference_mode():
        pixels, out = dense_pass(model, images, ranges)
        for i in range(len(images)):
            tiles = tiles_of(out.mask_logits[i].numpy(), out.mask_boxes[i].numpy())
            heat = out.heat[i].numpy()
            rows, columns, boxes = propose(heat, out.boxes[i].numpy())
            if glimpsed:
                shapes = None if out.shapes is None else out.shapes[i : i + 1]
                look = glimpsed_by(model, pixels[i : i + 1], shapes, tiles, boxes)
                boxes = worthy(boxes, look, heat[rows, columns])[1]
            shares = (spoken_for(tiles, boxes) * 255).astype(np.uint8)
            shown = shares[:, : height // 4, : width // 4]
            found.append(Proposed(boxes, np.ascontiguousarray(shown)))
    return found


def dense_pass(
    model: Any, images: npt.NDArray[np.uint8], ranges: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, HandeyeOutput]:
    """Images [B, H, W, 3] as the model takes them, with depth or without, and what it says."""
    _, height, width, _ = images.shape
    whole = (0, -width % 32, 0, -height % 32)
    pixels = F.pad(normalize(images, model.config), whole)
    deep = () if ranges is None else (F.pad(ranges[0], whole), ranges[1])
    return pixels, model(pixels, *deep)


class Proposals:
    """The proposals of all images of a folder of shards, kept compressed in memory.

    Args:
        folder: as `propose_all` wrote it.
        pattern: of the names of the shards that are read.
    """

    def __init__(self, folder: Path, pattern: str = "shard-?????.npz") -> None:
        self._boxes: list[npt.NDArray[np.float32]] = []
        self._tiles: list[bytes] = []
        self._shape: tuple[int, int] = (0, 0)
        for path in sorted(folder.glob(pattern)):
            self._add(path)

    def __len__(self) -> int:
        return len(self._boxes)

    def _add(self, path: Path) -> None:
        with np.load(path) as shard:
            self._boxes += np.split(shard["boxes"], np.cumsum(shard["counts"])[:-1])
            data, ends = shard["tiles"].tobytes(), shard["ends"]
            self._tiles += [data[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
            self._shape = tuple(shard["shape"])

    def boxes(self, index: int) -> npt.NDArray[np.float32]:
        """[K, 4] of one image, without their tiles."""
        return self._boxes[index]

    def __getitem__(self, index: int) -> Proposed:
        tiles = np.frombuffer(zlib.decompress(self._tiles[index]), np.uint8)
        return Proposed(self._boxes[index], tiles.reshape(-1, *self._shape))
