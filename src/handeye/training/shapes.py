"""What the trainings of the two reliefs have in common.

The closer look to which something is added stays as it is: cameras without depth see what they saw
before. So everything is looked at once, and what is seen and said of it is kept.

A closer look is mostly right, so that what is still to be added teaches little about shapes.
Therefore shapes have to tell the truth alone, too, while they learn (an auxiliary classifier, as
those of Szegedy et al. 2015): of the relief, 1 000 steps with it do what 11 000 do without.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from handeye.perception.vlm.closer_looks import PairRelief, Relief

from .fitting import Fitting, fit
from .progress import Bar
from .proposing import Proposals, Proposed
from .shards import Sample, Shards

R = TypeVar("R", Relief, PairRelief)
L = TypeVar("L", bound="Looked")
_AT_ONCE = 50
_ALONE = 1.0
"""Weight of what shapes tell alone."""


class Looked(Protocol):
    """N things, or pairs of them, that were looked at once."""

    @property
    def seen(self) -> Tensor:
        """[N, ...] what was seen of them."""

    def at(self, which: Tensor) -> Self:
        """Some of them, by their numbers."""


class Taught(nn.Module, Generic[R]):
    """A relief while it learns, whose shapes tell the truth alone, too.

    Args:
        relief: what is to learn.
        answers: how many there are.
    """

    relief: R

    def __init__(self, relief: R, answers: int) -> None:
        super().__init__()
        self.relief = relief
        self.alone = nn.Linear(relief.told, answers)

    def forward(
        self, seen: Tensor, relief: Tensor, extents: Tensor, known: Tensor
    ) -> tuple[Any, Tensor]:
        """What the relief adds, see its own `forward`; logits [K, answers] of shapes alone."""
        shape = self.relief.shape(relief, extents)
        return self.relief.added(seen, shape, known), self.alone(shape).float()


def teach(
    relief: R,
    answers: int,
    looked: L,
    judge: Callable[[Taught[R], L], tuple[Tensor, dict[str, float]]],
    out: Path,
    name: str,
    fitting: Fitting,
) -> R:
    """Train a relief on what was looked at, or go on training; returns the averaged weights.

    Args:
        relief: with the weights to begin with.
        answers: how many there are for shapes alone.
        looked: what to draw batches from.
        judge: (loss, figures to log) of a relief on a batch.
        out: folder for `<name>.pt` (state) and `<name>.jsonl` (curves).
        name: of the part.
        fitting: steps and rates; `images` are things, or pairs, here.
    """

    def make(step: int) -> L:
        rng = np.random.default_rng([fitting.seed, 4, step])
        return looked.at(torch.from_numpy(rng.integers(len(looked.seen), size=fitting.images)))

    taught: Taught[R] = fit(Taught(relief, answers), make, judge, out, name, fitting)
    return taught.relief


def told_alone(logits: Tensor, truth: Tensor) -> Tensor:
    """How wrong shapes alone are, weighed; truth below 0 is none."""
    which = truth >= 0
    if not which.any():
        return logits.sum() * 0.0
    return _ALONE * F.cross_entropy(logits[which], truth[which])


def drawn_once(data: Path, proposals: Path, title: str) -> Iterator[list[tuple[Sample, Proposed]]]:
    """All images of a folder of shards that have depth, some at a time, with what is proposed.

    Args:
        data: folder of shards.
        proposals: folder of what is proposed of them; shards without are left out.
        title: of the progress bar.
    """
    paths = sorted(
        path for path in data.glob("shard-?????.npz") if (proposals / path.name).exists()
    )
    with Bar(title, 0, len(paths)) as bar:
        for path in paths:
            images = Shards(data, path.name, depth=True)
            proposed = Proposals(proposals, path.name)
            for first in range(0, len(images), _AT_ONCE):
                some = range(first, min(first + _AT_ONCE, len(images)))
                yield [(images[i], proposed[i]) for i in some]
            bar.update(0.0)
