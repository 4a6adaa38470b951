"""Tuning of transformers checkpoints: dual encoders name objects, Florence-2 says where."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.errors import UserError
from handeye.perception.frame import Image
from handeye.perception.vlm.adapters import import_peft
from handeye.perception.vlm.dual import DualEncoder
from handeye.perception.vlm.grounders import TO_PHRASE, WritingGrounder

from .bench import counted
from .shards import Sample, Samples
from .targets import COLORS
from .tune import Pool, TuneRecipe, spread

Example = tuple[Sample, dict[str, Any]]
"""An image, and one object of it."""


class FamilyLearner:
    """Learns the words of a pool's shards.

    Args:
        vlm: what `load_vlm` gave: a dual encoder, or Florence-2.
        base: its name.
        pool: images to learn from.
        held_out: images to be measured on.
        recipe: how.

    Raises:
        UserError: the family cannot be tuned.
        ModelError: peft is missing.
    """

    def __init__(
        self, vlm: Any, base: str, pool: Pool, held_out: Sequence[Sample], recipe: TuneRecipe
    ) -> None:
        florence = isinstance(vlm, WritingGrounder) and "explain" in vlm.verbs
        if not florence and not isinstance(vlm, DualEncoder):
            raise UserError(
                f"{base} cannot be tuned here; what can are the embedded VLM, dual encoders "
                "(CLIP, Chinese-CLIP, SigLIP, ALIGN) and Florence-2"
            )
        peft = import_peft("tuning")
        torch.manual_seed(recipe.seed)
        self._parts, self._pool, self._recipe = vlm.parts, pool, recipe
        self._loss = self._says_where if florence else self._names
        self._held_out = _examples(spread(held_out, recipe.held_out), recipe.seed)
        settings = peft.LoraConfig(
            r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules="all-linear"
        )
        self._plain = vlm.parts.model
        self.model = peft.get_peft_model(self._plain, settings)
        self.model.peft_config["default"].base_model_name_or_path = base

    def loss(self, step: int) -> Tensor:
        """Of objects of a few images."""
        rng = np.random.default_rng([self._recipe.seed, step])
        picks = rng.integers(len(self._pool), size=self._recipe.images)
        self.model.train()
        return self._loss(_examples([self._pool[int(i)] for i in picks], int(rng.integers(2**31))))

    def measure(self, adapter: Path) -> dict[str, float]:  # noqa: ARG002 – what is loaded is it
        """Mean loss on the held-out images."""
        self.model.eval()
        size = self._recipe.images
        batches = [self._held_out[i : i + size] for i in range(0, len(self._held_out), size)]
        with torch.no_grad():
            found = [float(self._loss(batch)) for batch in batches]
        return {"loss": round(float(np.mean(found)), 5)}

    def save(self, adapter: Path) -> None:
        """The adapter alone; processor and weights are the base's."""
        self.model.save_pretrained(str(adapter), save_embedding_layers=False)

    def _names(self, examples: list[Example]) -> Tensor:
        """Cross-entropy of which name each cut-out object has.

        To choose from are the batch's names, and every category in the colour of its first.
        """
        categories = self._pool.categories
        said = [_name(record, categories) for _, record in examples]
        first = COLORS[examples[0][1]["color"]]
        names = sorted({*said, *(f"{first} {category}" for category in categories)})
        pictures = [_picture(_cut(sample.rgb, record["box"])) for sample, record in examples]
        processor = self._parts.processor
        images = self._parts.placed(processor.image_processor(images=pictures, return_tensors="pt"))
        padding = "max_length" if self._parts.family.startswith("siglip") else True
        texts = self._parts.inputs(
            text=[f"a photo of a {name}" for name in names], padding=padding, truncation=True
        )
        seen = F.normalize(self._plain.get_image_features(**images).pooler_output.float(), dim=-1)
        read = F.normalize(self._plain.get_text_features(**texts).pooler_output.float(), dim=-1)
        truth = torch.tensor([names.index(name) for name in said], device=seen.device)
        # SigLIP's and CLIP's scales are learnt and near 100; one that is fixed serves all.
        return F.cross_entropy(seen @ read.T * 20.0, truth)

    def _says_where(self, examples: list[Example]) -> Tensor:
        """How unlikely Florence-2 finds the right answer: the phrase and its box."""
        processor = self._parts.processor
        names = [_name(record, self._pool.categories) for _, record in examples]
        inputs = self._parts.inputs(
            images=[_picture(sample.rgb) for sample, _ in examples],
            text=[TO_PHRASE + name for name in names],
            padding=True,
        )
        answers = [
            name + _places(record["box"], sample.rgb.shape[:2])
            for name, (sample, record) in zip(names, examples, strict=True)
        ]
        tokens = processor.tokenizer(answers, padding=True, return_tensors="pt")
        labels = tokens["input_ids"].masked_fill(tokens["attention_mask"] == 0, -100)
        loss: Tensor = self._plain(**inputs, labels=labels.to(self._parts.device)).loss
        return loss


def _examples(samples: Samples | Sequence[Sample], seed: int) -> list[Example]:
    """One object of each image that has any to be seen."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(len(samples)):
        seen = counted(samples[i])
        if seen:
            found.append((samples[i], seen[int(rng.integers(len(seen)))]))
    if not found:
        raise UserError("none of these images shows an object")
    return found


def _name(record: dict[str, Any], categories: Sequence[str]) -> str:
    return f"{COLORS[record['color']]} {categories[record['category']]}"


def _cut(rgb: Image, box: Sequence[float]) -> Image:
    """An object with a little of what is around it."""
    x0, y0, x1, y1 = box
    dx, dy = 0.15 * (x1 - x0) + 2, 0.15 * (y1 - y0) + 2
    return rgb[max(0, int(y0 - dy)) : int(y1 + dy) + 1, max(0, int(x0 - dx)) : int(x1 + dx) + 1]


def _picture(rgb: Image) -> Any:
    from PIL import Image as Picture

    return Picture.fromarray(np.ascontiguousarray(rgb))


def _places(box: Sequence[float], shape: tuple[int, ...]) -> str:
    """A box as Florence-2 writes it: corners in thousandths, a token each."""
    height, width = shape
    shares = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    return "".join(f"<loc_{min(int(share * 1000), 999)}>" for share in shares)
