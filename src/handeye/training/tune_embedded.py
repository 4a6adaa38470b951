"""Tuning of the embedded VLM: new categories, without forgetting the old."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from handeye.perception.errors import UserError
from handeye.perception.vlm.adapters import base_of, import_peft
from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.embedded_checkpoint import CHECKPOINT, load_checkpoint
from handeye.perception.vlm.modeling_handeye import HandeyeModel

from .batches import normalize, ranges_of
from .bench import counted, iou
from .glimpses import Glimpses, glimpses_of, judge, wrongness
from .growing import grow
from .losses import Prompts, losses
from .proposing import proposals_of
from .roughening import augment
from .shards import Sample
from .targets import COLORS, Targets, dense_targets, is_seen
from .tune import Pool, TuneRecipe, spread

_SIZE = (256, 192)
_PHRASES = 4
_TUNED = (
    "neck",
    "tower",
    "dense",
    "look",
    "embed",
    "mask",
    "dense_relief",
    "glimpse",
    "gaze",
    "relief",
    "text_projection",
)
_WHOLE = ("names", "word_embeddings")
"""What has a row for each word is learnt whole, for the new words have no row to start from."""
_UNHEARD = -4.0
"""Logit of a new category before anything was learnt of it."""


class EmbeddedLearner:
    """Learns the categories of a pool's shards.

    Args:
        base: "embedded", or a checkpoint folder of this family.
        pool: images to learn from; its categories begin with those that the base knows.
        held_out: images to be measured on.
        recipe: how.

    Raises:
        UserError: the base or the categories do not fit.
        ModelError: peft is missing, or the base is damaged.
    """

    def __init__(
        self, base: str, pool: Pool, held_out: Sequence[Sample], recipe: TuneRecipe
    ) -> None:
        peft = import_peft("tuning")
        folder = CHECKPOINT if base == "embedded" else Path(base)
        if base_of(folder):
            raise UserError(f"{folder} is an adapter itself; tune what it goes on top of")
        trunk: Any = load_checkpoint(folder)
        config, self._tokenizer = trunk[0].config, trunk[1]
        self._known = list(config.categories)
        self._names, self._pool, self._recipe = pool.categories, pool, recipe
        _check(base, self._known, self._names)
        self._held_out = spread(held_out, recipe.held_out)
        self.plain = _with_words(config, self._tokenizer, self._names, folder, recipe.seed)
        settings = peft.LoraConfig(
            r=recipe.rank,
            lora_alpha=2 * recipe.rank,
            target_modules=_leaves(self.plain),
            modules_to_save=list(_WHOLE),
        )
        # peft puts its layers into the model itself; statistics of the old images are kept.
        self.model = peft.get_peft_model(self.plain, settings).eval()
        self.model.peft_config["default"].base_model_name_or_path = base

    def loss(self, step: int) -> Tensor:
        """Of the dense heads and of the closer looks."""
        pixels, ranges, targets, prompts = self._batch(step)
        # With depth and without, in turns: it is to see new things in both ways.
        deep = ranges if ranges is not None and step % 2 else ()
        dense = losses(self.plain, self.plain(pixels, *deep), targets, prompts)
        glimpse, gaze, relief = self.plain.glimpse, self.plain.gaze, self.plain.relief
        closer = [judge(glimpse, self._looks(step, glimpse, glimpsed=False), len(self._names))[0]]
        batch = self._looks(step, gaze, glimpsed=True)
        seen = gaze.seen(batch.crops, batch.sizes, batch.around)
        said = [gaze.said(seen)]
        if relief is not None and batch.deep is not None:
            said.append(said[0].plus(relief(seen, *batch.deep)))
        gazes = [wrongness(one, batch, len(self._names))[0] for one in said]
        return torch.stack([*dense.values(), *closer, torch.stack(gazes).mean()]).sum()

    def measure(self, adapter: Path) -> dict[str, float]:
        """F1 of `parse` at 0.5 IoU with the right label, of the old and of the new categories."""
        return parse_f1(EmbeddedVLM(adapter), self._held_out, self._names, len(self._known))

    def save(self, adapter: Path) -> None:
        """The adapter with the config and the tokenizer that its words need."""
        self.model.save_pretrained(str(adapter), save_embedding_layers=False)
        self.plain.config.save_pretrained(adapter)
        self._tokenizer.save_pretrained(adapter)

    def _looks(self, step: int, part: Any, *, glimpsed: bool) -> Glimpses:
        """What the model, as it now is, proposes of some images, as the glimpse or gaze sees it."""
        rng = np.random.default_rng([self._recipe.seed, 1, step])
        picks = rng.integers(len(self._pool), size=self._recipe.images)
        samples = [self._pool[int(i)] for i in picks]
        images = np.stack([sample.rgb for sample in samples])
        proposed = proposals_of(self.plain, images, glimpsed=glimpsed)
        drawn = list(zip(samples, proposed, strict=True))
        return glimpses_of(drawn, self.plain.config, rng, part, deep=glimpsed)

    def _batch(
        self, step: int
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None, list[Targets], Prompts]:
        rng = np.random.default_rng([self._recipe.seed, 3, step])
        picks = rng.integers(len(self._pool), size=self._recipe.images)
        samples = [augment(self._pool[int(i)], _SIZE, rng) for i in picks]
        targets = [dense_targets(sample) for sample in samples]
        words = [*self._names, *(f"{color} thing" for color in COLORS)]
        truth = []
        for sample, target in zip(samples, targets, strict=True):
            phrases, true = self._phrases([sample.objects[k] for k in target.kept], rng)
            words += phrases
            truth.append(torch.from_numpy(true))
        tokens: Any = self._tokenizer(words, padding=True, return_tensors="pt")
        prompts = Prompts(
            tokens["input_ids"], tokens["attention_mask"], len(self._names), len(COLORS), truth
        )
        pixels = normalize(np.stack([sample.rgb for sample in samples]), self.plain.config)
        return pixels, ranges_of(samples), targets, prompts

    def _phrases(
        self, chosen: list[dict[str, Any]], rng: np.random.Generator
    ) -> tuple[list[str], np.ndarray]:
        """Names in words, of what is there and with one of the two words wrong; [phrases, K]."""
        phrases, truth = [], np.zeros((_PHRASES, len(chosen)), np.float32)
        for row in range(_PHRASES):
            category, color = int(rng.integers(len(self._names))), int(rng.integers(len(COLORS)))
            if chosen:
                record, kind = chosen[int(rng.integers(len(chosen)))], rng.random()
                category = category if kind < 0.2 else record["category"]
                color = color if kind > 0.8 else record["color"]
            phrases.append(f"the {COLORS[color]} {self._names[category]}")
            truth[row] = [o["category"] == category and o["color"] == color for o in chosen]
        return phrases, truth


def parse_f1(
    vlm: EmbeddedVLM, samples: Sequence[Sample], names: Sequence[str], known: int
) -> dict[str, float]:
    """F1 of `parse` at 0.5 IoU with the right label.

    Args:
        vlm: what is measured.
        samples: with their ground truth.
        names: behind the records' numbers of categories.
        known: how many of them are old; the others are new.

    Returns:
        F1 of what is or is called by an "old" category, and a "new" one, where there is any.
    """
    counts = {"old": [0, 0, 0], "new": [0, 0, 0]}  # right, found, there
    for index, sample in enumerate(samples):
        wanted = {id(record): record for record in counted(sample)}
        hidden = [o for o in sample.objects if o["box"] and not is_seen(o)]
        for record in wanted.values():
            counts["old" if record["category"] < known else "new"][2] += 1
        for found in vlm.parse(sample.frame(index)):
            group = counts["old" if found.category in names[:known] else "new"]
            hit = next(
                (
                    key
                    for key, o in wanted.items()
                    if found.label == f"{COLORS[o['color']]} {names[o['category']]}"
                    and iou(found.box, tuple(o["box"])) >= 0.5
                ),
                None,
            )
            if hit is not None:
                del wanted[hit]
                group[0] += 1
            elif any(iou(found.box, tuple(o["box"])) > 0.2 for o in hidden):
                continue
            group[1] += 1
    return {
        name: round(2 * right / (found + there), 4)
        for name, (right, found, there) in counts.items()
        if found + there
    }


def _check(base: str, known: list[str], names: list[str]) -> None:
    if names[: len(known)] != known:
        raise UserError(
            f"the categories of the shards must begin with those that {base} knows: "
            f"{', '.join(known)}"
        )
    odd = [name for name in names if not re.fullmatch(r"[a-z]+", name)]
    if odd:
        raise UserError(f'a category is one word of small letters, which "{odd[0]}" is not')


def _with_words(
    config: HandeyeConfig, tokenizer: Any, names: list[str], folder: Path, seed: int
) -> Any:
    """The base's model with room for all of these categories; `tokenizer` learns their words."""
    from tokenizers import AddedToken

    words = [name for name in names if name not in tokenizer.get_vocab()]
    tokenizer.add_tokens([AddedToken(word, single_word=True) for word in words])
    known = len(config.categories)
    settings = config.to_dict()
    settings["categories"] = list(names)
    settings["text"] = {**settings["text"], "vocab_size": len(tokenizer)}
    torch.manual_seed(seed)
    model = grow(HandeyeModel(HandeyeConfig(**settings)), folder, tokenizer.get_vocab())
    with torch.no_grad():
        for head in (model.names, model.glimpse.names, model.gaze.names):
            head.weight[known : len(names)] = 0.0
            if head.bias is not None:
                head.bias[known : len(names)] = _UNHEARD
    return model


def _leaves(model: nn.Module) -> list[str]:
    """Names of the convolutions and matrices that get an adapter."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
        and name.split(".")[0] in _TUNED
        and name.split(".")[-1] not in _WHOLE
    ]
