"""Instruction-following models: every verb by asking for it, in the family's own form of boxes."""

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..charts.chart import Chart, ChartRow
from ..errors import ImageError, ModelError
from ..frame import Frame
from .answering import Generated, generate
from .checkpoints import Parts, picture_of
from .squaring import crops, squared
from .verbs import Answer, Detection
from .written import (
    CUT_OFF,
    Convention,
    Written,
    WrittenBox,
    read_answer,
    says_nothing,
    without_thoughts,
)
from .written_absent import of_phrase, says_absent
from .written_boxes import read_boxes
from .written_json import holds_whole_list, read_json, read_values


class Write(Protocol):
    """Runs a model on a frame and a prompt."""

    def __call__(
        self, frame: Frame, prompt: str, most: int, schema: dict[str, Any] | None = None
    ) -> Written:
        """Text of at most so many tokens; a JSON schema is kept to if it can."""


_JSON_BOXES = (
    'Answer with JSON alone: a list of {{"{key}": [{corners}], "label": "name"}}, {units}.'
)
_UNITS: dict[Convention, str] = {
    "pixels": "in pixels of the image",
    "thousandths": "in thousandths of the image's width and height, 0 to 1000",
    "shares": "as shares of the image's width and height, 0 to 1",
    "box_2d": "in thousandths of the image's height and width, 0 to 1000",
    "auto": "in pixels of the image",
}
_CHART = (
    "Read the chart in this image into its exact table. Answer with JSON alone: "
    '{"kind": "bar|bar_horizontal|bar_grouped|bar_stacked|line|scatter|pie", "title": "", '
    '"x_label": "", "y_label": "", "rows": [{"series": "", "x": "category or number", '
    '"y": number}]}. x is the category or independent variable; of a pie, y is the percentage. '
    'If there is no chart, answer {"kind": "none"}.'
)
_BOX_TOKENS = {
    "qwen2_vl": ("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>"),
}
"""Special tokens that a family writes around boxes."""
_MORE = "most_tokens gives a server's model more"
_KINDS = ("bar", "bar_horizontal", "bar_grouped", "bar_stacked", "line", "scatter", "pie")


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """Schema of an object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_STRING, _REAL = {"type": "string"}, {"type": "number"}
_CHART_SCHEMA = _object(
    kind={"type": "string", "enum": [*_KINDS, "none"]},
    title=_STRING,
    x_label=_STRING,
    y_label=_STRING,
    rows=_list(_object(series=_STRING, x={"type": ["string", "number"]}, y=_REAL)),
)


@dataclass(frozen=True, eq=False)
class InstructedVLM:
    """Asks a model for what each verb wants, and reads what it writes.

    Attributes:
        write: what runs the model.
        name: of the model, for messages.
        convention: in which its boxes are written.
        boxes_prompt: how it is asked for the boxes of a phrase; None asks for JSON.
    """

    write: Write
    name: str
    convention: Convention = "auto"
    boxes_prompt: str | None = None
    verbs = ("parse", "ground", "ask", "caption", "read_chart")

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object that it names, best first.

        Raises:
            ModelError: what it wrote cannot be read, or was cut off.
        """
        prompt = "Find every object on the table. " + self._form()
        if self.boxes_prompt is not None:
            prompt = self.boxes_prompt.format(phrase="object")
        written = self._written(frame, prompt, 768, self._schema())
        return _detections(of_phrase(self._boxes(frame, written)), written.sure)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to, best first; empty when the model says that it is not there.

        Raises:
            ModelError: the model refused, or what it wrote cannot be read, or was cut off.
        """
        if self.boxes_prompt is not None:
            prompt = self.boxes_prompt.format(phrase=phrase)
        else:
            prompt = f"Find {phrase}. {self._form()} If it is not there, answer []."
        written = self._written(frame, prompt, 256, self._schema())
        return _detections(of_phrase(self._boxes(frame, written), phrase), written.sure, phrase)

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer; its confidence is the mean probability of the tokens, where known."""
        prompt = f"{question}\nAnswer with one word, a number, or a short phrase."
        written = self._written(frame, prompt, 24)
        said = read_answer(written.text)
        return Answer(said, written.sure if said else 0.0)

    def caption(self, frame: Frame) -> str:
        """One sentence about a frame."""
        written = self._written(frame, "Describe this image in one sentence.", 64)
        return without_thoughts(written.text)

    def read_chart(self, frame: Frame) -> Chart:
        """The table of a chart.

        Raises:
            ImageError: the model says that there is none.
            ModelError: the model wrote nothing that can be read.
        """
        written = self._written(frame, _CHART, 1024, _CHART_SCHEMA)
        chart = chart_of(read_json(written.text), written.sure, self.name)
        if all(value.whole for value in read_values(written.text)):
            return chart
        return replace(chart, unread=(*chart.unread, CUT_OFF))

    def _written(
        self, frame: Frame, prompt: str, most: int, schema: dict[str, Any] | None = None
    ) -> Written:
        """What the model writes; raises ModelError where that ends amid its thoughts."""
        written = self.write(frame, prompt, most, schema)
        if written.cut and not without_thoughts(written.text):
            raise ModelError(
                f"{self.name} was still thinking when its {written.cut} tokens ran out; {_MORE}",
                passing=False,
            )
        return written

    def _form(self) -> str:
        corners = "y1, x1, y2, x2" if self.convention == "box_2d" else "x1, y1, x2, y2"
        units = _UNITS[self.convention]
        return _JSON_BOXES.format(key=self._key, corners=corners, units=units)

    def _schema(self) -> dict[str, Any]:
        return _object(objects=_list(_object(**{self._key: _list(_REAL), "label": _STRING})))

    @property
    def _key(self) -> str:
        return "box_2d" if self.convention == "box_2d" else "bbox_2d"

    def _boxes(self, frame: Frame, written: Written) -> list[WrittenBox]:
        height, width = frame.rgb.shape[:2]
        text, seen, region = written.text, written.seen, written.region
        found = read_boxes(
            text, (width, height), convention=self.convention, seen=seen, region=region
        )
        if found and written.cut and not holds_whole_list(text):
            raise ModelError(
                f"the list that {self.name} wrote was cut off after {written.cut} tokens; {_MORE}",
                passing=False,
            )
        if not found and not self._absent(text):
            cut = f"; it was cut off after {written.cut} tokens, {_MORE}" if written.cut else ""
            said = text.strip()[:200]
            raise ModelError(f'{self.name} wrote no boxes: "{said}"{cut}', passing=False)
        return found

    def _absent(self, text: str) -> bool:
        if self.boxes_prompt is None:
            return says_absent(text)
        # Its own prompt gives it no words for what is not there: whatever else it writes is that.
        return not text.strip() or not says_nothing(text)


def chart_of(said: Any, sure: float, name: str) -> Chart:
    """A chart from JSON; rows that make no sense are left out and counted in `unread`.

    Raises:
        ImageError: it says that there is no chart.
        ModelError: it is no chart.
    """
    kind = said.get("kind") if isinstance(said, dict) else None
    if kind == "none":
        raise ImageError(f"no chart was read: {name} says that there is none")
    if not isinstance(said, dict) or kind not in _KINDS:
        what = f'a chart of kind "{kind}"' if kind else "nothing that is a table"
        raise ModelError(f"no chart was read: {name} answered with {what}", passing=False)
    rows, bad = [], 0
    for row in said.get("rows") or []:
        try:
            x = row["x"]
            x = float(x) if isinstance(x, int | float) and not isinstance(x, bool) else str(x)
            y = float(row["y"])
            if not math.isfinite(y):
                raise ValueError("no number")
            rows.append(ChartRow(str(row.get("series") or ""), x, y, sure))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            bad += 1
    if not rows:
        raise ModelError(f"no chart was read: {name} gave a table without rows", passing=False)
    return Chart(
        said["kind"],
        tuple(rows),
        title=str(said.get("title") or ""),
        x_label=str(said.get("x_label") or ""),
        y_label=str(said.get("y_label") or ""),
        unread=(f"{bad} rows that the model wrote badly",) if bad else (),
    )


def _detections(boxes: list[WrittenBox], sure: float, label: str = "") -> list[Detection]:
    """Detections of boxes, best first; all under one label, where there is one."""
    found = [Detection(label or b.label or "object", b.box, min(b.score, sure)) for b in boxes]
    return sorted(found, key=lambda detection: -detection.score)


def local_writer(parts: Parts) -> Write:
    """Runs a checkpoint in this process, through its own chat template where it has one."""

    def write(
        frame: Frame, prompt: str, most: int, schema: dict[str, Any] | None = None
    ) -> Written:
        picture, region = picture_of(frame), None
        if parts.family == "idefics":
            said, sure, cut = _flamingo(parts, picture, prompt, most)
            return Written(said, sure, cut=cut)
        images = getattr(parts.processor, "image_processor", None)
        if parts.family == "llava" and crops(images):
            # As it was trained: else it would see the middle alone, and write shares of that.
            picture, region = squared(picture, images)
        inputs = parts.inputs(images=_images(parts, picture), text=_prompt(parts, prompt))
        # The prompt says what the schema would; in plain sentences box tokens are noise.
        keep = () if schema is None else _BOX_TOKENS.get(parts.family, ())
        said, sure, cut = generate(parts, inputs, most, keep=keep)
        return Written(said, sure, _seen(parts, inputs), region, cut)

    return write


def _seen(parts: Parts, inputs: Any) -> tuple[int, int] | None:
    """(width, height) to which a Qwen processor brought the image; None of other families."""
    grid = inputs.get("image_grid_thw")
    if grid is None:
        return None
    _, rows, columns = (int(patches) for patches in grid[0])
    side = int(parts.processor.image_processor.patch_size)
    return columns * side, rows * side


def _flamingo(parts: Parts, picture: Any, prompt: str, most: int) -> Generated:
    """Idefics takes pictures in the midst of the text, and must not write any itself."""
    said = [["User:", picture, f"{prompt}<end_of_utterance>", "\nAssistant:"]]
    inputs = parts.inputs(text=said, add_end_of_utterance_token=False)
    tokenizer = parts.processor.tokenizer
    tokens = tokenizer(["<image>", "<fake_token_around_image>"], add_special_tokens=False)
    return generate(parts, inputs, most, bad_words_ids=tokens["input_ids"])


def _images(parts: Parts, picture: Any) -> Any:
    # Models that take several pictures in a conversation want a list for each text.
    return [[picture]] if parts.family in ("idefics3", "smolvlm") else [picture]


def _prompt(parts: Parts, prompt: str) -> Any:
    if parts.family == "paligemma":
        return f"<image>{prompt}"
    template = getattr(parts.processor, "chat_template", None)
    if template:
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        messages = [{"role": "user", "content": content}]
        return parts.processor.apply_chat_template(messages, add_generation_prompt=True)
    if parts.family in ("llava", "llava_next", "llava_onevision"):
        return f"USER: <image>\n{prompt} ASSISTANT:"
    raise ModelError(f"the checkpoint {parts.name} ({parts.family}) has no chat template")
