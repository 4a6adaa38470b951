"""OpenCV's images as ours, and JPEGs that came whole."""

import io
from typing import Any

import numpy as np

from ..errors import CameraError
from ..frame import Image

_END = b"\xff\xd9"
_UNTOLD = 128
"""The grey that libjpeg paints where a picture's data are at their end."""
_CORNER = 4


def as_rgb(bgr: Any, name: str) -> Image:
    """OpenCV's image as [H, W, 3] uint8 RGB; raises CameraError for anything else."""
    import cv2

    image = np.asarray(bgr)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise CameraError(f'camera "{name}" gives {image.dtype} {image.shape}, not an image')
    return np.ascontiguousarray(image[:, :, ::-1])


def rgb_of_jpeg(data: bytes) -> Image | None:
    """A JPEG's [H, W, 3] uint8 RGB as it lies in memory, or None for one that breaks off.

    FFmpeg would fill up what is missing from the picture before, which then looks fresh. Some
    cameras leave the end mark away, and nothing else: those pictures are whole.
    """
    rgb = _decoded(data)
    if rgb is None and _END not in data[-64:]:
        rgb = _decoded(data + _END)
        if rgb is not None and (rgb[-_CORNER:, -_CORNER:] == _UNTOLD).all():
            return None
    return rgb


def _decoded(data: bytes) -> Image | None:
    from PIL import Image as Pictures

    try:
        with Pictures.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"), np.uint8)
    except Exception:  # Pillow raises what it likes at garbage.
        return None
