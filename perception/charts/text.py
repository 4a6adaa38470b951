"""The text in an image: where each line of it lies, how it is turned, and what it says."""

import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..frame import Image
from .spaces import with_spaces

_MARGIN = 12
_DETECT_SIDES = (1100, 800)
"""Images are brought to these longer sides before text is looked for, pixels."""
_HEIGHT = 48
_MIN_SCORE = 0.35
_LONGER = 1.3
"""A place that is longer than another one in it by this shows a word of which that is a piece."""
_LONE_SIGN = 2.4
"""A lone sign is at most so many times as tall as its place is wide."""

_SMALL_PART, _IN_RING = 0.3, 3
"""What has so many places in it, no longer than that share of its own length, is no text."""


def quad_of(x0: float, y0: float, x1: float, y1: float) -> npt.NDArray[np.float32]:
    """[4, 2] corners of an upright place to read at, from the top left."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


@dataclass(frozen=True)
class Text:
    """One line of text.

    Attributes:
        text: what it says.
        box: (x0, y0, x1, y1) upright box around it, pixels.
        corners: its own four corners, in reading order from the top left, pixels.
        angle: direction of reading, degrees; 0 is to the right, 90 upwards.
        score: confidence, 0..1.
    """

    text: str
    box: tuple[float, float, float, float]
    corners: tuple[tuple[float, float], ...]
    angle: float
    score: float

    @property
    def center(self) -> tuple[float, float]:
        """(x, y), pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def height(self) -> float:
        """Across the direction of reading, pixels."""
        (ax, ay), _, _, (dx, dy) = self.corners
        return float(np.hypot(ax - dx, ay - dy))

    @property
    def is_level(self) -> bool:
        """Whether it is read from left to right."""
        return abs(self.angle) < 12

    @property
    def start(self) -> tuple[float, float]:
        """Middle of the edge where reading begins, pixels."""
        (ax, ay), _, _, (dx, dy) = self.corners
        return (ax + dx) / 2, (ay + dy) / 2

    @property
    def end(self) -> tuple[float, float]:
        """Middle of the edge where reading ends, pixels."""
        _, (bx, by), (cx, cy), _ = self.corners
        return (bx + cx) / 2, (by + cy) / 2


class TextReader:
    """Reads text with rapidocr, whose models are in its wheel.

    Raises:
        ModelError: rapidocr is not installed.
    """

    def __init__(self) -> None:
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise ModelError(
                "reading text needs rapidocr and onnxruntime, which handeye installs; "
                f"this machine lacks them ({error}): pip install rapidocr onnxruntime"
            ) from error
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        ocr = RapidOCR(
            params={
                "Global.log_level": "error",
                "Det.box_thresh": 0.4,
                "Det.thresh": 0.25,
                "Det.limit_side_len": 32,
                "Rec.rec_batch_num": 8,
                "Rec.rec_img_shape": [3, _HEIGHT, 64],
            }
        )
        # The parts of it load when they are first used; then they stand open, as attributes.
        blank = np.full((64, 64, 3), 255, np.uint8)
        ocr(blank, use_det=True, use_cls=False, use_rec=False)
        ocr(blank, use_det=False, use_cls=False, use_rec=True)
        self._detect: Any = ocr.text_det
        self._recognize: Any = ocr.text_rec
        self._lock = threading.Lock()

    def read(self, rgb: Image) -> list[Text]:
        """All lines of text in an image [H, W, 3] uint8, from the top down."""
        quads = self._find(rgb)
        found = [t for t in self.read_at(rgb, quads) if t.text and t.score >= _MIN_SCORE]
        return _rejoined(found)

    def read_at(self, rgb: Image, quads: list[npt.NDArray[np.float32]]) -> list[Text]:
        """What is written within four-cornered places [4, 2], pixels, one Text for each.

        A place that is taller than wide is read both upwards and downwards; one that is little
        taller may be a lone digit, and is read level as well.
        """
        jobs: list[tuple[int, float, npt.NDArray[np.float32]]] = []
        for k, quad in enumerate(quads):
            corners = _ordered(quad)
            wide, tall = _sides(corners)
            if tall <= _LONE_SIGN * wide:
                jobs.append((k, 0.0, corners))
            if tall > 1.4 * wide:
                jobs.append((k, 90.0, np.roll(corners, 1, axis=0)))
                jobs.append((k, -90.0, np.roll(corners, -1, axis=0)))
        if not jobs:
            return []
        said = self._say([_upright(rgb, corners) for _, _, corners in jobs])
        best: dict[int, Text] = {}
        for (k, _, corners), (text, score) in zip(jobs, said, strict=True):
            if k not in best or score > best[k].score:
                best[k] = _text(text, corners, score)
        return [best[k] for k in sorted(best)]

    def _find(self, rgb: Image) -> list[npt.NDArray[np.float32]]:
        """Four-cornered places of text: what the detector finds at one size, and what it then
        finds besides at another; it misses some at either.
        """
        found: list[npt.NDArray[np.float32]] = []
        seen = [quad for side in _DETECT_SIDES for quad in self._find_at(rgb, side)]
        for quad in (quad for quad in seen if not _is_ring(quad, seen)):
            part = piece_among(quad, found)
            if part is not None:
                found[part] = quad
            elif not _covered(quad, found):
                found.append(quad)
        return found

    def _find_at(self, rgb: Image, side: int) -> list[npt.NDArray[np.float32]]:
        import cv2

        scale = side / max(rgb.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        resized = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=how)
        padded = cv2.copyMakeBorder(
            np.asarray(resized), _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_REPLICATE
        )
        with self._lock:
            found = self._detect(np.ascontiguousarray(padded[..., ::-1]))
        if found.boxes is None:
            return []
        return [(np.asarray(box, np.float32) - _MARGIN) / scale for box in found.boxes]

    def _say(self, crops: list[Image]) -> list[tuple[str, float]]:
        from rapidocr.ch_ppocr_rec import TextRecInput

        with self._lock:
            found = self._recognize(
                TextRecInput(img=[crop[..., ::-1] for crop in crops], return_word_box=True)
            )
        return [
            (with_spaces(text.strip(), _places(info, crop.shape[1]), crop), float(score))
            for text, score, info, crop in zip(
                found.txts, found.scores, found.word_results, crops, strict=True
            )
        ]


def _places(info: Any, width: int) -> list[float]:
    """Columns of the middles of all signs but spaces, of a crop of a width in pixels."""
    steps = [step for word in info.word_cols or () for step in word]
    return [(step + 0.5) * width / max(info.line_txt_len, 1e-9) for step in steps]


@lru_cache(maxsize=1)
def text_reader() -> TextReader:
    """The text reader, loaded once."""
    return TextReader()


def _rejoined(texts: list[Text]) -> list[Text]:
    """Words of one line that were found apart; numbers stay apart, for they may be labels."""
    out: list[Text] = []
    for text in sorted(texts, key=lambda t: t.box[0]):
        before = next((t for t in out if _follows(t, text)), None)
        if before is None:
            out.append(text)
            continue
        (a, _, _, d), (_, b, c, _) = before.corners, text.corners
        x0, y0, x1, y1 = zip(before.box, text.box, strict=True)
        out[out.index(before)] = Text(
            f"{before.text} {text.text}",
            (min(x0), min(y0), max(x1), max(y1)),
            (a, b, c, d),
            before.angle,
            min(before.score, text.score),
        )
    return sorted(out, key=lambda t: t.box[1])


def _follows(a: Text, b: Text) -> bool:
    if not (a.is_level and b.is_level) or not a.text[:1].isalpha():
        return False
    gap, height = b.box[0] - a.box[2], max(a.height, b.height)
    level = abs(a.center[1] - b.center[1]) < 0.25 * height
    alike = min(a.height, b.height) > 0.7 * height
    return level and alike and -0.3 * height < gap < 0.3 * height


def _is_ring(quad: npt.NDArray[np.float32], others: list[npt.NDArray[np.float32]]) -> bool:
    """Whether a place has several far smaller ones in it: a donut is no letter."""
    low, high = quad.min(axis=0), quad.max(axis=0)
    wide, tall = high - low
    if not 0.5 < wide / max(tall, 1.0) < 2.0:
        return False
    corners = np.stack(others)
    small = np.ptp(corners, axis=1).max(axis=1) < _SMALL_PART * max(wide, tall)
    middles = corners.mean(axis=1)
    within = ((low < middles) & (middles < high)).all(axis=1)
    return bool((small & within).sum() >= _IN_RING)


def _covered(quad: npt.NDArray[np.float32], others: list[npt.NDArray[np.float32]]) -> bool:
    """Whether a good part of a place is among others already."""
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    for other in others:
        (u0, v0), (u1, v1) = other.min(axis=0), other.max(axis=0)
        shared = max(0.0, min(x1, u1) - max(x0, u0)) * max(0.0, min(y1, v1) - max(y0, v0))
        if shared > 0.25 * min((x1 - x0) * (y1 - y0), (u1 - u0) * (v1 - v0)):
            return True
    return False


def piece_among(quad: npt.NDArray[np.float32], others: list[npt.NDArray[np.float32]]) -> int | None:
    """Which of other places is but a piece of one line of text: its number; None if none is."""
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    touched = []
    for k, other in enumerate(others):
        (u0, v0), (u1, v1) = other.min(axis=0), other.max(axis=0)
        shared = max(0.0, min(x1, u1) - max(x0, u0)) * max(0.0, min(y1, v1) - max(y0, v0))
        if shared > 0.05 * (u1 - u0) * (v1 - v0):
            touched.append((k, shared / max((u1 - u0) * (v1 - v0), 1e-9), u1 - u0, v1 - v0))
    if len(touched) != 1:
        return None
    k, inside, wide, tall = touched[0]
    along, across = (x1 - x0) / max(wide, 1e-9), (y1 - y0) / max(tall, 1e-9)
    if x1 - x0 < y1 - y0:
        along, across = across, along
    longer = along > _LONGER * max(across, 1.0) and 0.7 < across < 1.7
    return k if inside > 0.85 and longer else None


def _ordered(quad: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Corners from the top left, clockwise."""
    middle = quad.mean(axis=0)
    turns = np.arctan2(quad[:, 1] - middle[1], quad[:, 0] - middle[0])
    ring = quad[np.argsort(turns)]
    start = int(np.argmin(ring.sum(axis=1)))
    return np.roll(ring, -start, axis=0)


def _sides(corners: npt.NDArray[np.float32]) -> tuple[float, float]:
    wide = np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])
    tall = np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])
    return float(wide / 2), float(tall / 2)


def _upright(rgb: Image, corners: npt.NDArray[np.float32]) -> Image:
    """The text between four corners, laid level and as high as the reader wants it."""
    import cv2

    wide, tall = _sides(corners)
    height, width = _HEIGHT, max(12, round(_HEIGHT * wide / max(tall, 1.0)))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(
        rgb, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)


def _text(text: str, corners: npt.NDArray[np.float32], score: float) -> Text:
    along = corners[1] - corners[0]
    corners = _tightened(corners)
    low, high = corners.min(axis=0), corners.max(axis=0)
    return Text(
        text,
        (float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        tuple((float(x), float(y)) for x, y in corners),
        float(np.degrees(np.arctan2(-along[1], along[0]))),
        score,
    )


def _tightened(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Corners at the letters: the detector leaves a margin around them."""
    wide, tall = _sides(corners)
    right = (corners[1] - corners[0]) / max(wide, 1.0)
    down = (corners[3] - corners[0]) / max(tall, 1.0)
    inset = 0.13 * tall
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32) * inset
    return np.asarray(corners + signs[:, :1] * right + signs[:, 1:] * down, np.float32)
