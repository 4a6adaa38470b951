"""What a depth camera adds before the gaze: to the dense pass, and to the glimpse.

In the dark a ball in a bowl is a few black pixels on black, and so is a brown block in a brown one
at noon: the dense pass proposes the bowl alone there, and the glimpse sees nothing in it. In depth
the ball stands out as by day. What is seen of depth, over the whole image at once, is added to what
the dense pass says; what lies around a proposal in it is added to what the glimpse says.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .closer_looks import (
    NEAREST_M,
    RELIEF_DEEPEST,
    RELIEF_UNIT_M,
    SEEN,
    STEEPEST,
    Look,
    Residual,
    block,
    dtype_of,
)

_EVERY = 2
"""So many pixels a side have one reading."""
_PATCH = 16
"""Heights are above the mean of so many readings a side."""
_FARTHEST_M = 10.0
"""Depth beyond this is no reading."""
_LAYERS = 5


class DenseRelief(nn.Module):
    """What depth adds to what the dense pass says of cells and tiles.

    Nothing at first, and nothing where nothing was read, as with a `Relief`.

    Args:
        dim: channels of the dense pass's features at stride 8.
        mask_dim: at stride 4.
        cell, tile: how many numbers are told of each cell of 8×8 pixels, and tile of 4×4.
    """

    FINE, COARSE = 32, 64

    def __init__(self, dim: int, mask_dim: int, cell: int, tile: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(_halving(_LAYERS, self.FINE), block(self.FINE, self.FINE))
        self.coarse = nn.Sequential(_halving(self.FINE, self.COARSE), Residual(self.COARSE))
        self.up = nn.Conv2d(self.COARSE, self.FINE, 1)
        self.mix = _mixing(dim + self.COARSE, self.COARSE)
        self.mix_fine = _mixing(mask_dim + self.FINE, self.FINE)
        self.cells = nn.Conv2d(self.COARSE, cell, 1)
        self.tiles = nn.Conv2d(self.FINE, tile, 1)
        self.begin()

    def begin(self) -> None:
        """Add nothing."""
        for part in (self.cells, self.tiles):
            nn.init.zeros_(part.weight)
            assert part.bias is not None
            nn.init.zeros_(part.bias)

    def forward(self, features: Tensor, fine: Tensor, depth: Tensor, focal_px: Tensor) -> "Added":
        """What is to be added.

        Args:
            features, fine: [B, dim, h, w] and [B, mask_dim, 2h, 2w] of the dense pass.
            depth: [B, 1, 8h, 8w] float32 metres; 0, NaN or infinite is no reading.
            focal_px: [B, 2] focal lengths across and down, pixels.
        """
        return self.added(features, fine, self.shapes(depth, focal_px))

    def shapes(self, depth: Tensor, focal_px: Tensor) -> "Shapes":
        """What depth shows by itself; see `forward`."""
        layers, read = layers_of(depth, focal_px)
        fine = self.fine(layers.to(dtype_of(self), memory_format=torch.channels_last))
        coarse = self.coarse(fine)
        return Shapes(coarse, fine + F.interpolate(self.up(coarse), scale_factor=2), read)

    def added(self, features: Tensor, fine: Tensor, shapes: "Shapes") -> "Added":
        """What shapes add to what the dense pass says; see `forward`."""
        mixed = self.mix(torch.cat([features, shapes.coarse], dim=1))
        mixed_fine = self.mix_fine(torch.cat([fine, shapes.fine], dim=1))
        read = shapes.read.to(mixed.dtype)
        of_cells, of_tiles = (
            F.interpolate(read, size=some.shape[-2:]) for some in (mixed, mixed_fine)
        )
        return Added(
            self.cells(mixed) * of_cells,
            self.tiles(mixed_fine) * of_tiles,
            torch.cat([mixed_fine, of_tiles], dim=1),
        )


class Added(NamedTuple):
    """What depth adds to what the dense pass says.

    Attributes:
        cells, tiles: [B, cell, h, w] and [B, tile, 2h, 2w].
        seen: [B, 33, 2h, 2w] what a `GlimpseRelief` sees, the last 1 where anything was read.
    """

    cells: Tensor
    tiles: Tensor
    seen: Tensor


class Shapes(NamedTuple):
    """What depth shows of images.

    Attributes:
        coarse, fine: [B, 64, h, w] and [B, 32, 2h, 2w].
        read: [B, 1, h/4, w/4] 1 where anything was read, else 0.
    """

    coarse: Tensor
    fine: Tensor
    read: Tensor


class GlimpseRelief(nn.Module):
    """What depth adds to whether a glimpse takes a proposal for an object, and where it ends.

    Nothing at first, and nothing where nothing was read.
    """

    CHANNELS, SIDE, CONTEXT = DenseRelief.FINE + 1, 6, 1.5
    """Of the squares that are cut out: layers, places a side, how much wider than proposals."""
    _MIXED = 64

    def __init__(self) -> None:
        super().__init__()
        channels = DenseRelief.FINE
        self.features = nn.Sequential(
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
        )
        told = channels * ((self.SIDE - 2) // 2) ** 2
        self.level = nn.LayerNorm(told + SEEN)
        self.mix = nn.Linear(told + SEEN, self._MIXED)
        self.more = nn.Linear(self._MIXED, 5)
        self.begin()

    def begin(self) -> None:
        """Add nothing."""
        nn.init.zeros_(self.more.weight)
        nn.init.zeros_(self.more.bias)

    def forward(self, look: Look[Tensor], seen: Tensor, around: Tensor) -> Look[Tensor]:
        """What a glimpse says of K proposals, with what depth adds.

        Args:
            look: what it says.
            seen: [K, SEEN] what it sees.
            around: [K, 33, 6, 6] of `Added.seen`.
        """
        known = (around[:, -1].mean((1, 2)) > 0).float()[:, None]
        shapes = self.features(around[:, :-1].to(dtype_of(self))).flatten(1)
        mixed = F.gelu(self.mix(self.level(torch.cat([shapes, seen.to(shapes.dtype)], dim=1))))
        more = self.more(mixed).float() * known
        return look._replace(there=look.there + more[:, 0], shift=look.shift + more[:, 1:])


def layers_of(depth: Tensor, focal_px: Tensor) -> tuple[Tensor, Tensor]:
    """What depth [B, 1, H, W] tells, whatever the camera's lens.

    Returns:
        [B, 5, H/2, W/2] heights above what is around in units of 5 cm; how steeply it rises to the
        right, and down, 1 is 45°; log of the distance; 1 where it was read. And [B, 1, H/32, W/32]
        1 where anything was read.
    """
    depth = depth[..., _EVERY // 2 :: _EVERY, _EVERY // 2 :: _EVERY]
    read = (depth > NEAREST_M) & (depth < _FARTHEST_M)
    known = read.to(depth.dtype)
    depth = torch.where(read, depth, 0.0)
    size = depth.shape[-2:]
    around = F.avg_pool2d(depth, _PATCH, ceil_mode=True, count_include_pad=False)
    share = F.avg_pool2d(known, _PATCH, ceil_mode=True, count_include_pad=False)
    mean = F.interpolate(around / share.clamp(min=1e-3), size=size, mode="bilinear")
    depth = torch.where(read, depth, mean)
    height = ((mean - depth) / RELIEF_UNIT_M).clamp(-RELIEF_DEEPEST, RELIEF_DEEPEST)
    # Two readings lie so far apart, m.
    across, down = ((2 * _EVERY * depth / focal_px[:, k].view(-1, 1, 1, 1)) for k in range(2))
    right = F.pad(depth[..., :-2] - depth[..., 2:], (1, 1, 0, 0)) / across.clamp(min=1e-3)
    below = F.pad(depth[..., :-2, :] - depth[..., 2:, :], (0, 0, 1, 1)) / down.clamp(min=1e-3)
    slopes = torch.cat([right, below], dim=1).clamp(-STEEPEST, STEEPEST)
    far = 4 * depth.clamp(min=0.1).log()
    return torch.cat([height, slopes, far, known], dim=1), (share > 0).to(depth.dtype)


def _halving(inputs: int, outputs: int) -> nn.Sequential:
    """A convolution to half as many pixels a side."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _mixing(inputs: int, outputs: int) -> nn.Sequential:
    """What is at one place, mixed."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
