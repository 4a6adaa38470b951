"""OpenCV's images as ours."""

from typing import Any

import numpy as np

from ..errors import CameraError
from ..frame import Image


def as_rgb(bgr: Any, name: str) -> Image:
    """OpenCV's image as [H, W, 3] uint8 RGB; raises CameraError for anything else."""
    import cv2

    image = np.asarray(bgr)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise CameraError(f'camera "{name}" gives {image.dtype} {image.shape}, not an image')
    return np.ascontiguousarray(image[:, :, ::-1])
