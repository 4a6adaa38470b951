"""Boxes as vision-language models write them, made into boxes of the frame.

Every family writes boxes in its own way: corners in pixels, in thousandths, in shares of the
image, as location tokens, as JSON of many shapes within prose or cut off in the middle. Here each
becomes pixels of the frame; what cannot be read is left out, never guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import ModelError
from .verbs import Box
from .written import Convention, WrittenBox, without_thoughts
from .written_json import read_values

Scale = Literal["pixels", "thousandths", "shares"]
_Numbers = tuple[float, float, float, float]

_NUMBER = r"-?\d+(?:\.\d+)?"
_QUAD = re.compile(
    rf"(?P<y_first>\bbox_2d\W{{0,4}}?)?"
    rf"[\[(<{{]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*(?:,|[)\]]\s*,?\s*[(\[])\s*"
    rf"({_NUMBER})\s*,\s*({_NUMBER})"
)
_FOUR = re.compile(rf"\D*?({_NUMBER})[\s,;]+({_NUMBER})[\s,;]+({_NUMBER})[\s,;]+({_NUMBER})\D*")
_QWEN = re.compile(
    rf"(?:<\|object_ref_start\|>|<ref>)?\s*(?P<label>[^<>|]*?)\s*(?:<\|object_ref_end\|>|</ref>)?\s*"
    rf"(?:<\|box_start\|>|<box>)\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*,\s*"
    rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)"
)
_PALIGEMMA = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>\s*(?P<label>[^<;]*)")

# Keys are compared as `_plain_key` makes them.
_BOX_KEYS = ("bbox2d", "bbox", "box", "box2d", "boundingbox", "coordinates")
_POINT_KEYS = ("point2d", "point")
_Y_FIRST = ("box2d", "point")
"""Gemini's keys: y before x, in thousandths, whatever else is written x first."""
_LABEL_KEYS = ("label", "name", "object", "category", "class", "text")
_CORNERS = (
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)
_SIZED = (
    ("x", "y", "width", "height"),
    ("x", "y", "w", "h"),
    ("left", "top", "width", "height"),
)
"""The corner at the top left and the size; of a middle they would be called otherwise."""
_WRAPPERS = re.compile(
    r"(?:all|the|found|detected)?(?:objects?|results?|detections?|boxes|bboxes|boundingboxes|items?"
    r"|answers?|data|outputs?|response|predictions?|annotations?|instances?|list|image)"
)
"""Keys that name no thing."""
_FAR = 1e9
"""Beyond this a number is no place in any image."""
_DEEPEST = 20
_UNITS: dict[Scale, float] = {"shares": 1.0, "thousandths": 1000.0}
_SLACK = 1.02
"""Numbers may pass the edge of the image by so much."""


@dataclass(frozen=True)
class _Raw:
    """A box as it was written.

    Attributes:
        quad: two corners.
        label, score: of it.
        scale: of the numbers where the form itself tells it.
        y_first: whether y is written before x; None where the form itself does not tell.
        point: whether it was written as a place, both corners of which are the same.
    """

    quad: _Numbers
    label: str = ""
    score: float = 1.0
    scale: Scale | None = None
    y_first: bool | None = None
    point: bool = False


def read_boxes(
    text: str,
    size: tuple[int, int],
    *,
    convention: Convention = "auto",
    seen: tuple[int, int] | None = None,
    region: Box | None = None,
) -> list[WrittenBox]:
    """The boxes that a model wrote.

    Args:
        text: what it wrote.
        size: (width, height) of the frame, pixels.
        convention: of its numbers; "auto" tells from them.
        seen: (width, height) of the image as the model saw it, where pixels are of that.
        region: (x0, y0, x1, y1) of the frame, pixels, that this image showed; None for all of it.

    Returns:
        Boxes within the frame, in the order written; what is empty after clipping is left out.

    Raises:
        ModelError: the numbers are impossible in their convention, and no pixels either.
    """
    text = without_thoughts(text)
    region = region or (0.0, 0.0, float(size[0]), float(size[1]))
    for form in (_location_tokens, _tagged, _from_json, _in_prose):
        raw = [*form(text)]
        if raw:
            shown = seen or (round(region[2] - region[0]), round(region[3] - region[1]))
            pairs = zip(_shares(raw, convention, shown), raw, strict=True)
            placed = [_placed(quad, one, size, region) for quad, one in pairs]
            return [box for box in placed if box is not None]
    return []


def _location_tokens(text: str) -> Iterator[_Raw]:
    """PaliGemma's: y0, x0, y1, x1 in 1024ths."""
    for match in _PALIGEMMA.finditer(text):
        a, b, c, d = (int(v) / 1024 for v in match.groups()[:4])
        yield _Raw((a, b, c, d), match["label"].strip(), scale="shares", y_first=True)


def _tagged(text: str) -> Iterator[_Raw]:
    """Qwen-VL's and Qwen2-VL's: between tokens of their own, in thousandths."""
    for match in _QWEN.finditer(text):
        a, b, c, d = (float(v) for v in match.groups()[1:])
        yield _Raw((a, b, c, d), match["label"].strip(), scale="thousandths", y_first=False)


def _in_prose(text: str) -> Iterator[_Raw]:
    """Four numbers in brackets, or two corners in brackets each."""
    for match in _QUAD.finditer(text):
        quad = _numbers(match.groups()[1:])
        if quad:
            gemini = bool(match["y_first"])
            yield _Raw(quad, scale="thousandths" if gemini else None, y_first=gemini or None)


def _from_json(text: str) -> list[_Raw]:
    """Boxes with keys; where there are none, lists of four numbers."""
    values = [one.value for one in read_values(text)]
    keyed = [raw for value in values for raw in _keyed(value)]
    return keyed or [raw for value in values for raw in _bare(value)]


def _keyed(value: Any, label: str = "", depth: int = 0) -> Iterator[_Raw]:
    """Boxes in objects at any depth; what has no label of its own has that of what it is in."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _keyed(item, label, depth + 1)
    if not isinstance(value, dict):
        return
    item = _plain(value)
    label = next((item[k] for k in _LABEL_KEYS if isinstance(item.get(k), str)), label)
    score = _number(item.get("score", item.get("confidence")))
    written = [
        *(_quads(item.get(key), key) for key in _BOX_KEYS),
        *(_points(item.get(key), key) for key in _POINT_KEYS),
        _cornered(item),
    ]
    for raw in next((found for found in written if found), []):
        yield replace(raw, label=label, score=1.0 if score is None else score)
    for key, inner in value.items():
        if _plain_key(key) not in (*_BOX_KEYS, *_POINT_KEYS) and isinstance(inner, dict | list):
            yield from _keyed(inner, _named(str(key), label), depth + 1)


def _bare(value: Any, label: str = "", depth: int = 0) -> Iterator[_Raw]:
    """Lists of four numbers at any depth."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _bare(item, _named(str(key), label), depth + 1)
    elif isinstance(value, list):
        quad = _numbers(value)
        if quad:
            yield _Raw(quad, label)
        else:
            for item in value:
                yield from _bare(item, label, depth + 1)


def _named(key: str, label: str) -> str:
    """The label of what is under a key."""
    plain = _plain_key(key)
    return label if not plain or plain.isdecimal() or _WRAPPERS.fullmatch(plain) else key


def _quads(value: Any, key: str) -> list[_Raw]:
    """What is written under a key of boxes: one, several, two corners, or corners with names."""
    if isinstance(value, dict):
        return _cornered(_plain(value))
    if isinstance(value, str):
        four = _FOUR.fullmatch(value)
        value = four.groups() if four else None
    if not isinstance(value, list | tuple):
        return []
    if len(value) == 2 and all(isinstance(v, list) and len(v) == 2 for v in value):
        value = [*value[0], *value[1]]
    scale: Scale | None = "thousandths" if key in _Y_FIRST else None
    quads = [quad for one in ([value] if _numbers(value) else value) if (quad := _numbers(one))]
    return [_Raw(quad, scale=scale, y_first=key in _Y_FIRST or None) for quad in quads]


def _points(value: Any, key: str) -> list[_Raw]:
    """A place: a box of no size, which says so."""
    if isinstance(value, dict):
        named = _numbers([value.get(k) for k in ("x", "y", "x", "y")])
        return [_Raw(named, y_first=False, point=True)] if named else []
    quad = _numbers([*value, *value]) if isinstance(value, list) and len(value) == 2 else None
    if not quad:
        return []
    if key in _Y_FIRST:
        return [_Raw(quad, scale="thousandths", y_first=True, point=True)]
    return [_Raw(quad, point=True)]


def _cornered(item: dict[str, Any]) -> list[_Raw]:
    """A box of which the corners, or one and the size, have names."""
    for keys in (*_CORNERS, *_SIZED):
        quad = _numbers([item.get(key) for key in keys])
        if quad:
            x, y, right, bottom = quad
            if keys in _SIZED:
                right, bottom = x + right, y + bottom
            return [_Raw((x, y, right, bottom), y_first=False)]
    return []


def _plain(item: dict[Any, Any]) -> dict[str, Any]:
    return {_plain_key(key): value for key, value in item.items()}


def _plain_key(key: Any) -> str:
    """A key in lower case, without "_" and "-"."""
    return re.sub(r"[\W_]", "", str(key)).lower()


def _numbers(value: Any) -> _Numbers | None:
    """Four numbers, if these are that."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    a, b, c, d = (_number(v) for v in value)
    if a is None or b is None or c is None or d is None:
        return None
    return a, b, c, d


def _number(value: Any) -> float | None:
    """A number, also in quotes."""
    if isinstance(value, str) and re.fullmatch(_NUMBER, value.strip()):
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _FAR:
        return None
    return float(value)


def _shares(raw: list[_Raw], convention: Convention, shown: tuple[int, int]) -> list[_Numbers]:
    """(x, y, x, y) of each box as shares of the image that the model saw."""
    gemini = convention == "box_2d"
    upright = [_upright(one, gemini) for one in raw]
    told: Scale = "thousandths"
    if convention == "auto":
        told = _told([q for q, one in zip(upright, raw, strict=True) if one.scale is None], shown)
    elif convention != "box_2d":
        told = convention
    scales = [one.scale or told for one in raw]
    across_down: dict[Scale, tuple[float, float]] = {}
    for scale in set(scales):
        alike = [q for q, other in zip(upright, scales, strict=True) if other == scale]
        fitting = _fitting(scale, alike, shown)
        across_down[scale] = shown if fitting == "pixels" else (_UNITS[fitting], _UNITS[fitting])
    shares = []
    for (x0, y0, x1, y1), scale in zip(upright, scales, strict=True):
        across, down = across_down[scale]
        shares.append((x0 / across, y0 / down, x1 / across, y1 / down))
    return shares


def _upright(raw: _Raw, y_first: bool) -> _Numbers:
    """A box x first; `y_first` is of forms that do not tell."""
    a, b, c, d = raw.quad
    swapped = y_first if raw.y_first is None else raw.y_first
    return (b, a, d, c) if swapped else raw.quad


def _fitting(scale: Scale, quads: list[_Numbers], shown: tuple[int, int]) -> Scale:
    """The scale in which numbers are possible, whatever was asked for; raises ModelError."""
    most = max(v for quad in quads for v in quad)
    if scale != "shares" and most <= 1.0 and any(v % 1 for quad in quads for v in quad):
        return "shares"  # less than a pixel is no box
    if scale == "pixels" or most <= _UNITS[scale] * _SLACK:
        return scale
    if scale == "thousandths" and _inside(quads, shown):
        return "pixels"
    raise ModelError(f"the model wrote boxes in {scale} of the image with numbers up to {most:g}")


def _told(quads: list[_Numbers], shown: tuple[int, int]) -> Scale:
    """The scale that numbers speak for: up to 1 are shares; beyond the image, thousandths."""
    most = max((v for quad in quads for v in quad), default=0.0)
    if most <= 1.0:
        return "shares"
    return "pixels" if most > 1000 or _inside(quads, shown) else "thousandths"


def _inside(quads: list[_Numbers], shown: tuple[int, int]) -> bool:
    """Whether all of these pixels are of the image."""
    return all(
        max(q[0], q[2]) <= shown[0] * _SLACK and max(q[1], q[3]) <= shown[1] * _SLACK for q in quads
    )


def _placed(quad: _Numbers, raw: _Raw, size: tuple[int, int], region: Box) -> WrittenBox | None:
    """A box within the frame from shares of what the model saw of it; None where it is empty."""
    left, top, width, height = region[0], region[1], region[2] - region[0], region[3] - region[1]
    x0, x1 = sorted((left + quad[0] * width, left + quad[2] * width))
    y0, y1 = sorted((top + quad[1] * height, top + quad[3] * height))
    if max(raw.quad) <= 0:
        return None  # So some write that a thing is not there.
    if raw.point:
        # It stands for the few pixels around it.
        x0, y0, x1, y1 = x0 - 4, y0 - 4, x1 + 4, y1 + 4
    x0, x1 = min(max(x0, 0.0), size[0]), min(max(x1, 0.0), size[0])
    y0, y1 = min(max(y0, 0.0), size[1]), min(max(y1, 0.0), size[1])
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    return WrittenBox((x0, y0, x1, y1), raw.label, min(max(raw.score, 0.0), 1.0))
