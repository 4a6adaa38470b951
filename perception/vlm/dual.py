"""Dual encoders (CLIP, Chinese-CLIP, SigLIP, ALIGN): which label, how alike, which picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..frame import Frame
from .alternatives import alternatives
from .checkpoints import Parts, picture_of
from .explaining import as_grid, attending, channel_relevance, over_frame, relevance
from .verbs import Answer, HeatMap

Vectors = npt.NDArray[np.float32]
_BATCH = 16


@dataclass(frozen=True, eq=False)
class DualEncoder:
    """Images and texts in one space.

    Attributes:
        parts: the checkpoint.
    """

    parts: Parts

    @property
    def verbs(self) -> tuple[str, ...]:
        """All families have the same, but that SigLIP 2's patches have no grid to explain by."""
        explains = () if self.parts.family == "siglip2" else ("explain",)
        return ("classify", "embed", "embed_text", "search", "ask", *explains)

    def classify(self, frame: Frame, labels: Sequence[str]) -> list[tuple[str, float]]:
        """(label, probability) of each label, the likeliest first (zero-shot)."""
        image, texts = self.embed([frame])[0], self.embed_text(labels)
        logits = texts @ image * self._scale()
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        order = np.argsort(-shares, kind="stable")
        return [(labels[k], float(shares[k])) for k in order]

    def ask(self, frame: Frame, question: str) -> Answer:
        """Which of the alternatives in "… or …" the frame shows; ("", 0) for other questions."""
        shown = alternatives(question)
        if not shown:
            return Answer("", 0.0)
        shares = dict(self.classify(frame, [*shown.values()]))
        best = max(shown, key=lambda words: shares[shown[words]])
        return Answer(best, shares[shown[best]])

    def embed(self, frames: Sequence[Frame]) -> Vectors:
        """[N, E] float32 unit vectors of frames."""
        found = []
        for start in range(0, len(frames), _BATCH):
            batch = frames[start : start + _BATCH]
            inputs = self._image_inputs([picture_of(frame) for frame in batch])
            found.append(self._features("get_image_features", inputs))
        return np.concatenate(found)

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        """[N, E] float32 unit vectors of texts."""
        # SigLIP was trained on texts padded to full length.
        padding = "max_length" if self.parts.family.startswith("siglip") else True
        inputs = self.parts.inputs(text=list(texts), padding=padding, truncation=True)
        return self._features("get_text_features", inputs)

    def search(
        self, frames: Sequence[Frame], phrase: str, most: int = 5
    ) -> list[tuple[int, float]]:
        """(place, likeness) of the frames that a phrase fits best: a search over recordings."""
        likeness = self.embed(frames) @ self.embed_text([phrase])[0]
        order = np.argsort(-likeness, kind="stable")[:most]
        return [(int(k), float(likeness[k])) for k in order]

    def explain(self, frame: Frame, phrase: str) -> HeatMap:
        """[H, W] float32 in 0..1: what makes the frame like the phrase, the most of it 1.

        What the processor crops away is 0.

        Raises:
            ModelError: the checkpoint is not one that explains.
        """
        if "explain" not in self.verbs:
            raise ModelError(f"{self.parts.name} ({self.parts.family}) cannot explain")
        import torch

        model, height_width = self.parts.model, frame.rgb.shape[:2]
        inputs: Any = self._image_inputs([picture_of(frame)])
        with attending(model):
            # In here, where no other look changes how attention is computed.
            phrase_vector = torch.from_numpy(self.embed_text([phrase])[0]).to(self.parts.device)
            if self.parts.family == "align":
                out = model.get_image_features(**inputs)
                cells = channel_relevance(_alike(out, phrase_vector), out.last_hidden_state)
            else:
                out = model.get_image_features(**inputs, output_attentions=True)
                tokens = relevance(
                    _alike(out, phrase_vector), out.attentions, last=out.last_hidden_state
                )
                pixels = inputs["pixel_values"].shape[-2:]
                cells = as_grid(tokens, pixels, model.config.vision_config.patch_size)
        return over_frame(cells, height_width, self.parts.processor.image_processor)

    def _image_inputs(self, pictures: list[object]) -> object:
        images = self.parts.processor.image_processor
        return self.parts.placed(images(images=pictures, return_tensors="pt"))

    def _features(self, name: str, inputs: object) -> Vectors:
        import torch

        with torch.inference_mode():
            out = getattr(self.parts.model, name)(**inputs)  # type: ignore[arg-type]
        vectors = out if isinstance(out, torch.Tensor) else out.pooler_output
        normal = torch.nn.functional.normalize(vectors.float(), dim=-1)
        return np.asarray(normal.cpu().numpy(), np.float32)

    def _scale(self) -> float:
        scale = getattr(self.parts.model, "logit_scale", None)
        if scale is not None:
            return float(scale.detach().exp())
        temperature = getattr(self.parts.model, "temperature", None)
        return 1.0 / float(temperature.detach()) if temperature is not None else 100.0


def _alike(out: Any, phrase: Any) -> Any:
    """Cosine of an image's features and a phrase's unit vector, a scalar with its gradient."""
    import torch

    return (torch.nn.functional.normalize(out.pooler_output.float(), dim=-1) @ phrase).sum()
