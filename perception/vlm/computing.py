"""Computing: what a model computes in, and its normalisations worked into its convolutions."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import ModelError


def folded(model: nn.Module) -> nn.Module:
    """Work each normalisation of a convolution into its weights, in place; returns the model."""
    for module in list(model.modules()):
        for (name, conv), (after, norm) in pairwise(module.named_children()):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                setattr(module, after, nn.Identity())
    return model


def half_is_quick() -> bool:
    """Whether the processor has instructions for bfloat16."""
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def computed_in(dtype: str) -> torch.dtype:
    """The dtype of a name; raises ModelError where there is none."""
    if dtype == "auto":
        return torch.bfloat16 if half_is_quick() else torch.float32
    if dtype not in ("float32", "bfloat16"):
        raise ModelError(
            f'"{dtype}" is no dtype of the embedded VLM; accepted are auto, float32, bfloat16'
        )
    return torch.float32 if dtype == "float32" else torch.bfloat16
