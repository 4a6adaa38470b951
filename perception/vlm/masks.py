"""Masks: SAM 2 behind anything that finds boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ModelError
from ..frame import Frame, Mask
from .checkpoints import Parts
from .sound import no_coroutine, sound_mask
from .verbs import Box, Detection, Masks

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, on which all of SAM 2's checkpoints were trained."""


@dataclass(frozen=True, eq=False)
class Segmenter:
    """Draws the mask of what is in a box, with SAM 2 (Ravi et al. 2024).

    Its processor in transformers needs torchvision; what it does to an image and to boxes is
    little, and done here.

    Attributes:
        parts: the checkpoint, without a processor.
    """

    parts: Parts
    verbs = ("masks",)

    def masks(self, frame: Frame, boxes: Sequence[Box]) -> list[Mask]:
        """[H, W] bool for each box, (x0, y0, x1, y1) pixels."""
        if not boxes:
            return []
        import torch

        height, width = frame.rgb.shape[:2]
        side: Any = self.parts.model.config.prompt_encoder_config.image_size
        side = side if isinstance(side, int) else side[0]
        scaled = np.array(boxes, np.float32) * side / np.array([width, height] * 2, np.float32)
        inputs = {
            "pixel_values": torch.from_numpy(_normalized(frame.rgb, side))[None],
            "input_boxes": torch.from_numpy(scaled)[None],
        }
        dtype = self.parts.model.dtype
        placed = {key: value.to(self.parts.device, dtype) for key, value in inputs.items()}
        with torch.inference_mode():
            logits = self.parts.model(**placed, multimask_output=False).pred_masks[0].float()
            full = torch.nn.functional.interpolate(
                logits, (height, width), mode="bilinear", align_corners=False
            )
        return list((full[:, 0] > 0).cpu().numpy())


def with_masks(frame: Frame, found: Sequence[Detection], segmenter: Masks) -> list[Detection]:
    """Detections with a mask each; those that have one keep it.

    Raises:
        ModelError: the segmenter did not draw as many masks as it was given boxes, or what it drew
            are no masks of the frame.
    """
    bare = [detection.box for detection in found if detection.mask is None]
    name = f"{type(segmenter).__name__}.masks"
    masks = no_coroutine(segmenter.masks(frame, bare), name) if bare else []
    if len(masks) != len(bare):
        raise ModelError(f"{name} gave {len(masks)} masks for {len(bare)} boxes", passing=False)
    drawn = iter([sound_mask(mask, name, frame) for mask in masks])
    return [d if d.mask is not None else replace(d, mask=next(drawn)) for d in found]


def _normalized(rgb: Any, side: int) -> Any:
    """[3, side, side] float32: the whole image, stretched to a square."""
    import cv2

    square = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_LINEAR)
    mean, std = np.array(_MEAN, np.float32), np.array(_STD, np.float32)
    scaled = (np.asarray(square, np.float32) / 255 - mean) / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1))
