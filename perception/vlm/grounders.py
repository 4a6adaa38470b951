"""Grounders: OWLv2 and Grounding DINO (open vocabulary), Florence-2 and Kosmos-2 (they write)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelError
from ..frame import Frame
from .answering import Generated, generate
from .checkpoints import Parts, picture_of
from .explaining import attending, over_frame, relevance
from .squaring import crops, squared
from .verbs import Box, Detection, HeatMap
from .written import WrittenBox

TO_PHRASE = "<CAPTION_TO_PHRASE_GROUNDING>"
EVERYTHING = "<OD>"
CAPTION = "<CAPTION>"
"""Florence-2's tasks; of any other word its processor makes plain text."""


@dataclass(frozen=True, eq=False)
class OpenVocabularyDetector:
    """Boxes for phrases, with scores.

    Attributes:
        parts: the checkpoint.
        labels: what `parse` looks for.
        threshold: least score of a box.
    """

    parts: Parts
    labels: tuple[str, ...] = ()
    threshold: float = 0.2

    @property
    def verbs(self) -> tuple[str, ...]:
        """ "ground", and "parse" where it was told what to look for."""
        return ("ground", "parse") if self.labels else ("ground",)

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to, best first."""
        return self._find(frame, (phrase,))

    def parse(self, frame: Frame) -> list[Detection]:
        """Everything that one of `labels` names, best first."""
        return self._find(frame, self.labels)

    def _find(self, frame: Frame, phrases: tuple[str, ...]) -> list[Detection]:
        import torch

        height, width = frame.rgb.shape[:2]
        dino = self.parts.family == "grounding-dino"
        text: Any = ". ".join(p.lower() for p in phrases) + "." if dino else [list(phrases)]
        inputs = self.parts.inputs(images=picture_of(frame), text=text)
        with torch.inference_mode():
            out = self.parts.model(**inputs)
        sizes = torch.tensor([[height, width]])
        if dino:
            found = self.parts.processor.post_process_grounded_object_detection(
                out, inputs["input_ids"], threshold=self.threshold, target_sizes=sizes
            )[0]
            names = [str(n) for n in found.get("text_labels", found.get("labels"))]
        else:
            found = self.parts.processor.post_process_grounded_object_detection(
                out, threshold=self.threshold, target_sizes=sizes
            )[0]
            names = [phrases[int(k)] for k in found["labels"]]
        boxes = found["boxes"].float().cpu().numpy()
        scores = found["scores"].float().cpu().numpy()
        detections = [
            Detection(name or phrases[0], _clipped(box, width, height), float(score))
            for box, score, name in zip(boxes, scores, names, strict=True)
        ]
        kept = [d for d in detections if d.box[2] - d.box[0] >= 1 and d.box[3] - d.box[1] >= 1]
        return sorted(kept, key=lambda d: -d.score)


@dataclass(frozen=True, eq=False)
class WritingGrounder:
    """Florence-2 and Kosmos-2, which write phrases with the places they mean.

    Attributes:
        parts: the checkpoint.
        max_new_tokens: most that it may write.
    """

    parts: Parts
    max_new_tokens: int = 256

    @property
    def verbs(self) -> tuple[str, ...]:
        """ "explain" is of Florence-2 alone."""
        return ("parse", "ground", "caption", *(("explain",) if self._florence else ()))

    def parse(self, frame: Frame) -> list[Detection]:
        """Every object that it names; raises ModelError where its list was cut off."""
        task = EVERYTHING if self._florence else "<grounding>Describe this image in detail:"
        return [_detection(found) for found in self._places(frame, task, "")]

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        """What a phrase refers to."""
        if self._florence:
            found = self._places(frame, TO_PHRASE, phrase)
        else:
            found = self._places(frame, f"<grounding><phrase>{phrase}</phrase>", "")
        return [_detection(box, phrase) for box in found]

    def caption(self, frame: Frame) -> str:
        """One sentence about a frame."""
        if self._florence:
            return self._write(frame, CAPTION).text.strip()
        text = self._write(frame, "An image of").text
        return str(self.parts.processor.post_process_generation(text)[0]).strip()

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """[H, W] float32 in 0..1: what it attends to while it writes where the phrase is.

        Raises:
            ModelError: the checkpoint is not of the Florence-2 family.
        """
        if not self._florence:
            raise ModelError(f"{self.parts.name} ({self.parts.family}) cannot explain")
        import torch

        model = self.parts.model
        inputs = self.parts.inputs(images=picture_of(frame), text=TO_PHRASE + phrase)
        with torch.inference_mode():
            options = {"max_new_tokens": self.max_new_tokens, "do_sample": False}
            written = model.generate(**inputs, **options)
        with attending(model):
            # A tensor made in inference mode takes no part in a graph.
            written = written.clone()
            out = model(**inputs, decoder_input_ids=written[:, :-1], output_attentions=True)
            sure = out.logits.float().log_softmax(dim=-1)
            score = sure.gather(-1, written[:, 1:, None]).sum()
            tokens = relevance(score, out.encoder_attentions, cross=out.cross_attentions)
        seen = tokens[inputs["input_ids"][0] == model.config.image_token_id]
        side = math.isqrt(len(seen) - 1)  # the first token stands for the whole image
        cells = seen[len(seen) - side * side :].reshape(side, side)
        return over_frame(cells, frame.rgb.shape[:2], self.parts.processor.image_processor)

    @property
    def _florence(self) -> bool:
        return self.parts.family == "florence2"

    def _places(self, frame: Frame, task: str, phrase: str) -> list[WrittenBox]:
        height, width = frame.rgb.shape[:2]
        if self._florence:
            answer, cut = self._florence_answer(frame, task, phrase)
            boxes = answer.get("bboxes", []) if isinstance(answer, dict) else []
            labels = answer.get("labels", []) if isinstance(answer, dict) else []
            scores = [1.0] * len(boxes)
        else:
            text, sure, cut = self._write(frame, task)
            _, entities = self.parts.processor.post_process_generation(text)
            x0, y0, x1, y1 = self._shown(frame)[1]
            start, size = np.array([x0, y0, x0, y0]), np.array([x1 - x0, y1 - y0] * 2)
            boxes = [start + np.array(box) * size for _, _, places in entities for box in places]
            labels = [name for name, _, places in entities for _ in places]
            scores = [sure] * len(boxes)
        if cut and len(boxes):
            raise ModelError(
                f"the list that {self.parts.name} wrote was cut off after {cut} tokens; "
                "a larger max_new_tokens gives it more",
                passing=False,
            )
        found = []
        for box, label, score in zip(boxes, labels, scores, strict=True):
            place = _clipped(np.array(box, np.float32), width, height)
            if place[2] - place[0] >= 1 and place[3] - place[1] >= 1:
                found.append(WrittenBox(place, str(label), score))
        return found

    def _florence_answer(self, frame: Frame, task: str, phrase: str) -> tuple[Any, int]:
        """What its processor reads, and after how many tokens it was cut off."""
        height, width = frame.rgb.shape[:2]
        text, _, cut = self._write(frame, task + phrase, keep_special=True)
        answer = self.parts.processor.post_process_generation(
            text, task=task, image_size=(width, height)
        )
        return answer.get(task, answer), cut

    def _shown(self, frame: Frame) -> tuple[Any, Box]:
        """The picture that the model sees whole, and (x0, y0, x1, y1) of the frame that it is."""
        picture, images = picture_of(frame), self.parts.processor.image_processor
        if not self._florence and crops(images):
            return squared(picture, images)
        return picture, (0.0, 0.0, float(picture.width), float(picture.height))

    def _write(self, frame: Frame, prompt: str, *, keep_special: bool = False) -> Generated:
        inputs = self.parts.inputs(images=self._shown(frame)[0], text=prompt)
        if not keep_special and self._florence:
            return generate(self.parts, inputs, self.max_new_tokens)
        import torch

        with torch.inference_mode():
            out = self.parts.model.generate(
                **inputs, max_new_tokens=self.max_new_tokens, do_sample=False
            )
        text = self.parts.processor.batch_decode(out, skip_special_tokens=not keep_special)[0]
        # Florence-2 puts its end behind what is cut off too: its length alone tells.
        before = 1 if self._florence else inputs["input_ids"].shape[1]
        full = out.shape[1] - before >= self.max_new_tokens
        return Generated(str(text), 1.0, self.max_new_tokens if full else 0)


def _detection(found: WrittenBox, label: str | None = None) -> Detection:
    return Detection(label or found.label, found.box, found.score)


def _clipped(box: Any, width: int, height: int) -> tuple[float, float, float, float]:
    x0, x1 = sorted((float(box[0]), float(box[2])))
    y0, y1 = sorted((float(box[1]), float(box[3])))
    return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
