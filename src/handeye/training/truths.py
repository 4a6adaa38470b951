"""Truths: what is to be said of a box in a training image."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .bench import iou
from .cutting import Box
from .shards import Sample
from .targets import is_seen

NO_NAME = -100
"""Marks what has no name, and a crop whose colour was changed beyond its name."""
UNASKED = -1.0
"""Marks what is neither true nor false: open of a ball, held of nothing."""
_OPENED = {"open": 1.0, "closed": 0.0, None: UNASKED}
_JITTER = 0.05
_MATCHED, _NEAR = 0.5, 0.2


@dataclass(frozen=True)
class Truth:
    """What is to be said of a box; see `Glimpses`."""

    box: Box
    there: float = 0.0
    category: int = NO_NAME
    color: int = NO_NAME
    held: float = UNASKED
    opened: float = UNASKED
    shift: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def seen(self, *, flip: bool, dyed: bool) -> "Truth":
        """The same of a mirrored, or a dyed, picture."""
        left, top, right, bottom = self.shift
        return replace(
            self,
            shift=(-right, top, -left, bottom) if flip else self.shift,
            color=NO_NAME if dyed else self.color,
        )


def truth_of(box: Box, sample: Sample) -> Truth:
    """What is true of a box in an image."""
    overlaps = [iou(box, o["box"]) if o["box"] else 0.0 for o in sample.objects]
    best = int(np.argmax(overlaps)) if overlaps else -1
    overlap = overlaps[best] if overlaps else 0.0
    if overlap < _NEAR:
        return Truth(box)
    record = sample.objects[best]
    # Nobody can tell what is mostly hidden, nor is it wrong to see it.
    there = UNASKED if not is_seen(record) else overlap if overlap >= _MATCHED else 0.0
    if overlap < _MATCHED:
        return Truth(box, there)
    width, height = box[2] - box[0], box[3] - box[1]
    moves = np.subtract(record["box"], box) / (width, height, width, height)
    return Truth(
        box,
        there,
        record["category"],
        record["color"],
        float(record["held"]),
        _OPENED[record.get("state")],
        tuple(float(v) for v in moves),  # type: ignore[arg-type]
    )


def jittered(box: npt.NDArray[np.float32], rng: np.random.Generator) -> Box:
    """A box a little elsewhere, and a little larger or smaller."""
    x0, y0, x1, y1 = (float(v) for v in box)
    w, h = max(x1 - x0, 2.0), max(y1 - y0, 2.0)
    dx, dy, dw, dh = rng.normal(0.0, _JITTER, 4)
    cx, cy = (x0 + x1) / 2 + dx * w, (y0 + y1) / 2 + dy * h
    w, h = w * float(np.exp(dw)), h * float(np.exp(dh))
    return (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
