"""Opening images of every usual kind as [H, W, 3] uint8 RGB."""

import io
from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..frame import Image

_MOST_PIXELS = 3_000_000
"""Larger images are made smaller: charts have no finer detail."""
_REFUSED_PIXELS = 200_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def open_image(source: str | Path | bytes) -> Image:
    """Read an image file, or an image file's bytes.

    What is see-through lies on white; 16 bits become 8; CMYK becomes RGB; of an animation the
    first picture is taken; rotation from EXIF is applied; more than 3 megapixels are scaled down.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        ImageError: the file is missing, no image, cut off, or larger than 200 megapixels.
    """
    from PIL import Image as Pictures
    from PIL import ImageOps, UnidentifiedImageError

    name = "these bytes" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes) and not Path(source).is_file():
        raise ImageError(f"there is no image file {name}")
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        with Pictures.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            if width * height > _REFUSED_PIXELS:
                raise ImageError(
                    f"{name} has {width} × {height} pixels; 200 megapixels are the most"
                )
            picture.seek(0)
            upright = ImageOps.exif_transpose(picture)
            return np.asarray(_fitted(_as_rgb(upright)), np.uint8)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is no image that can be read (PNG, JPEG, WebP, …)") from error
    except (OSError, SyntaxError, ValueError, EOFError, Pictures.DecompressionBombError) as error:
        raise ImageError(f"{name} is damaged or cut off: {error}") from error


def _as_rgb(picture: "object") -> "object":
    from PIL import Image as Pictures

    image: Pictures.Image = picture  # type: ignore[assignment]
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(image, np.float64)
        top = 65535.0 if values.max(initial=0.0) > 255 else 255.0
        return Pictures.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        paper = Pictures.new("RGBA", image.size, "white")
        return Pictures.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _fitted(picture: "object") -> "object":
    from PIL import Image as Pictures

    image: Pictures.Image = picture  # type: ignore[assignment]
    width, height = image.size
    scale = (_MOST_PIXELS / (width * height)) ** 0.5
    if scale >= 1:
        return image
    return image.resize((max(1, round(width * scale)), max(1, round(height * scale))))
