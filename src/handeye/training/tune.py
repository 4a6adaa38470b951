"""Tuning: a few weights (LoRA, Hu et al. 2021) on top of a checkpoint, learnt from shards."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from handeye.perception.errors import UserError

from ..recording import ALL_LABELS
from .progress import Bar
from .shards import Sample, Samples, Shards
from .targets import CATEGORIES

CATEGORIES_FILE = "categories.json"
"""In a folder of shards: the names behind the records' numbers, where not the catalogue's own."""


@dataclass(frozen=True)
class TuneRecipe:
    """How an adapter is made.

    Attributes:
        steps: optimiser steps in all.
        images: of a step.
        rank: of the adapter's matrices; their scale is twice as much.
        learning_rate: peak; warmed up for 20 steps, then down a cosine to 5 %.
        measure_every: steps between looks at the held-out images, at which all is saved.
        held_out: most images that are looked at then.
        seed: of weights and batches.
    """

    steps: int = 300
    images: int = 8
    rank: int = 8
    learning_rate: float = 1e-3
    measure_every: int = 50
    held_out: int = 100
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        share = min(step / self.steps, 1.0)
        fall = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share))
        return self.learning_rate * min(1.0, (step + 1) / 20) * fall


class Learner(Protocol):
    """A model with an adapter in the making.

    Attributes:
        model: of peft; only the adapter's weights have gradients.
    """

    model: Any

    def loss(self, step: int) -> Tensor:
        """What is minimised, on the batch of a step."""

    def measure(self, adapter: Path) -> dict[str, float]:
        """How well the saved adapter does on the held-out images."""

    def save(self, adapter: Path) -> None:
        """Write the adapter's folder, from which `load_vlm` loads."""


class Pool:
    """The images of several folders, with the names of their categories.

    A folder holds shards, or recorded episodes of the simulator, at any depth.

    Raises:
        UserError: a folder has neither, or the folders' categories differ.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._samples: list[tuple[Shards, int]] = []
        self.categories: list[str] = []
        for folder in folders:
            shards, names = Shards(folder, depth=True), categories_of(folder)
            if not len(shards):
                shards = Shards(folder, f"**/{ALL_LABELS}", depth=True)
            if not len(shards):
                raise UserError(
                    f"there are no shards in {folder}, and no recorded episodes; render some "
                    "(`handeye train` does, and handeye.sims.training_data.render_shards), or "
                    "record some (`handeye eval … --record`)"
                )
            if self.categories and names != self.categories:
                raise UserError(f"{folder} has other categories than {folders[0]}")
            self.categories = names
            self._samples += [(shards, i) for i in range(len(shards))]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        shards, i = self._samples[index]
        return shards[i]

    def split_off(self, count: int) -> list[Sample]:
        """The last images, which this pool has no more; at most a tenth of all."""
        count = min(count, max(1, len(self) // 10))
        chosen = [self[i] for i in range(len(self) - count, len(self))]
        del self._samples[-count:]
        return chosen


def categories_of(folder: Path) -> list[str]:
    """The names behind the numbers of the categories in a folder's records."""
    file = folder / CATEGORIES_FILE
    if not file.is_file():
        return list(CATEGORIES)
    try:
        names = json.loads(file.read_text())
    except ValueError as error:
        raise UserError(f"{file} is no JSON list of names") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{file} is no JSON list of names")
    return names


def spread(samples: Samples, count: int) -> list[Sample]:
    """At most so many samples, evenly out of all."""
    step = max(1, len(samples) // count)
    return [samples[i] for i in range(0, len(samples), step)][:count]


def run(learner: Learner, out: Path, recipe: TuneRecipe, *, progress: bool = True) -> Path:
    """Tune, or go on tuning.

    Args:
        learner: what learns.
        out: folder for the state, `log.jsonl`, `curve.png` and the adapter (`adapter/`).
        recipe: how; that of an earlier run in this folder, but for more steps.
        progress: show a progress bar.

    Returns:
        The adapter's folder.

    Raises:
        UserError: the folder holds a run with another recipe.
    """
    adapter = out / "adapter"
    weights = {n: p for n, p in learner.model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(weights.values(), lr=recipe.learning_rate, weight_decay=0.01)
    first = _resume(out, recipe, weights, optimizer)
    began = time.monotonic()
    with (out / "log.jsonl").open("a", buffering=1) as log, Bar("tuning", first, recipe.steps,
                                                   enabled=progress) as bar:  # fmt: skip

        def keep(step: int) -> None:
            learner.save(adapter)
            row = {"step": step, "held_out": learner.measure(adapter)}
            log.write(json.dumps(row) + "\n")
            state = {"step": step, "weights": weights, "optimizer": optimizer.state_dict()}
            torch.save(state, out / "state.tmp")
            (out / "state.tmp").replace(out / "state.pt")

        if first == 0:
            keep(0)
        for step in range(first, recipe.steps):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate(step)
            loss = learner.loss(step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(weights.values()), 5.0)
            optimizer.step()
            bar.update(loss.item())
            row = {"step": step, "loss": round(loss.item(), 5)}
            log.write(json.dumps({**row, "s": round(time.monotonic() - began, 1)}) + "\n")
            if (step + 1) % recipe.measure_every == 0 or step + 1 == recipe.steps:
                keep(step + 1)
    draw(out)
    return adapter


def _resume(
    out: Path, recipe: TuneRecipe, weights: dict[str, Any], optimizer: torch.optim.Optimizer
) -> int:
    """Restore what an earlier run left; returns the step to go on with."""
    out.mkdir(parents=True, exist_ok=True)
    kept, mine = out / "recipe.json", asdict(recipe)
    if kept.is_file():
        theirs = json.loads(kept.read_text())
        other = [k for k in mine if k != "steps" and theirs.get(k) != mine[k]]
        if other:
            raise UserError(
                f"{out} holds a run with another {', '.join(other)}: "
                + ", ".join(f"{k}={theirs.get(k)}" for k in other)
                + "; give these, or another --out"
            )
    kept.write_text(json.dumps(mine, indent=2) + "\n")
    file = out / "state.pt"
    if not file.is_file():
        return 0
    state = torch.load(file, weights_only=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(state["weights"][name])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def held_out_rows(out: Path) -> list[tuple[int, dict[str, float]]]:
    """(step, figures) of every look at the held-out images, by `log.jsonl`."""
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [(row["step"], row["held_out"]) for row in rows if "held_out" in row]


def draw(out: Path) -> None:
    """Draw the loss and the held-out figures of `log.jsonl` into `curve.png`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    losses = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    if losses:
        left.plot(*zip(*losses, strict=True), linewidth=0.8)
    left.set(xlabel="step", ylabel="loss", title="learning")
    seen = held_out_rows(out)
    for name in seen[0][1]:
        right.plot([s for s, _ in seen], [f[name] for _, f in seen], marker="o", label=name)
    right.set(xlabel="step", title="held-out images")
    right.legend()
    figure.savefig(out / "curve.png", dpi=110)
