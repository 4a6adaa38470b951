"""What of the text that was read is text: without marks, specks and swatches."""

import re
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..frame import Image
from .ink import hued, runs_of
from .layout import Box, Layout
from .numbers import parse_number
from .sequences import ISO_MONTH
from .text import Text, quad_of, text_reader

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SHAPES = "□■○●◆◇▲△▼▽★☆"
_MARKS = "oO0QcCaeéèêDxX+°.·•*-_~: 268口〇一十×✕" + _SHAPES
"""What rings, dots, crosses and other shapes are read as."""
_RINGS = ("o", "O", "0", "Q")
"""What hollow points are read as."""
_OVERLAPPING = re.compile(r"([oO0]){2,}|[xX十×]{2,}")
"""What some of them are read as that overlap."""
_NUMBERED = re.compile(r"^[A-Za-z]\d+$")
_DATE = re.compile(rf"{ISO_MONTH}(?:[-/.][0-3]\d)?")
"""Such labels are long, and stand closer together than others."""
_WIDER = 1.8
"""Gaps between numbers are so much wider than those between their thousands."""
_NARROWEST = 0.25
"""Width of the narrowest letters of a word on average, in heights."""
_TICKS = "I|l1!'"
"""What a tick is read as."""
_HANDLE = re.compile(r"^(?:[-–—~_=]+[oO0Q°•]?[-–—~_=]*|[oO0Q°•][-–—~_=]+)$")
"""What a legend's stroke is read as, with or without a mark on it."""
_AT_START = re.compile(r"^[^\w($€£+-]+\s*")
"""What no name begins with."""
_GLUED = re.compile(r"^[-–—~_=]+[oO0Q°•][-–—~_=]+(?=\w)")
"""The same with a mark, where no gap to the name was seen."""
_APART = 0.6
"""Gaps between words are less wide, in heights."""
_FLAT = 0.65
"""Strokes and rows of dots are less tall than so much of the usual height of text."""
_OTHER = 60
"""How far apart the colours of a key and of text are at least, in one channel."""
_GAP, _BEYOND = 0.4, 4
"""Pieces of a key are closer than so many heights; so many pixels from a line of text, a bar goes
on and a key does not."""
_STROKE, _MARK = 0.3, 1.3
"""Least length of a stroke beside a mark, and most width of the mark, in heights."""


def true_texts(texts: list[Text], image: Image) -> list[Text]:
    """Texts without what is no text: rings that look like an O, a bar that looks like a dash."""
    texts = of_one_script(texts)
    usual = float(np.median([t.height for t in texts])) if texts else 0.0
    hues = [_hue(t, image) for t in texts if len(t.text) > 2]
    limit = 45 + (float(np.median(hues)) if hues else 0.0)
    kept = [t for t in texts if len(t.text) > 3 or t.height < 3 * usual]
    marks = {id(t) for t in kept if _is_mark(t, image, limit, usual)}
    shapes = [_shape(t.text) for t in kept if id(t) not in marks]
    # Q2 is none among Q1 and Q3.
    numbered = {id(t) for t in kept if _NUMBERED.match(t.text) and _shape(t.text) in shapes}
    kept = [_trimmed(t, image) for t in kept if id(t) not in marks - numbered]
    kept = [piece for t in kept for piece in _entries_apart(t, image)]
    kept = [piece for t in kept for piece in _keys_apart(t, image)]
    kept = [piece for t in kept for piece in _letter_apart(t, image)]
    return [piece for t in kept for piece in _numbers_apart(t, image)]


def without_dots(texts: list[Text], layout: Layout) -> list[Text]:
    """Texts without signs between two numeric axes: dots and crosses that were taken for them."""
    if layout.x_axis is None or layout.y_axis is None:
        return texts
    columns, rows = [p for p, _ in layout.x_axis.ticks], [p for p, _ in layout.y_axis.ticks]
    slack = (max(columns) - min(columns)) / max(len(columns) - 1, 1)
    labels = [*layout.x_texts, *layout.y_texts]
    # The first labels may have been missed: the plot begins where the others' end.
    left = max((t.box[2] for t in layout.y_texts), default=np.inf)
    left = min(min(columns) - 0.5 * slack, left if left < min(columns) else np.inf)
    return [
        t
        for t in texts
        if not (t.text in _MARKS if len(t.text) == 1 else _OVERLAPPING.fullmatch(t.text))
        or any(t is label for label in labels)
        or not left < t.center[0] < max(columns) + slack
        or not min(rows) - 0.9 * slack < t.center[1] < max(rows) + 0.5 * slack
    ]


def rings_among_labels(texts: list[Text], window: Box) -> list[Text]:
    """Rings that were read as text among the labels of one axis, not in the corner of both.

    Args:
        texts: that are no labels.
        window: (x0, y0, x1, y1) of the plot, pixels.
    """
    x0, y0, x1, y1 = window
    found = []
    for text in texts:
        (x, y), reach = text.center, text.height
        beside, below = x0 - reach < x <= x0 + reach, y1 - reach <= y < y1 + reach
        within = (y0 < y < y1 - reach) if beside else (x0 + reach < x < x1 and below)
        if text.text in _RINGS and within:
            found.append(text)
    return found


def _shape(text: str) -> str:
    return re.sub(r"\d", "0", text)


def _entries_apart(text: Text, image: Image) -> list[Text]:
    """Entries of a legend in a row that were read as one line: cut where their handles are."""
    words = text.text.split()
    handles = [k for k, word in enumerate(words) if _HANDLE.match(word) and k < len(words) - 1]
    inner = [k for k in handles if k > 0]
    if not inner or not text.is_level:
        return [text]
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    runs = _handles(_ink_of(image[y0:y1, x0:x1]))
    if len(runs) != len(inner):
        return [text]
    starts, ends = [0, *(end for _, end in runs)], [*(start for start, _ in runs), x1 - x0]
    firsts, lasts = [0, *(k + 1 for k in inner)], [*inner, len(words)]
    return [
        _piece(text, " ".join(words[first:last]), float(x0 + start), float(x0 + end))
        for first, last, start, end in zip(firsts, lasts, starts, ends, strict=True)
        if last > first
    ]


def _keys_apart(text: Text, image: Image) -> list[Text]:
    """Entries of a legend that were read as one line over the coloured keys between them."""
    if not text.is_level or not any(c.isalpha() for c in text.text):
        return [text]
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    crop, height = image[y0:y1, x0:x1], y1 - y0
    ink = _ink_of(crop)
    keyed = np.asarray((ink & hued(crop)).any(axis=0))
    joined = [run for run in _joined(runs_of(keyed), _GAP * height) if run[1] - run[0] > height]
    words = np.asarray(ink.any(axis=0) & ~keyed)
    keys = [key for key in joined if words[key[1] :].sum() > height / 2]
    if not keys or _go_on(image, (x0, y0, x1, y1), keys):
        return [text]
    said, strength = crop.astype(np.int64), ink.astype(np.int64)
    apart = [_color_of(said[:, a:b], strength[:, a:b]) for a, b in keys]
    own = _color_of(said[:, words], strength[:, words])
    if min(np.abs(color - own).max() for color in apart) < _OTHER:
        return [text]
    starts, ends = [0, *(end for _, end in joined)], [*(start for start, _ in joined), x1 - x0]
    quads = []
    for start, end in zip(starts, ends, strict=True):
        if words[start:end].sum() > height / 2:
            quads.append(quad_of(x0 + start + 1, y0, x0 + end - 1, y1))
    return [t for t in text_reader().read_at(image, quads) if any(c.isalnum() for c in t.text)]


def _joined(runs: list[tuple[int, int]], gap: float) -> list[tuple[int, int]]:
    """Runs, those that are no farther apart than a gap as one."""
    found: list[tuple[int, int]] = []
    for start, end in runs:
        if found and start - found[-1][1] <= gap:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def _go_on(image: Image, box: tuple[int, int, int, int], keys: list[tuple[int, int]]) -> bool:
    """Whether what is coloured in a line of text goes on above or below it, as bars do."""
    x0, y0, _, y1 = box
    rows = [y for y in (y0 - _BEYOND, y1 + _BEYOND) if 0 <= y < len(image)]
    return any(bool(hued(image[rows, x0 + start : x0 + end]).any()) for start, end in keys)


def _letter_apart(text: Text, image: Image) -> list[Text]:
    """An axis' name of one letter and the tick label at its right, which were read as one line."""
    first, _, rest = text.text.partition(" ")
    if len(first) != 1 or not first.isalpha() or not rest or not text.is_level:
        return [text]
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    filled = _ink_of(image[y0:y1, x0:x1]).any(axis=0)
    runs = runs_of(np.asarray(filled))
    if len(runs) < 2 or runs[1][0] - runs[0][1] < _APART * (y1 - y0):
        return [text]
    end, start = float(x0 + runs[0][1]), float(x0 + runs[1][0])
    return [_piece(text, first, text.box[0], end), _piece(text, rest, start, text.box[2])]


def _handles(ink: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Columns [start, end) of level strokes in a line of text, and of the marks on them."""
    height = len(ink)
    rows = np.arange(height)[:, None]
    top = np.where(ink, rows, height).min(axis=0)
    bottom = np.where(ink, rows, -1).max(axis=0)
    low = (bottom >= top) & (bottom - top < max(3.0, 0.3 * height))
    low &= np.abs((top + bottom) / 2 - (height - 1) / 2) < 0.3 * height
    strokes = [(a, b) for a, b in runs_of(low) if b - a >= _STROKE * height]
    found = _joined(strokes, _MARK * height)
    return [(start, end) for start, end in found if end - start >= height]


def _ink_of(crop: Image) -> npt.NDArray[np.bool_]:
    """[h, w] where a line of text is not as its first and last rows are."""
    page = np.median(crop[[0, -1]].reshape(-1, 3).astype(np.int64), axis=0)
    return np.asarray(np.abs(crop.astype(np.int64) - page).max(axis=-1) > 60)


def _piece(text: Text, said: str, left: float, right: float) -> Text:
    """A part of a level line of text."""
    top, bottom = text.box[1], text.box[3]
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return replace(text, text=said, box=(left, top, right, bottom), corners=corners)


def _numbers_apart(text: Text, image: Image) -> list[Text]:
    """Tick labels that were read as one line, each by itself: cut at the widest gaps."""
    words = [piece for word in text.text.split() for piece in _unglued(word)]
    if (
        len(words) < 2
        or not text.is_level
        or parse_number(text.text) is not None
        or any(parse_number(word) is None and not _DATE.fullmatch(word) for word in words)
    ):
        return [text]
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    filled = np.flatnonzero(_ink_of(image[y0:y1, x0:x1]).any(axis=0))
    gaps = np.diff(filled)
    if len(gaps) < len(words):
        return [text]
    cuts = np.sort(np.argsort(-gaps)[: len(words) - 1])
    cuts, words = _wide_cuts(cuts, gaps[cuts], words)
    starts, ends = [filled[0], *filled[cuts + 1]], [*filled[cuts], filled[-1]]
    return [
        _piece(text, word, float(x0 + start), float(x0 + end + 1))
        for word, start, end in zip(words, starts, ends, strict=True)
    ]


def _unglued(word: str) -> list[str]:
    """Numbers of one length that were read as one word: "2001.02001.5"."""
    if parse_number(word) is not None or not word[:1].isdigit():
        return [word]
    for count in range(2, 16):
        size, rest = divmod(len(word), count)
        pieces = [word[k * size : (k + 1) * size] for k in range(count)]
        shapes = {re.sub(r"\d", "0", piece) for piece in pieces}
        if not rest and size > 2 and len(shapes) == 1 and parse_number(pieces[0]) is not None:
            return pieces
    return [word]


def _wide_cuts(
    cuts: npt.NDArray[np.int64], gaps: npt.NDArray[np.int64], words: list[str]
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Only the cuts between numbers, and these, where spaces stand between their thousands."""
    if not len(gaps) or gaps.max() < _WIDER * gaps.min():
        return cuts, words
    wide = gaps > np.sqrt(float(gaps.max()) * float(gaps.min()))
    joined, start = [], 0
    for end in [*(np.flatnonzero(wide) + 1), len(words)]:
        joined.append(" ".join(words[start:end]))
        start = int(end)
    if any(parse_number(text) is None for text in joined):
        return cuts, words
    return cuts[wide], joined


def of_one_script(texts: list[Text]) -> list[Text]:
    """In a chart of Latin script, single signs of others are specks that were taken for them."""
    letters = "".join(t.text for t in texts)
    if sum(not c.isascii() and c.isalpha() for c in letters) > 0.15 * max(len(letters), 1):
        return texts
    cleaned = [replace(t, text=_CJK.sub("", t.text).strip()) for t in texts]
    return [t for t in cleaned if t.text]


def _is_mark(text: Text, image: Image, limit: float, usual: float) -> bool:
    """Whether what was read is a mark of the plot, more coloured than text is."""
    if len(text.text) <= 3 and _is_patch(text, image):
        return True
    if any(c.isalnum() for c in text.text) and len(text.text) > 3:
        return False
    if any(c in _SHAPES for c in text.text):
        return True
    if any(c.isalnum() for c in text.text) and len(text.text) > 2:
        return False
    if not any(c.isalnum() for c in text.text):
        return True
    if text.text in _TICKS and text.height < _FLAT * usual:
        return True
    # Dots and dashes in a row are read as an m or a w, but are not as tall.
    if len(text.text) <= 2 and text.height < _FLAT * usual and _hue(text, image) > limit:
        return True
    foreign = len(text.text) == 1 and (not text.text.isascii() or text.score < 0.6)
    return (foreign or set(text.text) <= set(_MARKS)) and _hue(text, image) > limit


def _is_patch(text: Text, image: Image) -> bool:
    """Whether what was read is filled, as swatches are and strokes of letters are not."""
    import cv2

    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    crop = image[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2].astype(np.int64)
    side = max(3, round(0.34 * min(x1 - x0, y1 - y0)) | 1)
    if min(crop.shape[:2]) < 6:
        return False
    border = np.concatenate([crop[0], crop[-1], crop[:, 0], crop[:, -1]])
    page = np.median(border, axis=0)
    if np.mean(np.abs(border - page).max(axis=-1) > 40) > 0.4:
        return False
    ink = (np.abs(crop - page).max(axis=-1) > 60).astype(np.uint8)
    core = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return float(np.asarray(core).mean()) > 0.35


def _hue(text: Text, image: Image) -> float:
    """How coloured the strongest pixels of a text are, 0..255."""
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    patch = image[y0:y1, x0:x1].reshape(-1, 3).astype(int)
    return float(np.percentile(np.ptp(patch, axis=1), 93)) if len(patch) else 0.0


def _trimmed(text: Text, image: Image) -> Text:
    """A text without the legend's swatch or stroke that was taken for its beginning."""
    if not text.is_level or len(text.text) < 2:
        return text
    x0, y0, x1, y1 = (max(0, round(v)) for v in text.box)
    crop = image[y0:y1, x0:x1].astype(np.int64)
    height = y1 - y0
    if height < 5 or x1 - x0 < 1.5 * height:
        return text
    ink = np.abs(crop - np.median(crop[[0, -1]].reshape(-1, 3), axis=0)).max(axis=-1)
    filled = (ink > 50).any(axis=0)
    columns = np.flatnonzero(filled)
    if not len(columns) or columns[0] > 0.8 * height:
        return text
    end = int(columns[0])
    while end < len(filled) and filled[end : end + 2].any():
        end += 1
    rest = len(filled) - end
    # What is left must have room for what was read: a word may stand half on a bar.
    room = max(0.8, _NARROWEST * len(_AT_START.sub("", text.text))) * height
    if end > 4.6 * height or rest < room:
        return text
    swatch, words = _color_of(crop[:, :end], ink[:, :end]), _color_of(crop[:, end:], ink[:, end:])
    block = ink[:, columns[0] : end] > 50
    rows = block.any(axis=1)
    solid = end - columns[0] > 0.5 * height and rows.sum() > 3 and block[rows].mean() > 0.93
    if not solid and (np.ptp(swatch) < 40 or np.abs(swatch - words).max() < _OTHER):
        return text
    left = float(x0 + end + 1)
    (_, ay), b, c, (_, dy) = text.corners
    first, _, later = text.text.partition(" ")
    said = later if later and _HANDLE.match(first) else text.text
    said = _AT_START.sub("", _GLUED.sub("", said))
    return replace(
        text, text=said, box=(left, *text.box[1:]), corners=((left, ay), b, c, (left, dy))
    )


def _color_of(crop: npt.NDArray[np.int64], ink: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Colour of the strongest pixels of a piece."""
    strong = crop[ink >= 0.8 * ink.max()]
    return np.asarray(np.median(strong.reshape(-1, 3), axis=0))
