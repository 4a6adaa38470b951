"""Opening images of every usual kind as [H, W, 3] uint8 RGB."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import ImageError
from .frame import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_REFUSED_PIXELS = 200_000_000


def open_image(source: str | Path | bytes, *, most_pixels: int | None = None) -> Image:
    """Read an image file, or an image file's bytes.

    What is see-through lies on white; 16 bits become 8; CMYK becomes RGB; of an animation the
    first picture is taken; rotation from EXIF is applied.

    Args:
        source: a file, or what is in one.
        most_pixels: larger images are scaled down to so many; None leaves them as they are.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        ImageError: the file is missing, no image, cut off, or larger than 200 megapixels.
    """
    from PIL import Image as Pictures
    from PIL import ImageOps, UnidentifiedImageError

    name = "these bytes" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes) and not Path(source).is_file():
        raise ImageError(f"there is no image {name}")
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
            # A copy: what Pillow shares may not be written to, which torch warns of.
            return np.array(_fitted(_as_rgb(upright), most_pixels), np.uint8)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is no image that can be read (PNG, JPEG, WebP, …)") from error
    except (OSError, SyntaxError, ValueError, EOFError, Pictures.DecompressionBombError) as error:
        raise ImageError(f"{name} is damaged or cut off: {error}") from error


def _as_rgb(picture: "Picture") -> "Picture":
    from PIL import Image as Pictures

    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.asarray(picture, np.float64)
        top = 65535.0 if values.max(initial=0.0) > 255 else 255.0
        grey = np.clip(values / top * 255, 0, 255).astype(np.uint8)
        return Pictures.fromarray(grey).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        paper = Pictures.new("RGBA", picture.size, "white")
        return Pictures.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _fitted(picture: "Picture", most_pixels: int | None) -> "Picture":
    width, height = picture.size
    if most_pixels is None or width * height <= most_pixels:
        return picture
    scale = (most_pixels / (width * height)) ** 0.5
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))))
