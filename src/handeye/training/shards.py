"""Reading shards of rendered scenes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from handeye.perception.frame import Depth, Frame, Intrinsics

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
        depth: [H, W] float32 metres, 0 where there is no reading; None without a depth camera.
        focal_px: focal lengths across and down, pixels; None where unknown.
    """

    rgb: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.uint8]
    objects: list[dict[str, Any]]
    camera: str
    depth: Depth | None = None
    focal_px: tuple[float, float] | None = None

    def frame(self, sequence: int, *, depth: bool = True) -> Frame:
        """The image as a camera gives it; without its depth if so wished."""
        height, width = self.rgb.shape[:2]
        if not depth or self.depth is None or self.focal_px is None:
            return Frame(self.rgb, self.camera, sequence, 0.0)
        middle = ((width - 1) / 2, (height - 1) / 2)
        intrinsics = Intrinsics(width, height, *self.focal_px, *middle)
        return Frame(self.rgb, self.camera, sequence, 0.0, self.depth, intrinsics)


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
        depth: whether to take up their depth, too, where they have it.
    """

    def __init__(
        self, folder: Path, pattern: str = "shard-?????.npz", *, depth: bool = False
    ) -> None:
        self.folder, self.pattern, self._depth = folder, pattern, depth
        self._read: set[Path] = set()
        self._jpegs: list[bytes] = []
        self._pngs: list[bytes | None] = []
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
            jpegs = _split(shard["images"], shard["ends"])
            self._jpegs += jpegs
            has_depth = self._depth and "depths" in shard
            depths = _split(shard["depths"], shard["depth_ends"]) if has_depth else None
            self._pngs += depths or [None] * len(jpegs)
            self._instances += list(shard["instances"])
            self._records += json.loads(shard["records"].tobytes())

    def all_deep(self) -> bool:
        """Whether there is depth, taken up, of every image."""
        return all(png is not None for png in self._pngs)

    def objects(self, index: int) -> list[dict[str, Any]]:
        """The records of the objects of one image, without its pixels."""
        objects: list[dict[str, Any]] = self._records[index]["objects"]
        return objects

    def __getitem__(self, index: int) -> Sample:
        import cv2

        bgr = cv2.imdecode(np.frombuffer(self._jpegs[index], np.uint8), cv2.IMREAD_COLOR)
        record, png = self._records[index], self._pngs[index]
        rgb = np.ascontiguousarray(bgr[..., ::-1])  # type: ignore[index]
        depth = None
        if png is not None:
            whole = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
            depth = np.asarray(whole, np.float32) / np.float32(1000)
        return Sample(
            rgb,
            self._instances[index],
            record["objects"],
            record["camera"],
            depth,
            tuple(record["focal_px"]) if "focal_px" in record else None,
        )


def _split(data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> list[bytes]:
    """The files that lie one after the other in an array."""
    whole = data.tobytes()
    return [whole[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
