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
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, BertModel, PreTrainedModel, ResNetBackbone

from .closer_looks import GAZE_SIZE, Glimpse, PairGlimpse, PairRelief, Relief, block, dtype_of
from .configuration_handeye import HandeyeConfig
from .dense_relief import DenseRelief, GlimpseRelief

STRIDE = 8
MASK_STRIDE = 4


@dataclass(frozen=True, eq=False)
class Placed:
    """Where the model says that objects are, float32; h = H / 8, w = W / 8.

    Attributes:
        heat: [B, h, w] logits of "an object is centred here".
        held: [B, h, w] logits of "the gripper holds the object that is here".
        boxes: [B, h, w, 4] (x0, y0, x1, y1), pixels.
        mask_logits: [B, 2h, 2w] logits of "this pixel is of an object".
        mask_boxes: [B, 2h, 2w, 4] box of the object that the pixel is of, pixels.
    """

    heat: Tensor
    held: Tensor
    boxes: Tensor
    mask_logits: Tensor
    mask_boxes: Tensor

    @classmethod
    def of(cls, cells: Tensor, tiles: Tensor) -> "Placed":
        """From what is told of cells [B, 6, h, w] and tiles [B, 5, 2h, 2w]."""
        cells, tiles = (told.permute(0, 2, 3, 1).float() for told in (cells, tiles))
        return cls(
            heat=cells[..., 0],
            held=cells[..., 1],
            boxes=_decode(cells[..., 2:], STRIDE),
            mask_logits=tiles[..., 0],
            mask_boxes=_decode(tiles[..., 1:], MASK_STRIDE),
        )


@dataclass(frozen=True, eq=False)
class HandeyeOutput(Placed):
    """What the model says about images, float32; see `Placed`.

    Attributes:
        embeddings: [B, h, w, E] unit vectors, comparable with those of phrases.
        names: [B, h, w, C + D] logits of the configured categories, then colours.
        shapes: [B, 33, 2h, 2w] what a glimpse relief sees, see `Added`; None without depth.
    """

    embeddings: Tensor
    names: Tensor
    shapes: Tensor | None


class Neck(nn.Module):
    """Fuses four stages into features at strides 8 and 4, coarse context added to fine detail."""

    def __init__(self, hidden_sizes: list[int], dim: int, mask_dim: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(size, dim, 1) for size in hidden_sizes[1:])
        self.smooth = block(dim, dim)
        self.fine = nn.Conv2d(hidden_sizes[0], mask_dim, 1)
        self.coarse = nn.Conv2d(dim, mask_dim, 1)
        self.smooth_fine = block(mask_dim, mask_dim)

    def forward(self, stages: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Returns features at stride 8 [B, dim, h, w] and stride 4 [B, mask_dim, 2h, 2w]."""
        fused = self.lateral[2](stages[3])
        for lateral, stage in ((self.lateral[1], stages[2]), (self.lateral[0], stages[1])):
            fused = lateral(stage) + F.interpolate(fused, size=stage.shape[-2:], mode="nearest")
        features = self.smooth(fused)
        up = F.interpolate(self.coarse(features), size=stages[0].shape[-2:], mode="nearest")
        return features, self.smooth_fine(self.fine(stages[0]) + up)


class HandeyeModel(PreTrainedModel):
    """Images and phrases in one space; see the module's docstring."""

    config_class = HandeyeConfig
    base_model_prefix = "handeye"
    main_input_name = "pixel_values"

    def __init__(self, config: HandeyeConfig) -> None:
        super().__init__(config)
        self.backbone = ResNetBackbone(config.backbone_config())
        self.neck = Neck(config.backbone["hidden_sizes"], config.neck_dim, config.mask_dim)
        self.tower = block(config.neck_dim, config.neck_dim)
        self.dense = nn.Conv2d(config.neck_dim, 6, 1)
        self.look = block(config.neck_dim, config.neck_dim)
        self.embed = nn.Conv2d(config.neck_dim, config.embed_dim, 1)
        # Names directly from the features: the text tower's words start out alike, and alone
        # they would teach the features slowly to tell them apart.
        named = len(config.categories) + len(config.colors)
        self.names = nn.Conv2d(config.neck_dim, max(named, 1), 1)
        self.mask = nn.Conv2d(config.mask_dim, 5, 1)
        self.dense_relief = (
            DenseRelief(config.neck_dim, config.mask_dim, 6, 5) if config.sees_depth else None
        )
        self.glimpse = Glimpse(max(named, 1))
        self.glimpse_relief = GlimpseRelief() if config.sees_depth else None
        self.gaze = Glimpse(
            max(named, 1),
            GAZE_SIZE,
            deeper=config.gaze_depth,
            surroundings=config.gaze_surroundings,
        )
        self.relief = Relief(max(named, 1)) if config.sees_depth else None
        self.pair_glimpse = PairGlimpse()
        self.pair_relief = PairRelief() if config.sees_depth else None
        self.text = BertModel(config.text_config(), add_pooling_layer=False)
        self.text_projection = nn.Linear(config.text["hidden_size"], config.embed_dim)
        self.logit_scale = nn.Parameter(torch.tensor(2.3))
        self.logit_bias = nn.Parameter(torch.tensor(-4.0))
        self.post_init()  # type: ignore[no-untyped-call]
        nn.init.constant_(cast(Tensor, self.dense.bias)[:2], -3.0)
        if self.gaze.surroundings is not None:
            nn.init.zeros_(self.gaze.surroundings.mix.weight)
        for relief in (self.dense_relief, self.glimpse_relief, self.relief, self.pair_relief):
            if relief is not None:
                relief.begin()

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

    def forward(
        self,
        pixel_values: Tensor,
        depth: Tensor | None = None,
        focal_px: Tensor | None = None,
        **_: Any,
    ) -> HandeyeOutput:
        """Look at images.

        Args:
            pixel_values: [B, 3, H, W] float, normalised; H and W divisible by 32.
            depth: [B, 1, H, W] float32 metres, 0 where nothing was read; None without a depth
                camera.
            focal_px: [B, 2] focal lengths across and down, pixels; with depth.
        """
        features, fine = self.features(pixel_values)
        cells, tiles = self.told(features, fine)
        shapes = None
        if self.dense_relief is not None and depth is not None and focal_px is not None:
            added = self.dense_relief(features, fine, depth, focal_px)
            cells, tiles, shapes = cells + added.cells, tiles + added.tiles, added.seen.float()
        looks = self.look(features)
        return HandeyeOutput(
            **vars(Placed.of(cells, tiles)),
            embeddings=F.normalize(self.embed(looks).permute(0, 2, 3, 1).float(), dim=-1),
            names=self.names(looks).permute(0, 2, 3, 1).float(),
            shapes=shapes,
        )

    def features(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, neck_dim, h, w] and, at stride 4, [B, mask_dim, 2h, 2w]."""
        stages = self.backbone(pixel_values.to(dtype_of(self.backbone))).feature_maps
        seen: tuple[Tensor, Tensor] = self.neck(stages)
        return seen

    def told(self, features: Tensor, fine: Tensor) -> tuple[Tensor, Tensor]:
        """What pixels alone tell of cells [B, 6, h, w] and tiles [B, 5, 2h, 2w]."""
        return self.dense(self.tower(features)), self.mask(fine)

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
