"""Frames padded to squares, for processors that would show a model only the middle of them."""

from typing import Any

from .verbs import Box


def crops(images: Any) -> bool:
    """Whether an image processor shows only the square in the middle, or makes a square itself."""
    size = getattr(images, "size", None) or {}
    cropped = bool(getattr(images, "do_center_crop", False)) and "shortest_edge" in size
    return cropped or bool(getattr(images, "do_pad", False))


def squared(picture: Any, images: Any) -> tuple[Any, Box]:
    """A picture in the middle of a square, and what of the picture that square shows.

    Args:
        picture: PIL image.
        images: the image processor; the border has its mean colour.

    Returns:
        The square, and (x0, y0, x1, y1) in pixels of the picture, beyond it where it was padded.
    """
    from PIL import Image

    width, height = picture.size
    side = max(width, height)
    left, top = (side - width) // 2, (side - height) // 2
    mean = getattr(images, "image_mean", None) or (0.5, 0.5, 0.5)
    square = Image.new("RGB", (side, side), tuple(round(255 * share) for share in mean))
    square.paste(picture, (left, top))
    return square, (float(-left), float(-top), float(side - left), float(side - top))
