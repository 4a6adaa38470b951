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
_NEAR_ONE = 2.0
"""Floats that go from 0 to 1 stay below: what was computed from pictures may be a little over."""


def not_rgb(image: object) -> str:
    """What something is that is no [H, W, 3] uint8 image, such as "(9, 9) uint8"; else ""."""
    array = image if isinstance(image, np.ndarray) else np.empty(0)
    if array.ndim == 3 and array.shape[-1] == 3 and array.size and array.dtype == np.uint8:
        return ""
    return f"{np.shape(array)} {array.dtype}" if array is image else f"() {type(image).__name__}"


def must_be_rgb(image: object, what: str) -> None:
    """Raise ImageError that names what is no RGB image, unless it is [H, W, 3] uint8."""
    kind = not_rgb(image)
    if kind:
        raise ImageError(f"{what} must be [H, W, 3] uint8, RGB; this one is {kind}")


def open_image(source: str | Path | bytes, *, most_pixels: int | None = None) -> Image:
    """Read an image file, or an image file's bytes.

    What is see-through lies on white; CMYK becomes RGB; of an animation the first picture is
    taken; rotation from EXIF is applied, where it can be read. Grey of 16 bits becomes 8: of 12
    where no value needs more, as cameras write them; floats go from 0 to 1 where none is far above.

    Args:
        source: a file, or what is in one.
        most_pixels: larger images are scaled down to so many; None leaves them as they are.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        ImageError: the file is missing or unreadable, no image, cut off, or larger than 200
            megapixels.
    """
    from PIL import Image as Pictures
    from PIL import UnidentifiedImageError

    name = "these bytes" if isinstance(source, bytes) else str(source)
    try:
        if not isinstance(source, bytes) and not Path(source).is_file():
            raise ImageError(f"there is no image {name}")
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror or error}") from error
    try:
        with Pictures.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            if width * height > _REFUSED_PIXELS:
                raise ImageError(
                    f"{name} has {width} × {height} pixels; 200 megapixels are the most"
                )
            picture.seek(0)
            # A copy: what Pillow shares may not be written to, which torch warns of.
            return np.array(_fitted(_as_rgb(_upright(picture)), most_pixels), np.uint8)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is no image that can be read (PNG, JPEG, WebP, …)") from error
    except Exception as error:  # Pillow raises what it likes at damaged files.
        raise ImageError(f"{name} is damaged or cut off: {error}") from error


def _upright(picture: "Picture") -> "Picture":
    """A picture as its EXIF says that it was held; as it is, where that is damaged."""
    from PIL import ImageOps

    # What is damaged in the picture itself is told, and not taken for a fault of its EXIF.
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # Pillow raises what it likes at a damaged EXIF.
        return picture


def _as_rgb(picture: "Picture") -> "Picture":
    from PIL import Image as Pictures

    if picture.mode in ("I", "I;16", "I;16B", "I;16L", "F"):
        values = np.nan_to_num(np.asarray(picture, np.float64), posinf=0.0, neginf=0.0)
        white = _white(float(values.max(initial=0.0)), floats=picture.mode == "F")
        grey = np.clip(values / white * 255, 0, 255).astype(np.uint8)
        return Pictures.fromarray(grey).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        paper = Pictures.new("RGBA", picture.size, "white")
        return Pictures.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _white(most: float, *, floats: bool) -> float:
    """The value that stands for white in a grey picture, told by its greatest."""
    if floats and most < _NEAR_ONE:
        return 1.0
    if most <= 255.0:
        return 255.0
    return 4095.0 if most <= 4095.0 and not floats else 65535.0


def _fitted(picture: "Picture", most_pixels: int | None) -> "Picture":
    width, height = picture.size
    if most_pixels is None or width * height <= most_pixels:
        return picture
    scale = (most_pixels / (width * height)) ** 0.5
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))))
