"""Closer looks: what is told of objects that are cropped out of an image, one at a time or two.

A glimpse judges what the dense pass proposes, a gaze what the glimpse keeps; a relief adds what a
depth camera tells, and a pair glimpse says how two objects lie to each other.
"""

from typing import Any, Generic, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

GLIMPSE_SIZE, GAZE_SIZE = 40, 56
GLIMPSE_CONTEXT = 1.4
SURROUNDINGS_SIZE = 40
RELIEF_SIZE, RELIEF_CONTEXT = 48, 1.5
RELIEF_UNIT_M, RELIEF_DEEPEST = 0.05, 4.0
"""In what reliefs tell heights, and within how many of these they are held."""
NEAREST_M = 0.03
"""Depth below this is no reading."""
STEEPEST = 3.0
"""Slopes are held within this; what is steeper is an edge."""
SEEN = 128
"""Numbers in which a closer look sees a thing."""

Said = TypeVar("Said")


def block(inputs: int, outputs: int) -> nn.Sequential:
    """A convolution over 3×3 with normalisation; the size stays."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _stem(inputs: int) -> list[nn.Module]:
    """How every closer look begins: crops to 48 channels at a quarter of their pixels a side."""
    return [
        nn.Conv2d(inputs, 24, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(inplace=True),
        block(24, 48),
        nn.MaxPool2d(2),
    ]


class Residual(nn.Module):
    """Two convolutions beside a shortcut; the identity at first."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = block(dim, dim)
        self.second = nn.Conv2d(dim, dim, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(dim)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[K, dim, h, w] -> the same shape."""
        return F.relu(x + self.norm(self.second(self.first(x))))


class Look(NamedTuple, Generic[Said]):
    """What a glimpse says of K proposals, float32, as tensors or as plain arrays.

    Attributes:
        names: [K, C + D] logits of the categories, then of the colours.
        held: [K] logits of "the gripper holds it".
        opened: [K] logits of "it is open", of furniture.
        there: [K] logits of "the box is that of one object".
        shift: [K, 4] how far the box's sides are to be moved, in widths and heights of the box.
    """

    names: Said
    held: Said
    opened: Said
    there: Said
    shift: Said

    def plus(self, other: "Look[Said]") -> "Look[Said]":
        """What both say, added up."""
        return Look(*(cast(Any, a) + b for a, b in zip(self, other, strict=True)))

    def at(self, which: Any) -> "Look[Said]":
        """Of some of the proposals, by indices, a slice or bool [K]."""
        return Look(*(cast(Any, said)[which] for said in self))

    def arrays(self) -> "Look[npt.NDArray[np.float32]]":
        """The same as plain arrays, of tensors on the CPU."""
        return Look(*(cast(Tensor, said).numpy() for said in self))


class Glimpse(nn.Module):
    """A closer look at a proposal: whether it is an object, with which box, and what it is.

    The second stage of a two-stage detector (Ren et al. 2015), on crops of the image itself; a
    deeper one at larger crops is the third, the gaze (a cascade as that of Cai and Vasconcelos
    2018): it sees only the few boxes that the glimpse keeps.

    Args:
        named: how many categories and colours there are together.
        side: of the crops, pixels.
        deeper: residual blocks more, the identity at first: a gaze begins as a glimpse.
        surroundings: whether it takes what is around the things, coarsely, with what it sees of
            them. How large a block is, and whether it is brown or orange in little light, is told
            by what stands beside it.
    """

    def __init__(
        self,
        named: int,
        side: int = GLIMPSE_SIZE,
        deeper: int = 0,
        *,
        surroundings: bool = False,
    ) -> None:
        super().__init__()
        self.side = side
        self.features = nn.Sequential(
            *_stem(4),
            block(48, 80),
            block(80, 80),
            Residual(80),
            nn.MaxPool2d(2),
            block(80, 128),
            block(128, 128),
            Residual(128),
            Residual(128),
            *(Residual(128) for _ in range(deeper)),
        )
        self.mix = nn.Linear(2 * 128 + 2, SEEN)
        self.surroundings = Surroundings(SEEN) if surroundings else None
        self.names = nn.Linear(SEEN, named)
        self.held = nn.Linear(SEEN, 1)
        self.opened = nn.Linear(SEEN, 1)
        self.there = nn.Linear(SEEN, 1)
        self.shift = nn.Linear(SEEN, 4)

    def forward(self, crops: Tensor, sizes: Tensor, around: Tensor | None = None) -> Look[Tensor]:
        """Look at crops.

        Args:
            crops: [K, 4, side, side] normalised RGB and mask (1 is the object).
            sizes: [K, 2] log of the boxes' width and height over 32 pixels.
            around: [K, 4, 40, 40] for a gaze with surroundings: the same of every fourth pixel
                of the image, the thing in the middle.
        """
        return self.said(self.seen(crops, sizes, around))

    def seen(self, crops: Tensor, sizes: Tensor, around: Tensor | None = None) -> Tensor:
        """[K, SEEN] what is seen of crops, before it is told."""
        mixed = self.mix(_pooled(self.features(crops.to(dtype_of(self))), sizes))
        if self.surroundings is not None:
            mixed = mixed + self.surroundings(around)
        return F.relu(mixed)

    def said(self, seen: Tensor) -> Look[Tensor]:
        """What is told of what is seen [K, SEEN]."""
        return Look(
            self.names(seen).float(),
            self.held(seen)[:, 0].float(),
            self.opened(seen)[:, 0].float(),
            self.there(seen)[:, 0].float(),
            self.shift(seen).float(),
        )


def _lighter(inputs: int, blocks: int) -> nn.Sequential:
    """Features lighter than a glimpse's: 96 channels at an eighth of the crops' pixels a side."""
    return nn.Sequential(
        *_stem(inputs),
        block(48, 64),
        Residual(64),
        nn.MaxPool2d(2),
        block(64, 96),
        *(Residual(96) for _ in range(blocks)),
    )


class Surroundings(nn.Module):
    """What is around a thing, as something to add to what is seen of it; nothing at first."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.features = _lighter(4, blocks=1)
        self.mix = nn.Linear(2 * 96, outputs)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, around: Tensor) -> Tensor:
        """[K, 4, 40, 40] normalised RGB and mask (1 is the thing) -> [K, outputs]."""
        seen = self.features(around.to(dtype_of(self)))
        mixed: Tensor = self.mix(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1))
        return mixed


class _Shapes(nn.Module):
    """What shapes, told by depth, add to what a closer look sees.

    Args:
        masks: how many things there are in each.
        blocks: of the features, residual.
        extents: numbers that are told of shapes besides.
        seen: numbers that the closer look sees them in.
        context: how much wider what is seen is than the things.
    """

    def __init__(self, masks: int, blocks: int, extents: int, seen: int, context: float) -> None:
        super().__init__()
        self._context = context
        self.told = 2 * 96 + extents
        self.features = _lighter(3 + masks, blocks)
        # Of one scale, and smoothly on: rectified units died within a thousand steps.
        self.level = nn.LayerNorm(self.told + seen)
        self.mix = nn.Linear(self.told + seen, seen)

    def shape(self, relief: Tensor, extents: Tensor) -> Tensor:
        """[K, told] the shapes of K things, or pairs of them, by depth alone.

        Args:
            relief: [K, 1 + masks, side, side] heights in units of 5 cm, and the masks.
            extents: [K, extents], the first two log of width and height over 0.1 m.
        """
        window_m = self._context * 0.1 * extents[:, :2].exp().amax(dim=1)
        return _pooled(self.features(_and_slopes(relief, window_m, self)), extents)

    def _mixed(self, seen: Tensor, shape: Tensor) -> Tensor:
        """[K, seen] what is seen of things and their shapes together."""
        return F.gelu(self.mix(self.level(torch.cat([shape, seen.to(shape.dtype)], dim=1))))


class Relief(_Shapes):
    """What a depth camera adds to a gaze: a thing's shape and its size, which need no light.

    From above a tall box looks as a block does, and in the dark a can as a cup; in depth neither
    does. What is added is nothing at first, and nothing where there is no depth: cameras without
    it see what they would see if this part were not there.

    Args:
        named: how many categories and colours there are together.
    """

    def __init__(self, named: int) -> None:
        super().__init__(masks=1, blocks=1, extents=7, seen=SEEN, context=RELIEF_CONTEXT)
        self.names = nn.Linear(SEEN, named)
        self.more = nn.Linear(SEEN, 7)
        self.begin()

    def begin(self) -> None:
        """Add nothing."""
        for part in (self.names, self.more):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, seen: Tensor, relief: Tensor, extents: Tensor, known: Tensor) -> Look[Tensor]:
        """What is to be added to what a gaze says of K things.

        Args:
            seen: [K, SEEN] what the gaze sees of them.
            relief: [K, 2, 48, 48] how much nearer each pixel is than the thing's middle depth, in
                units of 5 cm, and the mask (1 is the thing).
            extents: [K, 7] log of the thing's width and height over 0.1 m; in the units of the
                relief how far the 5th, 25th, 75th and 95th percentile of its depth are from the
                middle, and the middle of what is around it.
            known: [K] 1 where depth was read, else 0.
        """
        return self.added(seen, self.shape(relief, extents), known)

    def added(self, seen: Tensor, shape: Tensor, known: Tensor) -> Look[Tensor]:
        """What shapes [K, told] add to what a gaze says; see `forward`."""
        mixed = self._mixed(seen, shape)
        names, more = (part(mixed).float() * known[:, None] for part in (self.names, self.more))
        return Look(names, more[:, 0], more[:, 1], more[:, 2], more[:, 3:])


def _and_slopes(relief: Tensor, window_m: Tensor, part: nn.Module) -> Tensor:
    """[K, 2 + c, side, side]: reliefs, and how steeply they rise to the right, and down; 1 is 45°.

    A toy brick's studs are 2 mm high: as heights they hardly show, as slopes they do.

    Args:
        relief: [K, c, side, side], the first layer heights in units of 5 cm.
        window_m: [K] how wide what is seen is, m.
        part: what it is for.
    """
    heights = relief[:, :1]
    two_pixels = 2 * window_m[:, None, None, None] / (heights.shape[-1] * RELIEF_UNIT_M)
    right = F.pad(heights[..., 2:] - heights[..., :-2], (1, 1, 0, 0))
    down = F.pad(heights[..., 2:, :] - heights[..., :-2, :], (0, 0, 1, 1))
    slopes = (torch.cat([right, down], dim=1) / two_pixels).clamp(-STEEPEST, STEEPEST)
    both = torch.cat([relief, slopes], dim=1)
    return both.to(dtype_of(part), memory_format=torch.channels_last)


class PairGlimpse(nn.Module):
    """A closer look at two objects: whether the first is on the second, in it, or neither."""

    SEEN = 96
    """Numbers in which a pair is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _lighter(5, blocks=3)
        self.mix = nn.Linear(2 * 96 + 8, self.SEEN)
        self.relation = nn.Linear(self.SEEN, 3)

    def forward(self, crops: Tensor, places: Tensor) -> Tensor:
        """Look at crops around pairs.

        Args:
            crops: [K, 5, 56, 56] normalised RGB, mask of the first, mask of the second.
            places: [K, 8] corners of the first box, then of the second, in the crop's frame,
                where it reaches from -1 to 1.

        Returns:
            [K, 3] logits of neither, on, in, float32.
        """
        return self.said(self.seen(crops, places))

    def seen(self, crops: Tensor, places: Tensor) -> Tensor:
        """[K, 96] what is seen of pairs, before it is told."""
        return F.relu(self.mix(_pooled(self.features(crops.to(dtype_of(self))), places)))

    def said(self, seen: Tensor) -> Tensor:
        """What is told of what is seen [K, 96]."""
        relation: Tensor = self.relation(seen)
        return relation.float()


class PairRelief(_Shapes):
    """What a depth camera adds to a pair glimpse: what stands behind a plate is not on it.

    Nothing at first, and nothing where there is no depth, as with a `Relief`.
    """

    def __init__(self) -> None:
        super().__init__(
            masks=2, blocks=0, extents=16, seen=PairGlimpse.SEEN, context=GLIMPSE_CONTEXT
        )
        self.relation = nn.Linear(PairGlimpse.SEEN, 3)
        self.begin()

    def begin(self) -> None:
        """Add nothing."""
        nn.init.zeros_(self.relation.weight)
        nn.init.zeros_(self.relation.bias)

    def forward(self, seen: Tensor, relief: Tensor, extents: Tensor, known: Tensor) -> Tensor:
        """[K, 3] what is to be added to what a pair glimpse says of K pairs.

        Args:
            seen: [K, 96] what the pair glimpse sees of them.
            relief: [K, 3, 56, 56] how much nearer each pixel is than the second thing's middle
                depth, in units of 5 cm, and the masks of the first and the second.
            extents: [K, 16] log over 0.1 m of the width and height of both together, of the first
                and of the second; in the units of the relief how far from the second's middle the
                first's is, and that of what is around them, and the 5th, 25th, 75th and 95th
                percentile of the first's depth and of the second's.
            known: [K] 1 where the depth of both was read, else 0.
        """
        return self.added(seen, self.shape(relief, extents), known)

    def added(self, seen: Tensor, shape: Tensor, known: Tensor) -> Tensor:
        """What shapes [K, told] add to what a pair glimpse says; see `forward`."""
        relation: Tensor = self.relation(self._mixed(seen, shape))
        return relation.float() * known[:, None]


def dtype_of(part: nn.Module) -> torch.dtype:
    """What a part of the model computes in."""
    return next(part.parameters()).dtype


def _pooled(features: Tensor, more: Tensor) -> Tensor:
    """[K, 2 dim + m]: features [K, dim, h, w] pooled in two ways, and m numbers more."""
    return torch.cat([features.mean((2, 3)), features.amax((2, 3)), more.to(features.dtype)], dim=1)
