"""The training loop: resumable, seeded, on CPU or CUDA."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from handeye.perception.errors import UserError
from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.modeling_handeye import HandeyeModel
from handeye.perception.vlm.tokenizer import build_tokenizer

from .batches import BatchMaker
from .growing import grow
from .losses import losses
from .progress import Bar
from .shards import Shards
from .targets import CATEGORIES, COLORS


@dataclass(frozen=True)
class Recipe:
    """How the shipped weights were trained; every figure that matters.

    Attributes:
        steps: optimiser steps in all.
        batch_size: images a step.
        size: (width, height) of the crops, pixels.
        learning_rate: peak, reached after `warmup` steps, then down a cosine to 1 %.
        weight_decay: of AdamW.
        ema: decay of the averaged weights, which are the ones that are saved.
        seed: of weights, batches and phrases.
        half: convolve in bfloat16, faster on processors that have it.
    """

    steps: int = 2600
    batch_size: int = 24
    size: tuple[int, int] = (256, 192)
    learning_rate: float = 2e-3
    warmup: int = 150
    weight_decay: float = 0.02
    ema: float = 0.998
    seed: int = 0
    half: bool = False

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        import math

        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


_CLOSER = ("dense_relief.", "glimpse", "gaze.", "relief.", "pair_")
"""What is trained apart from the dense pass."""


def new_model(seed: int) -> HandeyeModel:
    """A model with fresh weights for the catalogue's words."""
    torch.manual_seed(seed)
    tokenizer = build_tokenizer()
    config = HandeyeConfig(
        categories=list(CATEGORIES), colors=list(COLORS), gaze_surroundings=True, sees_depth=True
    )
    config.text["vocab_size"] = len(tokenizer)
    return HandeyeModel(config)


def train(
    data: Path,
    out: Path,
    recipe: Recipe | None = None,
    *,
    start_from: Path | None = None,
    save_every: int = 250,
    device: str | None = None,
    progress: bool = True,
) -> Path:
    """Train, or go on training, and save a checkpoint folder.

    Args:
        data: folder of shards, see `handeye.sims.training_data`.
        out: folder for state, curves (`log.jsonl`) and the checkpoint (`checkpoint/`).
        recipe: what to do.
        start_from: checkpoint folder to begin with, which may know fewer words.
        save_every: steps between savings.
        device: "cpu" or "cuda"; CUDA where there is one, by default.
        progress: show a progress bar.

    Returns:
        The checkpoint folder.

    Raises:
        UserError: `start_from` is no checkpoint.
    """
    if start_from is not None:
        must_be_checkpoint(start_from)
    recipe = recipe or Recipe()
    out.mkdir(parents=True, exist_ok=True)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model: Any = new_model(recipe.seed)
    if start_from is not None:
        model = grow(model, start_from)
    model = model.to(device=chosen, memory_format=torch.channels_last).train()
    average = torch.optim.swa_utils.AveragedModel(
        model,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema),
        use_buffers=True,
    )
    optimizer = torch.optim.AdamW(
        _groups(model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98)
    )
    first = _load_state(out / "state.pt", model, average, optimizer)
    shards = Shards(data)
    maker = BatchMaker(
        shards, model.config, batch_size=recipe.batch_size, size=recipe.size, seed=recipe.seed
    )
    bar = Bar("training", first, recipe.steps, enabled=progress)
    began = time.monotonic()
    with (out / "log.jsonl").open("a") as log, bar:
        for step, batch in enumerate(maker.stream(first, recipe.steps), start=first):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate(step) * group["pace"]
            images = batch.pixel_values.to(chosen).contiguous(memory_format=torch.channels_last)
            with torch.autocast(chosen.type, torch.bfloat16, enabled=recipe.half):
                output = model(images)
            found = losses(model, output, batch.targets, batch.prompts)
            total = torch.stack(list(found.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            average.update_parameters(model)
            bar.update(total.item())
            if step % 20 == 0:
                row = {name: round(value.item(), 4) for name, value in found.items()}
                row |= {"step": step, "total": round(total.item(), 4)}
                log.write(json.dumps({**row, "s": round(time.monotonic() - began, 1)}) + "\n")
                log.flush()
            if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
                _save_state(out / "state.pt", step + 1, model, average, optimizer)
                export(average.module, out / "checkpoint")
                shards.refresh()
    return out / "checkpoint"


def must_be_checkpoint(folder: Path) -> None:
    """Raise UserError for what training cannot begin with, saying what it lacks."""
    right = "give a folder that `handeye train` wrote (OUT/checkpoint)"
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            lacks = f"has no {name}" if folder.is_dir() else "is no folder"
            raise UserError(f"{folder} is no checkpoint to start from: it {lacks}; {right}")
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except ValueError as error:
        raise UserError(f"{folder / 'config.json'} is no JSON: {error}; {right}") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != HandeyeConfig.model_type:
        raise UserError(f"{folder} is the checkpoint of another model ({kind}); {right}")


def export(model: nn.Module, folder: Path) -> None:
    """Save a checkpoint folder as transformers does: config, half-precision weights, tokenizer."""
    import copy

    half = copy.deepcopy(model).half().eval()
    half.save_pretrained(folder)  # type: ignore[operator]
    build_tokenizer().save_pretrained(folder)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters by weight decay (matrices only) and pace (the text tower learns at half)."""
    groups = []
    for pace, wanted in ((0.5, True), (1.0, False)):
        ours = [
            p
            for n, p in model.named_parameters()
            if n.startswith("text.") == wanted and not n.startswith(_CLOSER)
        ]
        for decay, matrix in ((weight_decay, True), (0.0, False)):
            chosen = [p for p in ours if (p.ndim >= 2) == matrix]
            groups.append({"params": chosen, "weight_decay": decay, "pace": pace})
    return groups


def _save_state(
    path: Path, step: int, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    temporary = path.with_suffix(".tmp")
    state = {
        "step": step,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    torch.save(state, temporary)
    temporary.replace(path)


def _load_state(
    path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> int:
    """Restore a saved state; returns the step to go on with."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    # The closer looks are trained apart; their weights are not the dense part's to keep.
    model.load_state_dict(state["model"], strict=False)
    average.load_state_dict(state["average"], strict=False)
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
