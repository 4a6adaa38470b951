"""What vision-language models write, made into boxes, answers and tables.

Every family writes boxes in its own way: corners in pixels, in thousandths, in shares of the
image, as location tokens, as JSON within prose or cut off in the middle. Here each becomes pixels
of the frame; what cannot be read is left out, never guessed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .verbs import Box

Convention = Literal["pixels", "thousandths", "shares", "auto"]
"""How box corners are written: of the image as the model saw it, 0–1000, 0–1, or told by size."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_QUAD = re.compile(
    rf"[\[(<{{]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*(?:,|[)\]]\s*,?\s*[(\[])\s*"
    rf"({_NUMBER})\s*,\s*({_NUMBER})"
)
_QWEN = re.compile(
    rf"(?:<\|object_ref_start\|>|<ref>)?\s*(?P<label>[^<>|]*?)\s*(?:<\|object_ref_end\|>|</ref>)?\s*"
    rf"(?:<\|box_start\|>|<box>)\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*,\s*"
    rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)"
)
_PALIGEMMA = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>\s*(?P<label>[^<;]*)")
_OBJECT = re.compile(r"\{[^{}]*\}")
_Y_FIRST = "box_2d"
"""Gemini's key: y0, x0, y1, x1 in thousandths, whatever else is written x first."""
_BOX_KEYS = ("bbox_2d", "bbox", "box", _Y_FIRST, "bounding_box", "boundingBox", "coordinates")
_POINT_KEYS = ("point_2d", "point")
_FAR = 1e9
"""Beyond this a number is no place in any image."""
_LABEL_KEYS = ("label", "name", "object", "category", "class", "text")
_MARKUP = re.compile(r"^\s*[#•-]+\s+|(?<!\w)[*_`]+(?=\S)|(?<=\S)[*_`]+(?!\w)")
"""Of Markdown; neither a minus nor a product is one."""
_UNTOLD = re.compile(
    r"(?:(?:i have )?no idea|(?:i['’]m |i am )?(?:not sure|unsure)"
    r"|i (?:do not|don['’]t) know|i (?:cannot|can['’]t|can not) (?:tell|say|determine))\b",
    re.IGNORECASE,
)


class Written(NamedTuple):
    """What a model wrote about a frame.

    Attributes:
        text: as it wrote it.
        sure: how sure it was, 0..1.
        seen: (width, height) of the image as the model saw it, where its processor tells.
    """

    text: str
    sure: float
    seen: tuple[int, int] | None = None


class _Raw(NamedTuple):
    """A box as it was written, x first; its convention where the form itself tells it."""

    quad: list[float]
    label: str = ""
    score: float = 1.0
    convention: Convention | None = None


@dataclass(frozen=True)
class WrittenBox:
    """A box that a model wrote: pixels of the frame, its label, and a score if it gave one."""

    box: Box
    label: str = ""
    score: float = 1.0


def read_boxes(
    text: str,
    size: tuple[int, int],
    *,
    convention: Convention = "auto",
    seen: tuple[int, int] | None = None,
) -> list[WrittenBox]:
    """The boxes that a model wrote.

    Args:
        text: what it wrote.
        size: (width, height) of the frame, pixels.
        convention: of its numbers; "auto" tells from them.
        seen: (width, height) of the image as the model saw it, where pixels are of that.

    Returns:
        Boxes within the frame, in the order written; what is empty after clipping is left out.
    """
    for form in (_location_tokens, _tagged, _from_json, _in_prose):
        raw = [*form(text)]
        if raw:
            return _placed(raw, size, convention, seen)
    return []


def read_json(text: str) -> Any:
    """The JSON in a text: fenced, in prose, or cut off; None where there is none."""
    body = text.strip()
    fenced = re.search(r"```(?:json)?\s*(.*?)(?:```|$)", body, re.DOTALL)
    body = fenced[1].strip() if fenced else body
    starts = [i for i in (body.find("{"), body.find("[")) if i >= 0]
    if not starts:
        return None
    body = body[min(starts) :]
    try:
        return json.JSONDecoder().raw_decode(body)[0]
    except json.JSONDecodeError as error:
        return _closed(body[: error.pos])
    except (ValueError, RecursionError):  # numbers of thousands of digits, brackets without end
        return None


def _closed(body: str) -> Any:
    """What is whole of a JSON text that breaks off; up to its end it must be well formed.

    A number at the very end is left out: it may have lost digits.
    """
    closing: list[str] = []
    whole = 0
    quoted = escaped = is_key = False
    for i, c in enumerate(body):
        if quoted:
            quoted = escaped or c != '"'
            escaped = not escaped and c == "\\"
            if not quoted and not is_key:
                whole = i + 1
        elif c == '"':
            quoted = True
        elif c in "{[":
            closing.append("}" if c == "{" else "]")
            is_key, whole = c == "{", i + 1
        elif c in "}]":
            closing.pop()
            is_key, whole = False, i + 1
        elif c == ",":
            is_key, whole = closing[-1] == "}", i
        elif c == ":":
            is_key = False
    # Every bracket ends something whole, so none was opened or closed after it.
    return json.loads(body[:whole] + "".join(reversed(closing))) if whole else None


def read_answer(text: str) -> str:
    """A short answer: the first line without filler and markup; yes and no in lower case.

    It is "" where the model says that it cannot tell.
    """
    lines = (_MARKUP.sub("", part).strip() for part in text.splitlines())
    line = next((part for part in lines if part), "")
    line = re.sub(r"^(?:answer|a)\s*[:\-]\s*", "", line, flags=re.IGNORECASE)
    if _UNTOLD.match(line):
        return ""
    word = re.match(r"^(yes|no)\b(?! one\b)", line, re.IGNORECASE)
    return word[1].lower() if word else line.rstrip(".").strip()


def read_table(text: str) -> tuple[str, list[list[str]]]:
    """(title, rows) of a linearised table, as DePlot and MatCha write it: "<0x0A>" or newlines
    between rows, "|" between cells; the first row is the header.
    """
    lines = [line.strip() for line in text.replace("<0x0A>", "\n").splitlines() if line.strip()]
    title = ""
    if lines and lines[0].lower().startswith("title"):
        title = lines.pop(0).split("|", 1)[-1].strip() if "|" in lines[0] else ""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return title, rows


def _location_tokens(text: str) -> Iterator[_Raw]:
    """PaliGemma's: y0, x0, y1, x1 in 1024ths."""
    for match in _PALIGEMMA.finditer(text):
        y0, x0, y1, x1 = (int(v) / 1024 for v in match.groups()[:4])
        yield _Raw([x0, y0, x1, y1], match["label"].strip(), convention="shares")


def _tagged(text: str) -> Iterator[_Raw]:
    """Qwen-VL's and Qwen2-VL's: between tokens of their own, in thousandths."""
    for match in _QWEN.finditer(text):
        quad = [float(v) for v in match.groups()[1:]]
        yield _Raw(quad, match["label"].strip(), convention="thousandths")


def _in_prose(text: str) -> Iterator[_Raw]:
    """Four numbers in brackets, or two corners in brackets each."""
    for match in _QUAD.finditer(text):
        quad = [float(v) for v in match.groups()]
        if all(_is_number(v) for v in quad):
            yield _Raw(quad)


def _from_json(text: str) -> Iterator[_Raw]:
    found = read_json(text)
    items = found if isinstance(found, list) else [found]
    if isinstance(found, dict):
        nested = [v for v in found.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        items = nested[0] if nested else [found]
    if isinstance(found, list) and len(found) == 4 and all(_is_number(v) for v in found):
        yield _Raw([float(v) for v in found])
        return
    for item in items:
        if isinstance(item, dict):
            yield from _one(item)
        elif isinstance(item, list) and len(item) == 4 and all(_is_number(v) for v in item):
            yield _Raw([float(v) for v in item])


def _one(item: dict[str, Any]) -> Iterator[_Raw]:
    label = next((str(item[k]) for k in _LABEL_KEYS if isinstance(item.get(k), str)), "")
    score = item.get("score", item.get("confidence", 1.0))
    sure = float(score) if _is_number(score) else 1.0
    for key in _BOX_KEYS:
        value = item.get(key)
        y_first = key == _Y_FIRST and isinstance(value, list)
        if isinstance(value, dict):
            value = [value.get(k) for k in ("x0", "y0", "x1", "y1")]
        if isinstance(value, list) and len(value) == 4 and all(_is_number(v) for v in value):
            a, b, c, d = (float(v) for v in value)
            if y_first:
                yield _Raw([b, a, d, c], label, sure, "thousandths")
            else:
                yield _Raw([a, b, c, d], label, sure)
            return
    for key in _POINT_KEYS:
        value = item.get(key)
        if isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value):
            x, y = float(value[0]), float(value[1])
            yield _Raw([x, y, x, y], label, sure)
            return


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _FAR


def _placed(
    raw: list[_Raw],
    size: tuple[int, int],
    convention: Convention,
    seen: tuple[int, int] | None,
) -> list[WrittenBox]:
    width, height = size
    told = convention
    if convention == "auto":
        told = _told([one for one in raw if one.convention is None], seen or size)
    scales = {
        "shares": (float(width), float(height)),
        "thousandths": (width / 1000, height / 1000),
        "pixels": (width / (seen or size)[0], height / (seen or size)[1]),
    }
    found = []
    for (xa, ya, xb, yb), label, score, own in raw:
        across, down = scales[own or told]
        x0, x1 = sorted((xa * across, xb * across))
        y0, y1 = sorted((ya * down, yb * down))
        if x0 == x1 and y0 == y1:
            # A point stands for the few pixels around it.
            x0, y0, x1, y1 = x0 - 4, y0 - 4, x1 + 4, y1 + 4
        x0, x1 = min(max(x0, 0.0), width), min(max(x1, 0.0), width)
        y0, y1 = min(max(y0, 0.0), height), min(max(y1, 0.0), height)
        if x1 - x0 >= 1 and y1 - y0 >= 1:
            found.append(WrittenBox((x0, y0, x1, y1), label, min(max(score, 0.0), 1.0)))
    return found


def _told(raw: list[_Raw], seen: tuple[int, int]) -> Literal["pixels", "thousandths", "shares"]:
    """The convention that numbers speak for: up to 1 are shares; beyond the image, thousandths."""
    numbers = [v for one in raw for v in one.quad]
    if not numbers or max(numbers) <= 1.0:
        return "shares"
    width = max((max(one.quad[0], one.quad[2]) for one in raw), default=0.0)
    height = max((max(one.quad[1], one.quad[3]) for one in raw), default=0.0)
    inside = width <= seen[0] * 1.02 and height <= seen[1] * 1.02
    return "pixels" if inside or max(numbers) > 1000 else "thousandths"
