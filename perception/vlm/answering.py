"""Captioners and question answerers: BLIP, BLIP-2, InstructBLIP, GIT, ViLT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import ModelError
from ..frame import Frame
from .checkpoints import Parts, picture_of
from .explaining import as_grid, attending, over_frame, relevance
from .sureness import sureness
from .verbs import Answer, HeatMap
from .written import read_answer

_PROMPTS = {
    "blip": "{question}",
    "blip-2": "Question: {question} Answer:",
    "instructblip": "{question} Short answer:",
    "git": "{question}",
}
_CAPTION = {"instructblip": "A short image description:"}
"""The others write a caption where nothing is asked."""


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
        """ "ask", and "caption" where the checkpoint was made to write; "explain" of BLIP."""
        written = () if self._answers_only else ("caption",)
        return (*written, "ask", *(("explain",) if self.parts.family == "blip" else ()))

    @property
    def _answers_only(self) -> bool:
        return "QuestionAnswering" in type(self.parts.model).__name__

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer; its confidence is the model's own probability of what it wrote."""
        if self.parts.family == "vilt":
            return self._choose(frame, question)
        prompt = _PROMPTS[self.parts.family].format(question=question)
        text, sure = self._write(frame, prompt)
        said = read_answer(text.removeprefix(prompt))
        return Answer(said, sure if said else 0.0)

    def caption(self, frame: Frame) -> str:
        """One sentence about a frame."""
        if self._answers_only:
            raise ModelError(f"{self.parts.name} answers questions; it writes no captions")
        return self._write(frame, _CAPTION.get(self.parts.family))[0].strip()

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """[H, W] float32 in 0..1: what the phrase's words attend to, the most of it 1.

        Of a captioner, while it reads the phrase as a caption; of a question answerer, while it
        is asked for the phrase and to say "yes".

        Raises:
            ModelError: the checkpoint is not of the BLIP family.
        """
        if "explain" not in self.verbs:
            raise ModelError(f"{self.parts.name} ({self.parts.family}) cannot explain")
        model, asks = self.parts.model, self._answers_only
        said = f"is there {phrase} in the picture?" if asks else f"a picture of {phrase}"
        inputs = self.parts.inputs(images=picture_of(frame), text=said)
        with attending(model):
            seen = model.vision_model(inputs["pixel_values"], output_attentions=True)
            words = {
                "input_ids": inputs["input_ids"],
                "attention_mask": inputs["attention_mask"],
                "encoder_hidden_states": seen.last_hidden_state,
                "output_attentions": True,
            }
            if asks:
                read = model.text_encoder(**words)
                yes = self._answer_tokens("yes")
                loss = model.text_decoder(
                    input_ids=yes, labels=yes, encoder_hidden_states=read.last_hidden_state
                ).loss
            else:
                read = model.text_decoder(**words, labels=inputs["input_ids"])
                loss = read.loss
            tokens = relevance(-loss.mean(), seen.attentions, cross=read.cross_attentions)
        pixels = inputs["pixel_values"].shape[-2:]
        cells = as_grid(tokens, pixels, model.config.vision_config.patch_size)
        return over_frame(cells, frame.rgb.shape[:2], self.parts.processor.image_processor)

    def _answer_tokens(self, text: str) -> Any:
        """[1, T] an answer as BLIP's decoder writes it, between its start and its end."""
        import torch

        words = self.parts.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        text_config = self.parts.model.config.text_config
        ids = [text_config.bos_token_id, *words, text_config.sep_token_id]
        return torch.tensor([ids], device=self.parts.device)

    def _choose(self, frame: Frame, question: str) -> Answer:
        import torch

        inputs = self.parts.inputs(images=picture_of(frame), text=question)
        with torch.inference_mode():
            shares = self.parts.model(**inputs).logits[0].float().sigmoid()
        best = int(shares.argmax())
        return Answer(str(self.parts.model.config.id2label[best]), float(shares[best]))

    def _begun(self, prompt: str) -> dict[str, Any]:
        """A question as GIT was taught to go on from it: after [CLS], and with no [SEP] behind."""
        import torch

        tokenizer = self.parts.processor.tokenizer
        words = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        ids = torch.tensor([[tokenizer.cls_token_id, *words]], device=self.parts.device)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def _write(self, frame: Frame, prompt: str | None) -> tuple[str, float]:
        words = {"text": prompt} if prompt and self.parts.family != "git" else {}
        inputs = self.parts.inputs(images=picture_of(frame), **words)
        if prompt and self.parts.family == "git":
            inputs |= self._begun(prompt)
        return generate(self.parts, inputs, self.max_new_tokens)[:2]


class Generated(NamedTuple):
    """What a checkpoint wrote.

    Attributes:
        text: as it wrote it.
        sure: mean probability of the tokens of its answer, 0..1.
        cut: after how many tokens it was cut off; 0 where it came to its own end.
    """

    text: str
    sure: float
    cut: int = 0


def generate(
    parts: Parts, inputs: Any, max_new_tokens: int, *, keep: Sequence[str] = (), **options: Any
) -> Generated:
    """What a model writes, greedily.

    Args:
        parts: the checkpoint.
        inputs: of its processor.
        max_new_tokens: most that it may write.
        keep: special tokens that belong to the text; the others are left out of it.
        **options: of transformers' `generate`.
    """
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
    written = [int(token) for token in (sequence[-len(out.scores) :] if out.scores else sequence)]
    shares = [
        float(score[0].float().softmax(dim=-1)[token])
        for score, token in zip(out.scores, written, strict=False)
    ]
    tokenizer = getattr(parts.processor, "tokenizer", parts.processor)
    full = (
        len(out.scores) >= max_new_tokens and written[-1:] and not _ends(parts.model, written[-1])
    )
    told = written
    if keep:
        special = {k for k, token in tokenizer.added_tokens_decoder.items() if token.special}
        dropped = special - set(tokenizer.convert_tokens_to_ids([*keep]))
        told = [token for token in written if token not in dropped]
    text = str(tokenizer.decode(told, skip_special_tokens=not keep))
    pieces = tokenizer.batch_decode([[token] for token in written], skip_special_tokens=not keep)
    sure = sureness([*zip(pieces, shares, strict=False)], text)
    return Generated(text, sure or 0.0, max_new_tokens if full else 0)


def _ends(model: Any, token: int) -> bool:
    """Whether a model ends what it writes by a token."""
    config = getattr(model, "generation_config", None)
    ends = getattr(config, "eos_token_id", None)
    return token in ends if isinstance(ends, list) else token == ends
