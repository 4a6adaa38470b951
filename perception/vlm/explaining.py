"""Heat maps of what a transformer looked at: attention, weighted by how the score hangs on it.

The method is that of Chefer, Gur and Wolf, "Generic Attention-model Explainability for
Interpreting Bi-Modal and Encoder-Decoder Transformers" (2021); for convolutional towers it is
Grad-CAM (Selvaraju et al. 2017).
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from .verbs import HeatMap

if TYPE_CHECKING:
    from torch import Tensor

_LOCKS: "WeakKeyDictionary[Any, threading.Lock]" = WeakKeyDictionary()
_NEW = threading.Lock()


def _lock_of(model: Any) -> threading.Lock:
    with _NEW:
        return _LOCKS.setdefault(model, threading.Lock())


@contextmanager
def attending(model: Any) -> Iterator[None]:
    """Gradients on, and attention computed in a way that can be looked at, for a while.

    One thread at a time: how attention is computed is a setting of the whole model.
    """
    with _lock_of(model), _eager(model):
        yield


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    import torch

    before = getattr(model.config, "_attn_implementation", None)
    switched = before not in (None, "eager")
    if switched:
        model.set_attn_implementation("eager")
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        if switched:
            model.set_attn_implementation(before)


def relevance(
    score: "Tensor",
    own: "Sequence[Tensor]",
    *,
    cross: "Sequence[Tensor]" = (),
    last: "Tensor | None" = None,
) -> "Tensor":
    """[N] how much a score hangs on each of N image tokens.

    Args:
        score: scalar.
        own: attention of the tokens among themselves, [1, heads, N, N] of each layer.
        cross: attention of words to the tokens, [1, heads, T, N] of each layer.
        last: [1, N, D] the tokens after the last layer, where no words attend to them.
    """
    import torch

    wanted = [*own, *cross, *([last] if last is not None else [])]
    gradients = torch.autograd.grad(score, wanted, allow_unused=True)

    def weighted(k: int) -> "Tensor":
        gradient = gradients[k]
        if gradient is None:
            return torch.zeros_like(wanted[k][0].float().mean(dim=0))
        return (gradient * wanted[k]).float().clamp(min=0).mean(dim=1)[0]

    count = wanted[0].shape[-1] if own or cross else 0
    passed = torch.eye(count, device=score.device)
    for k in range(len(own)):
        passed = passed + weighted(k) @ passed
    if last is None:
        asked = torch.stack([weighted(len(own) + k).sum(dim=0) for k in range(len(cross))]).sum(0)
    else:
        share = (gradients[-1] * last).float().sum(dim=-1)[0]
        asked = share.clamp(min=0) if bool((share > 0).any()) else share.abs()
    return (asked @ passed).detach()


def channel_relevance(score: "Tensor", features: "Tensor") -> "Tensor":
    """[h, w] how much a score hangs on each cell of a feature map [1, C, h, w]."""
    import torch

    (gradient,) = torch.autograd.grad(score, [features])
    weights = gradient.float().mean(dim=(2, 3), keepdim=True)
    return (weights * features.float()).sum(dim=1)[0].clamp(min=0).detach()


def as_grid(tokens: "Tensor", pixels: "tuple[int, int]", patch: int) -> "Tensor":
    """[h, w] of tokens [N] that begin with those of no place (such as a class token)."""
    h, w = pixels[0] // patch, pixels[1] // patch
    return tokens[len(tokens) - h * w :].reshape(h, w)


def over_frame(cells: "Tensor", shape: tuple[int, int], images: Any) -> HeatMap:
    """Spread a grid over the frame that it is of; the highest value becomes 1, the lowest 0.

    Args:
        cells: [h, w].
        shape: (H, W) of the frame, pixels.
        images: the image processor: what it cropped away stays 0.
    """
    import cv2

    values = cells.cpu().numpy().astype(np.float32)
    values -= values.min()
    if values.max() > 0:
        values /= values.max()
    x0, y0, x1, y1 = _seen(images, shape)
    heat = np.zeros(shape, np.float32)
    heat[y0:y1, x0:x1] = cv2.resize(values, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    return heat


def _seen(images: Any, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """(x0, y0, x1, y1) of the part of the frame that a processor's centre crop leaves."""
    height, width = shape
    size, crop = getattr(images, "size", None) or {}, getattr(images, "crop_size", None) or {}
    # Sizes are of a type of their own, that tells what it has but has no `get`.
    edge = size["shortest_edge"] if "shortest_edge" in size else None  # noqa: SIM401
    if not getattr(images, "do_center_crop", False) or not edge or "height" not in crop:
        return 0, 0, width, height
    scale = edge / min(height, width)
    w, h = min(width, round(crop["width"] / scale)), min(height, round(crop["height"] / scale))
    x0, y0 = (width - w) // 2, (height - h) // 2
    return x0, y0, x0 + w, y0 + h
