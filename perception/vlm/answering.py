"""Captioners and question answerers: BLIP, BLIP-2, InstructBLIP, GIT, ViLT."""

from dataclasses import dataclass
from typing import Any

from ..errors import ModelError
from ..frame import Frame
from .checkpoints import Parts, picture_of
from .verbs import Answer
from .written import read_answer

_PROMPTS = {
    "blip": "{question}",
    "blip-2": "Question: {question} Answer:",
    "instructblip": "{question} Short answer:",
    "git": "{question}",
}


@dataclass(frozen=True, eq=False)
class Answerer:
    """Writes captions and short answers; ViLT chooses among the answers that it knows.

    Attributes:
        parts: the checkpoint.
        max_new_tokens: most that it may write.
    """

    parts: Parts
    max_new_tokens: int = 24

    @property
    def verbs(self) -> tuple[str, ...]:
        """ "ask", and "caption" where the checkpoint was made to write."""
        answers_only = "QuestionAnswering" in type(self.parts.model).__name__
        return ("ask",) if answers_only else ("caption", "ask")

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer; its confidence is the model's own probability of what it wrote."""
        if self.parts.family == "vilt":
            return self._choose(frame, question)
        prompt = _PROMPTS[self.parts.family].format(question=question)
        text, sure = self._write(frame, prompt)
        return Answer(read_answer(text.removeprefix(prompt)), sure)

    def caption(self, frame: Frame) -> str:
        """One sentence about a frame."""
        if "caption" not in self.verbs:
            raise ModelError(f"{self.parts.name} answers questions; it writes no captions")
        return self._write(frame, None)[0].strip()

    def _choose(self, frame: Frame, question: str) -> Answer:
        import torch

        inputs = self.parts.inputs(images=picture_of(frame), text=question)
        with torch.inference_mode():
            shares = self.parts.model(**inputs).logits[0].float().sigmoid()
        best = int(shares.argmax())
        return Answer(str(self.parts.model.config.id2label[best]), float(shares[best]))

    def _write(self, frame: Frame, prompt: str | None) -> tuple[str, float]:
        words = {"text": prompt} if prompt else {}
        inputs = self.parts.inputs(images=picture_of(frame), **words)
        return generate(self.parts, inputs, self.max_new_tokens)


def generate(parts: Parts, inputs: Any, max_new_tokens: int, **options: Any) -> tuple[str, float]:
    """(text, mean probability of its tokens) that a model writes, greedily."""
    import torch

    with torch.inference_mode():
        out = parts.model.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            output_scores=True,
            return_dict_in_generate=True,
            **options,
        )
    sequence = out.sequences[0]
    written = sequence[-len(out.scores) :] if out.scores else sequence
    shares = [
        float(score[0].float().softmax(dim=-1)[token])
        for score, token in zip(out.scores, written, strict=False)
    ]
    tokenizer = getattr(parts.processor, "tokenizer", parts.processor)
    text = tokenizer.decode(written, skip_special_tokens=True)
    return str(text), float(sum(shares) / len(shares)) if shares else 0.0
