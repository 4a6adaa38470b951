"""What the model should say of a sample: dense targets, and phrases with their truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handeye.perception.vlm.lexicon import CATEGORY_WORDS, COLOR_WORDS, Description, say

from .shards import Sample

CATEGORIES = tuple(CATEGORY_WORDS)
COLORS = tuple(COLOR_WORDS)
MIN_CELLS = 2
"""Fewer visible 4×4 tiles than this, and an object is neither wanted nor forbidden."""
MIN_PIXELS, MIN_SHOWN = 60, 0.4
"""Objects with fewer visible pixels, or a smaller share of their outline, are neither wanted nor
held against a model: what is mostly hidden cannot be told by anyone."""


@dataclass(frozen=True, eq=False)
class Targets:
    """Dense targets of one sample; h = H / 8, w = W / 8, K objects that count.

    Attributes:
        heat: [h, w] float32, 1 at each object's middle, falling off within the object.
        ignore: [h, w] bool, where an object too small to count is.
        owner: [h, w] int64, index into the K objects, -1 for none: where boxes and words count.
        boxes: [K, 4] float32, pixels.
        categories, colors: [K] int64.
        held: [K] float32.
        mask_owner: [2h, 2w] int64, index into the K objects, -1 none, -2 not counted.
        kept: the K objects' places in the sample's list.
    """

    heat: npt.NDArray[np.float32]
    ignore: npt.NDArray[np.bool_]
    owner: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float32]
    categories: npt.NDArray[np.int64]
    colors: npt.NDArray[np.int64]
    held: npt.NDArray[np.float32]
    mask_owner: npt.NDArray[np.int64]
    kept: tuple[int, ...]


def is_seen(record: dict[str, Any]) -> bool:
    """Whether enough of an object is seen for it to count."""
    return bool(record["pixels"] >= MIN_PIXELS and record["shown"] >= MIN_SHOWN)


def dense_targets(sample: Sample) -> Targets:
    """Make the dense targets of a sample."""
    rows, columns = sample.instances.shape
    h, w = rows // 2, columns // 2
    heat = np.zeros((h, w), np.float32)
    ignore = np.zeros((h, w), np.bool_)
    owner = np.full((h, w), -1, np.int64)
    mask_owner = np.full((rows, columns), -1, np.int64)
    y, x = np.mgrid[0:h, 0:w]
    centers = np.stack([x, y], axis=-1) * 8 + 4.0
    kept: list[int] = []
    for place, record in enumerate(sample.objects):
        mask = sample.instances == place + 1
        cells = mask.reshape(h, 2, w, 2).any(axis=(1, 3))
        if record["box"] is None or mask.sum() < MIN_CELLS:
            ignore |= cells
            mask_owner[mask] = -2
            continue
        k = len(kept)
        kept.append(place)
        mask_owner[mask] = k
        peak = _peak(record["box"], cells, centers)
        mine = peak > heat
        owner[mine & (peak > 0.3)] = k
        heat = np.maximum(heat, peak)
    chosen = [sample.objects[place] for place in kept]
    return Targets(
        heat,
        ignore & (heat < 0.3),
        owner,
        np.array([o["box"] for o in chosen], np.float32).reshape(-1, 4),
        np.array([o["category"] for o in chosen], np.int64),
        np.array([o["color"] for o in chosen], np.int64),
        np.array([o["held"] for o in chosen], np.float32),
        mask_owner,
        tuple(kept),
    )


def _peak(
    box: list[float], cells: npt.NDArray[np.bool_], centers: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """A bump on the visible cells nearest to the box's centre.

    What lies under something else (a plate under a block) has its middle covered; the nearest
    cells that show it stand for it, all around.
    """
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    distance = np.linalg.norm(centers - middle, axis=-1)
    nearest = distance[cells].min()
    sigma = 0.12 * float(np.sqrt((box[2] - box[0]) * (box[3] - box[1]))) + 3.0
    bump = np.exp(-0.5 * ((distance - nearest) / sigma) ** 2)
    return np.where(cells, bump, 0.0).astype(np.float32)


def phrases_of(
    sample: Sample, kept: tuple[int, ...], count: int, rng: np.random.Generator
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Draw phrases about a sample, true of some objects, of one, or of none.

    Returns:
        `count` phrases, and [count, K] float32, 1 where the phrase is true of the object.
    """
    chosen = [sample.objects[place] for place in kept]
    phrases, truth = [], np.zeros((count, len(chosen)), np.float32)
    for row in range(count):
        description = _draw(sample, chosen, rng)
        phrases.append(say(description, rng))
        truth[row] = [is_true(description, record, sample) for record in chosen]
    return phrases, truth


def _draw(sample: Sample, chosen: list[dict[str, Any]], rng: np.random.Generator) -> Description:
    if not chosen or rng.random() < 0.2:
        return Description(
            CATEGORIES[int(rng.integers(len(CATEGORIES)))],
            COLORS[int(rng.integers(len(COLORS)))] if rng.random() < 0.8 else None,
        )
    record = chosen[int(rng.integers(len(chosen)))]
    category: str | None = CATEGORIES[record["category"]]
    color: str | None = COLORS[record["color"]]
    kind = rng.random()
    if kind < 0.15:
        color = None
    elif kind < 0.25:
        category = None
    elif kind < 0.33:
        category = CATEGORIES[int(rng.integers(len(CATEGORIES)))]
    elif kind < 0.41:
        color = COLORS[int(rng.integers(len(COLORS)))]
    if record.get("state") and rng.random() < 0.4:
        return Description(category, color, state=("open", "closed")[int(rng.integers(2))])
    state = rng.random()
    if state < 0.2 or (record["held"] and state < 0.5):
        return Description(category, color, held=True)
    if state < 0.4 or (record["relation"] and state < 0.7):
        return _related(sample, record, category, color, rng)
    return Description(category, color)


def _related(
    sample: Sample,
    record: dict[str, Any],
    category: str | None,
    color: str | None,
    rng: np.random.Generator,
) -> Description:
    """The object on or in something: what it is on or in, or something else of the scene."""
    truly = record["relation"] is not None and rng.random() < 0.6
    if truly:
        relation, other = record["relation"], sample.objects[record["other"]]
    else:
        other = sample.objects[int(rng.integers(len(sample.objects)))]
        hollow = CATEGORIES[other["category"]] in ("bowl", "cup")
        relation = "in" if hollow else "on"
    named = Description(
        CATEGORIES[other["category"]], COLORS[other["color"]] if rng.random() < 0.8 else None
    )
    return Description(category, color, relation=relation, other=named)


def is_true(description: Description, record: dict[str, Any], sample: Sample) -> bool:
    """Whether a description is true of an object."""
    if description.category and CATEGORIES[record["category"]] != description.category:
        return False
    if description.color and COLORS[record["color"]] != description.color:
        return False
    if description.state and record.get("state") != description.state:
        return False
    if description.held and not record["held"]:
        return False
    if description.relation and description.other:
        if record["relation"] != description.relation:
            return False
        return is_true(description.other, sample.objects[record["other"]], sample)
    return True
