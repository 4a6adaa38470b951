"""Pictures of the images that a model reads worst: what it missed, and what it saw wrongly."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from handeye.perception.frame import Image
from handeye.perception.vlm.verbs import Detection

from ..overlay import SCALE, Story, annotate, contact_sheet, font

_MISSED = (235, 60, 160)


def draw_worst(cases: Sequence[tuple[Image, Sequence[Detection], Any]], split: str) -> Image:
    """A sheet of the worst images of a split; [H, W, 3] uint8.

    Args:
        cases: image, detections that fit nothing that is there, and (name, box) of what was not
            found by its name, of each.
        split: its name.
    """
    pictures = [
        (
            missed_over(annotate(rgb, wrong), missed),
            f"{len(missed)} not found (dashed), {len(wrong)} wrong",
        )
        for rgb, wrong, missed in cases
    ]
    return contact_sheet(pictures, Story(instruction=f"the worst images of {split}"))


def missed_over(picture: Image, missed: Sequence[tuple[str, Sequence[float]]]) -> Image:
    """An enlarged image with dashed boxes [x0, y0, x1, y1] around what was not found."""
    from PIL import Image as Picture
    from PIL import ImageDraw

    canvas = Picture.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for name, box in missed:
        x0, y0, x1, y1 = (float(v) * SCALE for v in box)
        for a, b in (
            ((x0, y0), (x1, y0)),
            ((x0, y1), (x1, y1)),
            ((x0, y0), (x0, y1)),
            ((x1, y0), (x1, y1)),
        ):
            _dashed(draw, np.array(a), np.array(b))
        draw.text(
            (x0 + 4, y1 - 4),
            name,
            font=font(15),
            fill=_MISSED,
            anchor="ls",
            stroke_width=2,
            stroke_fill=(255, 255, 255),
        )
    return np.asarray(canvas, dtype=np.uint8)


def _dashed(draw: Any, a: Any, b: Any, dash: float = 9.0) -> None:
    count = max(1, round(float(np.linalg.norm(b - a)) / dash))
    ends = a + (b - a) * np.linspace(0, 1, count + 1)[:, None]
    for start, end in zip(ends[:-1:2], ends[1::2], strict=False):
        draw.line((*start, *end), fill=_MISSED, width=3)
