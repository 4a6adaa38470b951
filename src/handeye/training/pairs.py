"""Training of the pair glimpse: whether one thing is on another, in it, or neither."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.configuration_handeye import HandeyeConfig
from handeye.perception.vlm.modeling_handeye import GLIMPSE_CONTEXT, PairGlimpse

from .glimpses import Box, cut, dye, rough_mask, stream
from .progress import Bar
from .shards import Sample, Shards, recolour

RELATIONS = (None, "on", "in")
_DYED = 0.5


@dataclass(frozen=True)
class PairRecipe:
    """How the pair glimpse was trained; see `GlimpseRecipe`."""

    steps: int = 3000
    images: int = 40
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch: crops [K, 5, 40, 40], places [K, 8], relations [K]."""

    crops: Tensor
    places: Tensor
    relations: Tensor


def train_pairs(
    model: PairGlimpse,
    data: Path,
    out: Path,
    config: HandeyeConfig,
    recipe: PairRecipe | None = None,
    *,
    save_every: int = 200,
) -> PairGlimpse:
    """Train a pair glimpse, or go on training; returns the averaged weights.

    Args:
        model: with fresh weights.
        data: folder of shards.
        out: folder for `pairs.pt` (state) and `pairs.jsonl` (curves).
        config: for the normalisation of images.
        recipe: what to do.
        save_every: steps between savings.
    """
    recipe = recipe or PairRecipe()
    out.mkdir(parents=True, exist_ok=True)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=0.02)
    state_file, first = out / "pairs.pt", 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
    model.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    shards, began = Shards(data), time.monotonic()

    def make(step: int) -> Pairs:
        return _batch(shards, config, recipe, step)

    with (out / "pairs.jsonl").open("a") as log, Bar("pairs", first, recipe.steps) as bar:
        for step, batch in enumerate(stream(make, first, recipe.steps), start=first):
            warm = min(1.0, (step + 1) / 100)
            fall = 0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(step / recipe.steps, 1.0)))
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * warm * float(fall)
            logits = model(batch.crops, batch.places)
            loss = F.cross_entropy(logits, batch.relations)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
            bar.update(loss.item())
            if step % 20 == 0:
                right = (logits.argmax(dim=1) == batch.relations).float().mean().item()
                row = {
                    "step": step,
                    "loss": round(loss.item(), 4),
                    "right": round(right, 4),
                    "s": round(time.monotonic() - began, 1),
                }
                log.write(json.dumps(row) + "\n")
                log.flush()
            if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
                saved = {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                }
                torch.save(saved, state_file)
    result: Any = average.module
    return result.eval()  # type: ignore[no-any-return]


def _batch(shards: Shards, config: HandeyeConfig, recipe: PairRecipe, step: int) -> Pairs:
    rng = np.random.default_rng([recipe.seed, 2, step])
    crops, places, relations = [], [], []
    for index in rng.integers(len(shards), size=recipe.images):
        sample = shards[int(index)]
        rgb = recolour(sample.rgb, rng)
        if rng.random() < _DYED:
            rgb = dye(rgb, rng)
        for a, b in _draw(sample, rng):
            crop, place = _crop(sample, rgb, (a, b), rng)
            crops.append(crop)
            places.append(place)
            record = sample.objects[a]
            related = record["other"] == b
            relations.append(RELATIONS.index(record["relation"]) if related else 0)
    images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
    mean = torch.tensor(config.image_mean).view(1, 3, 1, 1)
    std = torch.tensor(config.image_std).view(1, 3, 1, 1)
    pixels = torch.cat([(images[:, :3] / 255.0 - mean) / std, images[:, 3:] / 255.0], dim=1)
    return Pairs(
        pixels.contiguous(memory_format=torch.channels_last),
        torch.tensor(np.array(places), dtype=torch.float32),
        torch.tensor(relations),
    )


def _draw(sample: Sample, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of objects in view: all that are related, as many that are near or reversed."""
    seen = [i for i, o in enumerate(sample.objects) if o["box"] is not None and o["pixels"] >= 30]
    drawn = []
    for a in seen:
        record, others = sample.objects[a], [b for b in seen if b != a]
        if not others:
            continue
        if record["other"] in others:
            drawn.append((a, record["other"]))
            if rng.random() < 0.3:
                drawn.append((record["other"], a))
            continue
        gaps = [_gap(record["box"], sample.objects[b]["box"]) for b in others]
        nearest = others[int(np.argmin(gaps))]
        drawn.append((a, nearest if rng.random() < 0.7 else int(rng.choice(others))))
    return drawn


def _gap(a: Box, b: Box) -> float:
    """How far two boxes are apart, pixels; the less the more they overlap."""
    dx = max(a[0], b[0]) - min(a[2], b[2])
    dy = max(a[1], b[1]) - min(a[3], b[3])
    return float(max(dx, dy))


def _crop(
    sample: Sample, rgb: npt.NDArray[np.uint8], pair: tuple[int, int], rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], list[float]]:
    """Two objects with their masks, [40, 40, 5] uint8, and where their boxes are in it."""
    boxes = []
    for place in pair:
        x0, y0, x1, y1 = sample.objects[place]["box"]
        w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
        dx0, dx1, dy0, dy1 = rng.normal(0.0, 0.03, 4) * (w, w, h, h)
        boxes.append((x0 + dx0, y0 + dy0, x1 + dx1, y1 + dy1))
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
    both = (min(ax0, bx0), min(ay0, by0), max(ax1, bx1), max(ay1, by1))
    masks = [rough_mask(sample.instances == place + 1, rng) for place in pair]
    flip = rng.random() < 0.5
    crop = cut(rgb, masks, both, flip=flip)
    cx, cy = (both[0] + both[2]) / 2, (both[1] + both[3]) / 2
    half = GLIMPSE_CONTEXT * max(both[2] - both[0], both[3] - both[1]) / 2
    places: list[float] = []
    for x0, y0, x1, y1 in boxes:
        left, right = (x0 - cx) / half, (x1 - cx) / half
        if flip:
            left, right = -right, -left
        places += [left, (y0 - cy) / half, right, (y1 - cy) / half]
    return crop, places
