"""Scaling: large frames as the embedded model sees them best, and what it saw in their pixels."""

from dataclasses import dataclass, fields, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..frame import Frame, Intrinsics, Mask
from .features import Features


@dataclass(frozen=True, eq=False)
class ScaledFeatures(Features):
    """Features of an image that was scaled down; boxes, masks and heat maps are of the original.

    The arrays are of the small image, as the closer looks need them.

    Attributes:
        original: (H, W) of the image before it was scaled.
    """

    original: tuple[int, int] = (0, 0)

    def box(self, k: int) -> tuple[float, float, float, float]:
        """Box of object k, pixels of the original."""
        x0, y0, x1, y1 = super().box(k)
        height, width = self.rgb.shape[:2]
        across, down = self.original[1] / width, self.original[0] / height
        return x0 * across, y0 * down, x1 * across, y1 * down

    def mask(self, k: int) -> Mask:
        """[H, W] bool instance mask of object k, of the original."""
        small = super().mask(k).view(np.uint8) * np.uint8(254)
        return np.asarray(self._enlarged(small) > 127)

    def heat_map(self, phrase: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """[H, W] where a phrase [E] rings true in the original, 0..1."""
        return np.asarray(self._enlarged(super().heat_map(phrase)), np.float32)

    def _enlarged(self, small: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return cv2.resize(small, self.original[::-1], interpolation=cv2.INTER_LINEAR)


def scaled(frame: Frame, pixels: int) -> Frame:
    """A larger frame scaled down to so many pixels, its shape kept."""
    height, width = frame.rgb.shape[:2]
    scale = (pixels / (height * width)) ** 0.5
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(np.ascontiguousarray(frame.rgb), size, interpolation=cv2.INTER_AREA)
    depth, camera = frame.depth, frame.intrinsics
    if depth is not None:
        # A depth between that of a thing and what is behind it is that of nothing.
        depth = np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST), np.float32)
    if camera is not None:
        across, down = size[0] / width, size[1] / height
        center = (across * (camera.cx + 0.5) - 0.5, down * (camera.cy + 0.5) - 0.5)
        camera = Intrinsics(*size, across * camera.fx, down * camera.fy, *center)
    return replace(frame, rgb=np.asarray(small, np.uint8), depth=depth, intrinsics=camera)


def of_original(features: Features, frame: Frame) -> Features:
    """Features of a scaled frame as those of the original."""
    rgb = frame.rgb
    if features.rgb.shape == rgb.shape:
        return features
    own = {field.name: getattr(features, field.name) for field in fields(features)}
    return ScaledFeatures(**own, original=(rgb.shape[0], rgb.shape[1]))
