"""Training of the glimpse: the closer look at what the dense detector found.

It learns from the true boxes, jittered, and the true masks, roughened, so that it bears with what
the detector makes of them.
"""

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.modeling_handeye import GLIMPSE_CONTEXT, GLIMPSE_SIZE, Glimpse

from .progress import Bar
from .shards import Sample, Shards, recolour
from .targets import CATEGORIES

T = TypeVar("T")
_DYED = 0.65
"""Share of the images that are dyed."""
_NO_COLOR = -100
"""Marks a crop whose colour was changed beyond its name."""
_NO_STATE = -1.0
"""Marks what is neither open nor closed."""
_OPENED = {"open": 1.0, "closed": 0.0, None: _NO_STATE}
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class GlimpseRecipe:
    """How the glimpse was trained.

    Attributes:
        steps: optimiser steps.
        images: drawn for a step; all their objects are looked at.
        learning_rate: peak; warmed up for 100 steps, then down a cosine to 1 %.
        seed: of weights and batches.
    """

    steps: int = 3400
    images: int = 40
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Glimpses:
    """A batch: crops [K, 4, 40, 40], sizes [K, 2], categories, colours, held, opened [K]."""

    crops: Tensor
    sizes: Tensor
    categories: Tensor
    colors: Tensor
    held: Tensor
    opened: Tensor


def train_glimpse(
    glimpse: Glimpse,
    data: Path,
    out: Path,
    config: HandeyeConfig,
    recipe: GlimpseRecipe | None = None,
    *,
    save_every: int = 200,
) -> Glimpse:
    """Train a glimpse, or go on training; returns the averaged weights.

    Args:
        glimpse: with fresh weights.
        data: folder of shards.
        out: folder for `glimpse.pt` (state) and `glimpse.jsonl` (curves).
        config: for the normalisation of images.
        recipe: what to do.
        save_every: steps between savings.
    """
    recipe = recipe or GlimpseRecipe()
    out.mkdir(parents=True, exist_ok=True)
    average = torch.optim.swa_utils.AveragedModel(
        glimpse, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    optimizer = torch.optim.AdamW(glimpse.parameters(), lr=recipe.learning_rate, weight_decay=0.02)
    state_file, first = out / "glimpse.pt", 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        glimpse.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
    glimpse.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shards, began = Shards(data), time.monotonic()

    def make(step: int) -> Glimpses:
        return _batch(shards, config, recipe, step)

    with (out / "glimpse.jsonl").open("a") as log, Bar("glimpse", first, recipe.steps) as bar:
        for step, batch in enumerate(stream(make, first, recipe.steps), start=first):
            for group in optimizer.param_groups:
                group["lr"] = _rate(recipe, step)
            names, held, opened = glimpse(batch.crops, batch.sizes)
            c = len(CATEGORIES)
            category = F.cross_entropy(names[:, :c], batch.categories)
            color = F.cross_entropy(names[:, c:], batch.colors, ignore_index=_NO_COLOR)
            holding = F.binary_cross_entropy_with_logits(held, batch.held)
            optimizer.zero_grad(set_to_none=True)
            (category + color + holding + _opening(opened, batch.opened)).backward()
            optimizer.step()
            average.update_parameters(glimpse)
            bar.update(category.item())
            if step % 20 == 0:
                right = (names[:, :c].argmax(dim=1) == batch.categories).float().mean().item()
                row = {
                    "step": step,
                    "category": category.item(),
                    "color": color.item(),
                    "held": holding.item(),
                    "right": right,
                    "s": time.monotonic() - began,
                }
                log.write(json.dumps({k: round(v, 4) for k, v in row.items()}) + "\n")
                log.flush()
            if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
                torch.save(
                    {
                        "model": glimpse.state_dict(),
                        "average": average.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "step": step + 1,
                    },
                    state_file,
                )
    result: Any = average.module
    return result.eval()  # type: ignore[no-any-return]


def _rate(recipe: GlimpseRecipe, step: int) -> float:
    warm = min(1.0, (step + 1) / 100)
    fall = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(step / recipe.steps, 1.0)))
    return float(recipe.learning_rate * warm * fall)


def _opening(logits: Tensor, opened: Tensor) -> Tensor:
    """How wrong the open and closed things are judged; nothing is asked of what is neither."""
    asked = opened != _NO_STATE
    if not asked.any():
        return logits.sum() * 0.0
    return F.binary_cross_entropy_with_logits(logits[asked], opened[asked])


def stream(make: Callable[[int], T], first: int, last: int) -> Iterator[T]:
    """The batches of steps [first, last), made ahead in a thread."""
    ready: queue.Queue[T | BaseException] = queue.Queue(maxsize=3)

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


def _batch(shards: Shards, config: HandeyeConfig, recipe: GlimpseRecipe, step: int) -> Glimpses:
    rng = np.random.default_rng([recipe.seed, 1, step])
    crops, sizes, records = [], [], []
    for index in rng.integers(len(shards), size=recipe.images):
        sample = shards[int(index)]
        rgb = recolour(sample.rgb, rng)
        dyed = bool(rng.random() < _DYED)
        if dyed:
            rgb = dye(rgb, rng)
        for place, record in enumerate(sample.objects):
            if record["box"] is not None and record["pixels"] >= 30:
                crop, size = _crop(sample, rgb, place, rng)
                crops.append(crop)
                sizes.append(size)
                records.append({**record, "color": _NO_COLOR if dyed else record["color"]})
    images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
    mean = torch.tensor(config.image_mean).view(1, 3, 1, 1)
    std = torch.tensor(config.image_std).view(1, 3, 1, 1)
    pixels = torch.cat([(images[:, :3] / 255.0 - mean) / std, images[:, 3:] / 255.0], dim=1)
    return Glimpses(
        pixels.contiguous(memory_format=torch.channels_last),
        torch.tensor(np.array(sizes), dtype=torch.float32),
        torch.tensor([r["category"] for r in records]),
        torch.tensor([r["color"] for r in records]),
        torch.tensor([float(r["held"]) for r in records]),
        torch.tensor([_OPENED[r.get("state")] for r in records]),
    )


def _crop(
    sample: Sample, rgb: npt.NDArray[np.uint8], place: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], tuple[float, float]]:
    """One object with its mask, [40, 40, 4] uint8, and the log size of its box."""
    x0, y0, x1, y1 = sample.objects[place]["box"]
    w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
    jitter = rng.normal(0.0, 0.05, 4)
    w, h = w * (1 + jitter[2]), h * (1 + jitter[3])
    cx, cy = (x0 + x1) / 2 + jitter[0] * w, (y0 + y1) / 2 + jitter[1] * h
    box = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    mask = rough_mask(sample.instances == place + 1, rng)
    crop = cut(rgb, [mask], box, flip=rng.random() < 0.5)
    return crop, (float(np.log(w / 32)), float(np.log(h / 32)))


def cut(
    rgb: npt.NDArray[np.uint8], masks: list[npt.NDArray[np.uint8]], box: Box, *, flip: bool
) -> npt.NDArray[np.uint8]:
    """A square around a box with what masks show of it, [40, 40, 3 + masks] uint8."""
    import cv2

    x0, y0, x1, y1 = box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    scale = GLIMPSE_SIZE / (GLIMPSE_CONTEXT * max(x1 - x0, y1 - y0))
    side = -1.0 if flip else 1.0
    matrix = np.array(
        [
            [side * scale, 0.0, GLIMPSE_SIZE / 2 - side * scale * cx],
            [0.0, scale, GLIMPSE_SIZE / 2 - scale * cy],
        ]
    )
    # The same samples as grid_sample takes, whose pixel centres lie at halves.
    matrix[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    size = (GLIMPSE_SIZE, GLIMPSE_SIZE)
    square = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(115, 110, 105))
    layers = [np.asarray(square)]
    for mask in masks:
        full = cv2.resize(mask, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
        shown = cv2.warpAffine(full, matrix, size, flags=cv2.INTER_LINEAR)
        layers.append(np.asarray(shown)[..., None])
    return np.concatenate(layers, axis=-1).astype(np.uint8)


def dye(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Give an image other colours; shapes stay what they are.

    What something is must not be told by its colour: pairs that were never seen together would
    be taken for others that were.
    """
    import cv2

    kind = rng.random()
    if kind < 0.6:
        hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV))
        hsv[..., 0] = (hsv[..., 0].astype(np.int64) + int(rng.integers(10, 170))) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    if kind < 0.85:
        return np.asarray(rgb * rng.uniform(0.25, 1.0, 3), dtype=np.uint8)
    return np.asarray(255 - rgb, dtype=np.uint8)


def rough_mask(mask: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A mask as a detector might draw it: grown, shrunk, holed, or right."""
    import cv2

    out = mask.astype(np.uint8) * 255
    kind = rng.random()
    if kind < 0.2:
        out = np.asarray(cv2.dilate(out, np.ones((3, 3), np.uint8)), np.uint8)
    elif kind < 0.3:
        smaller = np.asarray(cv2.erode(out, np.ones((2, 2), np.uint8)), np.uint8)
        out = smaller if smaller.any() else out
    elif kind < 0.45:
        out = np.where(rng.random(out.shape) < 0.12, 0, out).astype(np.uint8)
    return out
