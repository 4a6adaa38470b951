"""Overlay: a camera image with boxes, beside a panel that tells the story so far."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from handeye.perception.errors import UserError
from handeye.perception.frame import Image
from handeye.perception.vlm.verbs import Detection, HeatMap

SCALE = 3
_WIDEST = 1280
"""Pictures are not enlarged beyond this width, pixels."""
PANEL_W = 480
_INK, _FAINT, _PAPER = (28, 30, 34), (120, 124, 132), (250, 250, 248)
_ACCENT = {"ok": (22, 128, 60), "bad": (190, 40, 40), "now": (20, 90, 190), "wait": (150, 154, 160)}


@dataclass
class Story:
    """What the panel shows.

    Attributes:
        instruction: what was asked for.
        steps: (words, mark) of the plan; marks are "ok", "bad", "now", "wait".
        lines: the latest remarks.
        status: how it ended, "" while it runs.
    """

    instruction: str = ""
    steps: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    status: str = ""


@lru_cache(maxsize=16)
def font(size: int) -> Any:
    """The face that everything is set in."""
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def annotate(rgb: Image, detections: Sequence[Detection], caption: str = "") -> Image:
    """The image with a labelled box for each detection; [s H, s W, 3] uint8.

    Small images are enlarged: s is 3 where that is not too wide, else 2 or 1.
    """
    from PIL import Image as Picture
    from PIL import ImageDraw

    height, width = rgb.shape[:2]
    scale = max(1, min(SCALE, _WIDEST // width))
    picture = Picture.fromarray(rgb).resize(
        (width * scale, height * scale), Picture.Resampling.LANCZOS
    )
    draw = ImageDraw.Draw(picture)
    for detection in detections:
        x0, y0, x1, y1 = (v * scale for v in detection.box)
        held = detection.state == "held"
        color = (255, 196, 0) if held else (64, 220, 160)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=color, width=2)
        label = f"{detection.label}{' · held' if held else ''} {detection.score:.2f}"
        box = draw.textbbox((x0 + 2, y0), label, font=font(15), anchor="ls")
        draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=color)
        draw.text((x0 + 2, y0), label, font=font(15), fill=(10, 10, 10), anchor="ls")
    if caption:
        draw.text(
            (10, 8),
            caption,
            font=font(15),
            fill=(255, 255, 255),
            stroke_width=2,
            stroke_fill=(0, 0, 0),
        )
    return np.asarray(picture, dtype=np.uint8)


def heated(rgb: Image, heat: HeatMap) -> Image:
    """An image under its heat map [H, W] in 0..1, the hotter the more it covers; uint8."""
    import cv2

    levels = np.clip(heat * 255, 0, 255).astype(np.uint8)
    colors = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO))[..., ::-1]
    cover = 0.7 * np.clip(heat, 0.0, 1.0)[..., None]
    return np.asarray(rgb * (1 - cover) + colors * cover, dtype=np.uint8)


def compose(view: Image, story: Story) -> Image:
    """The annotated view with the panel at its right; [H, W + 480, 3] uint8, even sides."""
    from PIL import Image as Picture
    from PIL import ImageDraw

    height = view.shape[0]
    panel = Picture.new("RGB", (PANEL_W, height), _PAPER)
    draw = ImageDraw.Draw(panel)
    y = 22
    for line in wrap(f"“{story.instruction}”", 25, PANEL_W - 48):
        draw.text((24, y), line, font=font(25), fill=_INK)
        y += 32
    y += 14
    for words, mark in story.steps:
        sign = {"ok": "+", "bad": "x", "now": ">", "wait": "·"}[mark]
        draw.text((24, y), sign, font=font(18), fill=_ACCENT[mark])
        ink = _INK if mark != "wait" else _FAINT
        for line in wrap(words, 18, PANEL_W - 78):
            draw.text((48, y), line, font=font(18), fill=ink)
            y += 24
        y += 4
    y += 12
    draw.line((24, y, PANEL_W - 24, y), fill=(222, 222, 218), width=1)
    y += 12
    for remark in story.lines[-8:]:
        for line in wrap(remark, 15, PANEL_W - 48):
            if y < height - 60:
                draw.text((24, y), line, font=font(15), fill=_FAINT)
            y += 20
    if story.status:
        good = story.status == "succeeded"
        draw.rectangle((0, height - 46, PANEL_W, height), fill=_ACCENT["ok" if good else "bad"])
        draw.text((24, height - 23), story.status, font=font(22), fill=(255, 255, 255), anchor="lm")
    return np.concatenate([view, np.asarray(panel, dtype=np.uint8)], axis=1)


def save_picture(image: Image, path: str | Path) -> None:
    """Write an image in place of one before it; whoever looks never sees half a picture.

    Raises:
        UserError: the path cannot be written, or its ending is of no kind of picture.
    """
    from PIL import Image as Picture

    path = Path(path)
    beside = path.with_name(f".{path.name}.new{path.suffix}")
    try:
        Picture.fromarray(image).save(beside)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UserError(f"the picture {path} cannot be written: {error}") from error


def side_by_side(pictures: Sequence[Image]) -> Image:
    """Pictures in one row, at the height of the lowest; [H, W, 3] uint8."""
    from PIL import Image as Picture

    height = min(picture.shape[0] for picture in pictures)
    row = [
        Picture.fromarray(p).resize((max(1, round(p.shape[1] * height / p.shape[0])), height))
        for p in pictures
    ]
    return np.concatenate([np.asarray(p, dtype=np.uint8) for p in row], axis=1)


def wrap(text: str, size: int, width: int) -> list[str]:
    """A text in lines of at most `width` pixels."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font(size).getlength(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line] if line else lines


def contact_sheet(pictures: Sequence[tuple[Image, str]], story: Story) -> Image:
    """Key moments in one picture, three in a row, under the instruction; [H, W, 3] uint8."""
    from PIL import Image as Picture
    from PIL import ImageDraw

    columns = 3
    width, height = 640, 480
    rows = max(1, -(-len(pictures) // columns))
    sheet = Picture.new("RGB", (columns * (width + 16) + 16, 96 + rows * (height + 48) + 8), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((20, 30), f"“{story.instruction}”", font=font(34), fill=_INK)
    good = story.status == "succeeded"
    draw.text(
        (sheet.width - 20, 48),
        story.status,
        font=font(30),
        anchor="rm",
        fill=_ACCENT["ok" if good else "bad"],
    )
    for i, (picture, caption) in enumerate(pictures):
        x = 16 + (i % columns) * (width + 16)
        y = 96 + (i // columns) * (height + 48)
        sheet.paste(Picture.fromarray(picture).resize((width, height)), (x, y))
        for line in wrap(caption, 19, width)[:1]:
            draw.text((x, y + height + 8), line, font=font(19), fill=_INK)
    return np.asarray(sheet, dtype=np.uint8)
