"""What vision-language models write, made into boxes, answers and tables.

Every family writes boxes in its own way: corners in pixels, in thousandths, in shares of the
image, as location tokens, as JSON within prose or cut off in the middle. Here each becomes pixels
of the frame; what cannot be read is left out, never guessed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .verbs import Box

Convention = Literal["pixels", "thousandths", "shares", "auto"]
"""How box corners are written: of the image as the model saw it, 0–1000, 0–1, or told by size."""

_NUMBER = r"-?\d+(?:\.\d+)?"
_QUAD = re.compile(
    rf"[\[(<{{]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*[,)\]]?\s*[,(\[]?\s*({_NUMBER})\s*,\s*({_NUMBER})"
)
_QWEN = re.compile(
    rf"(?:<\|object_ref_start\|>|<ref>)?\s*(?P<label>[^<>|]*?)\s*(?:<\|object_ref_end\|>|</ref>)?\s*"
    rf"(?:<\|box_start\|>|<box>)\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*,\s*"
    rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)"
)
_PALIGEMMA = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})>\s*(?P<label>[^<;]*)")
_OBJECT = re.compile(r"\{[^{}]*\}")
_BOX_KEYS = ("bbox_2d", "bbox", "box", "box_2d", "bounding_box", "boundingBox", "coordinates")
_POINT_KEYS = ("point_2d", "point")
_FAR = 1e9
"""Beyond this a number is no place in any image."""
_LABEL_KEYS = ("label", "name", "object", "category", "class", "text")


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
    raw = [*_location_tokens(text)]
    if raw:
        return _placed(raw, size, "shares", seen)
    tagged = [
        ([float(v) for v in match.groups()[1:]], match["label"].strip(), 1.0)
        for match in _QWEN.finditer(text)
    ]
    if tagged:
        return _placed(tagged, size, "thousandths", seen)
    listed = [*_from_json(text)]
    if not listed:
        quads = [[float(v) for v in match.groups()] for match in _QUAD.finditer(text)]
        listed = [(quad, "", 1.0) for quad in quads if all(_is_number(v) for v in quad)]
    return _placed(listed, size, convention, seen)


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
    """A short answer: the first line without filler; yes and no in lower case."""
    line = next((part.strip() for part in text.strip().splitlines() if part.strip()), "")
    line = re.sub(r"^(?:answer|a)\s*[:\-]\s*", "", line, flags=re.IGNORECASE)
    word = re.match(r"^(yes|no)\b", line, re.IGNORECASE)
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


def _location_tokens(text: str) -> Iterator[tuple[list[float], str, float]]:
    """PaliGemma's: y0, x0, y1, x1 in 1024ths."""
    for match in _PALIGEMMA.finditer(text):
        y0, x0, y1, x1 = (int(v) / 1024 for v in match.groups()[:4])
        yield [x0, y0, x1, y1], match["label"].strip(), 1.0


def _from_json(text: str) -> Iterator[tuple[list[float], str, float]]:
    found = read_json(text)
    items = found if isinstance(found, list) else [found]
    if isinstance(found, dict):
        nested = [v for v in found.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
        items = nested[0] if nested else [found]
    if isinstance(found, list) and len(found) == 4 and all(_is_number(v) for v in found):
        yield [float(v) for v in found], "", 1.0
        return
    for item in items:
        if isinstance(item, dict):
            yield from _one(item)
        elif isinstance(item, list) and len(item) == 4 and all(_is_number(v) for v in item):
            yield [float(v) for v in item], "", 1.0


def _one(item: dict[str, Any]) -> Iterator[tuple[list[float], str, float]]:
    label = next((str(item[k]) for k in _LABEL_KEYS if isinstance(item.get(k), str)), "")
    score = item.get("score", item.get("confidence", 1.0))
    sure = float(score) if _is_number(score) else 1.0
    for key in _BOX_KEYS:
        value = item.get(key)
        if isinstance(value, dict):
            value = [value.get(k) for k in ("x0", "y0", "x1", "y1")]
        if isinstance(value, list) and len(value) == 4 and all(_is_number(v) for v in value):
            yield [float(v) for v in value], label, sure
            return
    for key in _POINT_KEYS:
        value = item.get(key)
        if isinstance(value, list) and len(value) == 2 and all(_is_number(v) for v in value):
            x, y = float(value[0]), float(value[1])
            yield [x, y, x, y], label, sure
            return


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _FAR


def _placed(
    raw: list[tuple[list[float], str, float]],
    size: tuple[int, int],
    convention: Convention,
    seen: tuple[int, int] | None,
) -> list[WrittenBox]:
    width, height = size
    told = convention if convention != "auto" else _told(raw, seen or size)
    across, down = {
        "shares": (float(width), float(height)),
        "thousandths": (width / 1000, height / 1000),
        "pixels": (width / (seen or size)[0], height / (seen or size)[1]),
    }[told]
    found = []
    for (xa, ya, xb, yb), label, score in raw:
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


def _told(
    raw: list[tuple[list[float], str, float]], seen: tuple[int, int]
) -> Literal["pixels", "thousandths", "shares"]:
    """The convention that numbers speak for: up to 1 are shares; beyond the image, thousandths."""
    numbers = [v for quad, _, _ in raw for v in quad]
    if not numbers or max(numbers) <= 1.0:
        return "shares"
    width = max((max(quad[0], quad[2]) for quad, _, _ in raw), default=0.0)
    height = max((max(quad[1], quad[3]) for quad, _, _ in raw), default=0.0)
    inside = width <= seen[0] * 1.02 and height <= seen[1] * 1.02
    return "pixels" if inside or max(numbers) > 1000 else "thousandths"
