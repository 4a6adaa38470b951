"""The embedded VLM: an open-vocabulary dense detector of a few million parameters.

Each location of a feature map at stride 8 says how likely an object is centred there, where its
box ends, and what it looks like, as a vector that is compared with the vectors of phrases (the
idea of OWL-ViT, Minderer et al. 2022, on a convolutional backbone). A second head at stride 4
says for each pixel whether it is of an object and which box that object has, which groups pixels
into instance masks. What is proposed so is then looked at again, cropped out of the full image
with its mask: a small object fills too few cells of the dense map for its shape to be told there.
Where there is a depth image, what it tells of the object is added last.
"""

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertModel, PreTrainedModel, ResNetBackbone

from .configuration_handeye import HandeyeConfig

STRIDE = 8
MASK_STRIDE = 4
GLIMPSE_SIZE, GAZE_SIZE = 40, 56
GLIMPSE_CONTEXT = 1.4
SURROUNDINGS_SIZE = 40
RELIEF_SIZE, RELIEF_CONTEXT = 40, 2.0
SEEN = 128
"""Numbers in which a closer look sees a thing."""

Said = TypeVar("Said")


@dataclass(frozen=True, eq=False)
class HandeyeOutput:
    """What the model says about images, float32; h = H / 8, w = W / 8.

    Attributes:
        heat: [B, h, w] logits of "an object is centred here".
        held: [B, h, w] logits of "the gripper holds the object that is here".
        boxes: [B, h, w, 4] (x0, y0, x1, y1), pixels.
        embeddings: [B, h, w, E] unit vectors, comparable with those of phrases.
        mask_logits: [B, 2h, 2w] logits of "this pixel is of an object".
        mask_boxes: [B, 2h, 2w, 4] box of the object that the pixel is of, pixels.
        names: [B, h, w, C + D] logits of the configured categories, then colours.
    """

    heat: Tensor
    held: Tensor
    boxes: Tensor
    embeddings: Tensor
    mask_logits: Tensor
    mask_boxes: Tensor
    names: Tensor


def _block(inputs: int, outputs: int) -> nn.Sequential:
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
        _block(24, 48),
        nn.MaxPool2d(2),
    ]


class Neck(nn.Module):
    """Fuses four stages into features at strides 8 and 4, coarse context added to fine detail."""

    def __init__(self, hidden_sizes: list[int], dim: int, mask_dim: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(size, dim, 1) for size in hidden_sizes[1:])
        self.smooth = _block(dim, dim)
        self.fine = nn.Conv2d(hidden_sizes[0], mask_dim, 1)
        self.coarse = nn.Conv2d(dim, mask_dim, 1)
        self.smooth_fine = _block(mask_dim, mask_dim)

    def forward(self, stages: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Returns features at stride 8 [B, dim, h, w] and stride 4 [B, mask_dim, 2h, 2w]."""
        fused = self.lateral[2](stages[3])
        for lateral, stage in ((self.lateral[1], stages[2]), (self.lateral[0], stages[1])):
            fused = lateral(stage) + F.interpolate(fused, size=stage.shape[-2:], mode="nearest")
        features = self.smooth(fused)
        up = F.interpolate(self.coarse(features), size=stages[0].shape[-2:], mode="nearest")
        return features, self.smooth_fine(self.fine(stages[0]) + up)


class Residual(nn.Module):
    """Two convolutions beside a shortcut; the identity at first."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = _block(dim, dim)
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
            _block(48, 80),
            _block(80, 80),
            Residual(80),
            nn.MaxPool2d(2),
            _block(80, 128),
            _block(128, 128),
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
        mixed = self.mix(_pooled(self.features(crops.to(_dtype(self))), sizes))
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
        _block(48, 64),
        Residual(64),
        nn.MaxPool2d(2),
        _block(64, 96),
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
        seen = self.features(around.to(_dtype(self)))
        mixed: Tensor = self.mix(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1))
        return mixed


class Relief(nn.Module):
    """What a depth camera adds to a gaze: a thing's shape and its size, which need no light.

    From above a tall box looks as a block does, and in the dark a can as a cup; in depth neither
    does. What is added is nothing at first, and nothing where there is no depth: cameras without
    it see what they would see if this part were not there.

    Args:
        named: how many categories and colours there are together.
    """

    def __init__(self, named: int) -> None:
        super().__init__()
        self.features = _lighter(2, blocks=1)
        together = 2 * 96 + 7 + SEEN
        # Of one scale, and smoothly on: rectified units died within a thousand steps.
        self.level = nn.LayerNorm(together)
        self.mix = nn.Linear(together, SEEN)
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
            relief: [K, 2, 40, 40] how much nearer each pixel is than the thing's middle depth, in
                units of 5 cm, and the mask (1 is the thing).
            extents: [K, 7] log of the thing's width and height over 0.1 m; in the units of the
                relief how far the 5th, 25th, 75th and 95th percentile of its depth are from the
                middle, and the middle of what is around it.
            known: [K] 1 where depth was read, else 0.
        """
        pooled = _pooled(self.features(relief.to(_dtype(self))), extents)
        both = torch.cat([pooled, seen.to(pooled.dtype)], dim=1)
        mixed = F.gelu(self.mix(self.level(both)))
        names, more = (part(mixed).float() * known[:, None] for part in (self.names, self.more))
        return Look(names, more[:, 0], more[:, 1], more[:, 2], more[:, 3:])


class PairGlimpse(nn.Module):
    """A closer look at two objects: whether the first is on the second, in it, or neither."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _lighter(5, blocks=3)
        self.mix = nn.Linear(2 * 96 + 8, 96)
        self.relation = nn.Linear(96, 3)

    def forward(self, crops: Tensor, places: Tensor) -> Tensor:
        """Look at crops around pairs.

        Args:
            crops: [K, 5, 56, 56] normalised RGB, mask of the first, mask of the second.
            places: [K, 8] corners of the first box, then of the second, in the crop's frame,
                where it reaches from -1 to 1.

        Returns:
            [K, 3] logits of neither, on, in, float32.
        """
        pooled = _pooled(self.features(crops.to(_dtype(self))), places)
        relation: Tensor = self.relation(F.relu(self.mix(pooled)))
        return relation.float()


def _dtype(part: nn.Module) -> torch.dtype:
    """What a part of the model computes in."""
    return next(part.parameters()).dtype


def _pooled(features: Tensor, more: Tensor) -> Tensor:
    """[K, 2 dim + m]: features [K, dim, h, w] pooled in two ways, and m numbers more."""
    return torch.cat([features.mean((2, 3)), features.amax((2, 3)), more.to(features.dtype)], dim=1)


class HandeyeModel(PreTrainedModel):
    """Images and phrases in one space; see the module's docstring."""

    config_class = HandeyeConfig
    base_model_prefix = "handeye"
    main_input_name = "pixel_values"

    def __init__(self, config: HandeyeConfig) -> None:
        super().__init__(config)
        self.backbone = ResNetBackbone(config.backbone_config())
        self.neck = Neck(config.backbone["hidden_sizes"], config.neck_dim, config.mask_dim)
        self.tower = _block(config.neck_dim, config.neck_dim)
        self.dense = nn.Conv2d(config.neck_dim, 6, 1)
        self.look = _block(config.neck_dim, config.neck_dim)
        self.embed = nn.Conv2d(config.neck_dim, config.embed_dim, 1)
        # Names directly from the features: the text tower's words start out alike, and alone
        # they would teach the features slowly to tell them apart.
        named = len(config.categories) + len(config.colors)
        self.names = nn.Conv2d(config.neck_dim, max(named, 1), 1)
        self.mask = nn.Conv2d(config.mask_dim, 5, 1)
        self.glimpse = Glimpse(max(named, 1))
        self.gaze = Glimpse(
            max(named, 1),
            GAZE_SIZE,
            deeper=config.gaze_depth,
            surroundings=config.gaze_surroundings,
        )
        self.relief = Relief(max(named, 1)) if config.sees_depth else None
        self.pair_glimpse = PairGlimpse()
        self.text = BertModel(config.text_config(), add_pooling_layer=False)
        self.text_projection = nn.Linear(config.text["hidden_size"], config.embed_dim)
        self.logit_scale = nn.Parameter(torch.tensor(2.3))
        self.logit_bias = nn.Parameter(torch.tensor(-4.0))
        self.post_init()  # type: ignore[no-untyped-call]
        nn.init.constant_(cast(Tensor, self.dense.bias)[:2], -3.0)
        if self.gaze.surroundings is not None:
            nn.init.zeros_(self.gaze.surroundings.mix.weight)
        if self.relief is not None:
            self.relief.begin()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Embedding) else 0.05)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, pixel_values: Tensor, **_: Any) -> HandeyeOutput:
        """Look at images.

        Args:
            pixel_values: [B, 3, H, W] float, normalised; H and W divisible by 32.
        """
        stages = self.backbone(pixel_values.to(_dtype(self.backbone))).feature_maps
        features, fine = self.neck(stages)
        dense = self.dense(self.tower(features)).permute(0, 2, 3, 1).float()
        mask = self.mask(fine).permute(0, 2, 3, 1).float()
        looks = self.look(features)
        return HandeyeOutput(
            heat=dense[..., 0],
            held=dense[..., 1],
            boxes=_decode(dense[..., 2:], STRIDE),
            embeddings=F.normalize(self.embed(looks).permute(0, 2, 3, 1).float(), dim=-1),
            mask_logits=mask[..., 0],
            mask_boxes=_decode(mask[..., 1:], MASK_STRIDE),
            names=self.names(looks).permute(0, 2, 3, 1).float(),
        )

    def see_in(self, dtype: torch.dtype) -> None:
        """Let all that looks at images compute in a dtype; the text tower keeps its own."""
        for name, part in self.named_children():
            if not name.startswith("text"):
                part.to(dtype)

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[P, L] token ids -> [P, E] unit vectors of phrases."""
        hidden = self.text(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask[..., None].to(hidden.dtype)
        pooled = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1.0)
        return F.normalize(self.text_projection(pooled), dim=-1)

    def match(self, embeddings: Tensor, phrases: Tensor) -> Tensor:
        """Logits [..., P] of "this phrase is true of what is here".

        Args:
            embeddings: [..., E] of locations.
            phrases: [P, E].
        """
        return embeddings @ phrases.T * self.logit_scale.exp() + self.logit_bias


def cell_centers(height: int, width: int, stride: int, device: torch.device) -> Tensor:
    """[height, width, 2] (x, y) centres of a grid's cells, pixels."""
    y, x = torch.meshgrid(
        torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij"
    )
    return (torch.stack([x, y], dim=-1) + 0.5) * stride


def _decode(distances: Tensor, stride: int) -> Tensor:
    """Log distances to the four sides [B, h, w, 4], in units of 8 pixels, to corners."""
    centers = cell_centers(distances.shape[1], distances.shape[2], stride, distances.device)
    sides = distances.clamp(-4.0, 4.0).exp() * STRIDE
    return torch.cat([centers - sides[..., :2], centers + sides[..., 2:]], dim=-1)


AutoConfig.register("handeye", HandeyeConfig)
AutoModel.register(HandeyeConfig, HandeyeModel)
