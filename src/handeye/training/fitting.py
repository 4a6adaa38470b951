"""Fitting a small part of the model: resumable, seeded, its weights averaged."""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from .progress import Bar

M = TypeVar("M", bound=nn.Module)
B = TypeVar("B")
_WARM_UP = 100
_EMA = 0.995


@dataclass(frozen=True)
class Fitting:
    """How a part is fitted, by AdamW.

    Attributes:
        steps: optimiser steps.
        images: drawn for a step.
        learning_rate: peak; warmed up for 100 steps, then down a cosine to 1 %.
        seed: of the batches.
        half: convolve in bfloat16, twice as fast on processors that have it.
    """

    steps: int = 3000
    images: int = 40
    learning_rate: float = 2e-3
    seed: int = 0
    half: bool = False

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        fall = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(step / self.steps, 1.0)))
        return self.learning_rate * min(1.0, (step + 1) / _WARM_UP) * float(fall)


def fit(
    model: M,
    make: Callable[[int], B],
    judge: Callable[[M, B], tuple[Tensor, dict[str, float]]],
    out: Path,
    name: str,
    fitting: Fitting,
    *,
    save_every: int = 200,
) -> M:
    """Fit, or go on fitting; returns the averaged weights, ready for use.

    Args:
        model: what to fit; changed in place.
        make: the batch of a step.
        judge: (loss, figures to log) of the model on a batch.
        out: folder for `<name>.pt` (state) and `<name>.jsonl` (curves).
        name: of the part.
        fitting: steps and rates.
        save_every: steps between savings.
    """
    out.mkdir(parents=True, exist_ok=True)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(_EMA), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=fitting.learning_rate, weight_decay=0.02)
    parts: dict[str, Any] = {"model": model, "average": average, "optimizer": optimizer}
    state_file, first = out / f"{name}.pt", 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        for part, thing in parts.items():
            thing.load_state_dict(state[part])
        first = int(state["step"])
    model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    began = time.monotonic()
    with (out / f"{name}.jsonl").open("a") as log, Bar(name, first, fitting.steps) as bar:
        for step, batch in enumerate(_ahead(make, first, fitting.steps), start=first):
            for group in optimizer.param_groups:
                group["lr"] = fitting.rate(step)
            with torch.autocast("cpu", torch.bfloat16, enabled=fitting.half):
                loss, figures = judge(model, batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            bar.update(loss.item())
            if step % 20 == 0:
                row = {"step": step, "loss": loss.item(), **figures, "s": time.monotonic() - began}
                log.write(json.dumps({key: round(v, 4) for key, v in row.items()}) + "\n")
                log.flush()
            if (step + 1) % save_every == 0 or step + 1 == fitting.steps:
                states = {part: thing.state_dict() for part, thing in parts.items()}
                torch.save({**states, "step": step + 1}, state_file)
    result: Any = average.module.eval()
    return result  # type: ignore[no-any-return]


def _ahead(make: Callable[[int], B], first: int, last: int) -> Iterator[B]:
    """The batches of steps [first, last), made ahead in a thread."""
    ready: queue.Queue[B | BaseException] = queue.Queue(maxsize=3)

    def work() -> None:
        try:
            for step in range(first, last):
                ready.put(make(step))
        except BaseException as error:
            ready.put(error)

    threading.Thread(target=work, daemon=True).start()
    for _ in range(first, last):
        item = ready.get()
        if isinstance(item, BaseException):
            raise item
        yield item
