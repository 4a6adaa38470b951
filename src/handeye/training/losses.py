"""The losses: where objects are, how far they reach, and which words are true of them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from handeye.perception.vlm.modeling_handeye import HandeyeModel, HandeyeOutput, Placed

from .targets import Targets


@dataclass(frozen=True)
class Prompts:
    """Token ids of the category and colour prompts, and of a batch's phrases.

    Attributes:
        input_ids, attention_mask: [C + D + P, L]; categories first, then colours, then phrases.
        categories, colors: C and D.
        truth: for each image, [p, K] float32; the phrases of all images follow each other.
    """

    input_ids: Tensor
    attention_mask: Tensor
    categories: int
    colors: int
    truth: list[Tensor]


def losses(
    model: HandeyeModel, output: HandeyeOutput, targets: list[Targets], prompts: Prompts
) -> dict[str, Tensor]:
    """Every loss by name; their sum is what is minimised."""
    device = output.heat.device
    text = model.encode_text(prompts.input_ids.to(device), prompts.attention_mask.to(device))
    found = placing(output, targets)
    return found | _words(model, output, targets, prompts, text, device)


def placing(output: Placed, targets: list[Targets]) -> dict[str, Tensor]:
    """The losses of where objects are and how far they reach, by name."""
    device = output.heat.device
    heat = torch.stack([torch.from_numpy(t.heat) for t in targets]).to(device)
    ignore = torch.stack([torch.from_numpy(t.ignore) for t in targets]).to(device)
    return {"heat": _focal(output.heat, heat, ignore)} | _dense(output, targets, device)


def _focal(logits: Tensor, target: Tensor, ignore: Tensor) -> Tensor:
    """Quality focal loss (Li et al. 2020): graded targets, weighted by how wrong one is."""
    weight = (target - logits.sigmoid()).abs().pow(2) * (~ignore)
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight
    return loss.sum() / (target > 0.9).sum().clamp(min=1)


def _dense(output: Placed, targets: list[Targets], device: torch.device) -> dict[str, Tensor]:
    owner = _offset_owner([t.owner for t in targets], targets).to(device)
    mask_owner = _offset_owner([t.mask_owner for t in targets], targets).to(device)
    boxes = torch.cat([torch.from_numpy(t.boxes) for t in targets]).to(device)
    held = torch.cat([torch.from_numpy(t.held) for t in targets]).to(device)
    at, on = owner >= 0, mask_owner >= 0
    counted = (mask_owner != -2).float()
    fine = F.binary_cross_entropy_with_logits(
        output.mask_logits,
        on.float(),
        weight=counted,
    )
    found = {"mask": 2.0 * fine}
    if at.any():
        wanted = boxes[owner[at]]
        found["box"] = 2.0 * _giou_loss(output.boxes[at], wanted)
        found["held"] = 0.5 * F.binary_cross_entropy_with_logits(
            output.held[at],
            held[owner[at]],
        )
    if on.any():
        found["mask_box"] = _giou_loss(output.mask_boxes[on], boxes[mask_owner[on]])
    return found


def _words(
    model: HandeyeModel,
    output: HandeyeOutput,
    targets: list[Targets],
    prompts: Prompts,
    text: Tensor,
    device: torch.device,
) -> dict[str, Tensor]:
    """Category and colour by cross-entropy; phrases by yes or no, each location of an object."""
    c, d = prompts.categories, prompts.colors
    owners = torch.stack([torch.from_numpy(t.owner) for t in targets]).to(device)
    at = owners >= 0
    # One gather for the whole batch: a slice per image would cost a full gradient map each.
    logits = model.match(output.embeddings[at], text)
    counts = at.flatten(1).sum(dim=1).tolist()
    rows = logits.split(counts)
    named = output.names[at].split(counts)
    category = color = phrase = torch.zeros((), device=device)
    start = c + d
    for i, (target, row) in enumerate(zip(targets, rows, strict=True)):
        truth = prompts.truth[i].to(device)
        if len(row):
            k = owners[i][at[i]]
            # Every object counts alike, however many cells it has.
            weight = 1.0 / torch.bincount(k, minlength=len(target.boxes))[k].float()
            categories = torch.from_numpy(target.categories).to(device)[k]
            colors = torch.from_numpy(target.colors).to(device)[k]
            for logit, pull in ((row, 1.0), (named[i], 1.5)):
                ce = F.cross_entropy(logit[:, :c], categories, reduction="none")
                category = category + pull * (ce * weight).sum()
                ce = F.cross_entropy(logit[:, c : c + d], colors, reduction="none")
                color = color + 0.5 * pull * (ce * weight).sum()
            ours = row[:, start : start + len(truth)]
            bce = F.binary_cross_entropy_with_logits(ours, truth.T[k], reduction="none")
            phrase = phrase + (bce.sum(dim=1) * weight).sum() / max(len(truth), 1) * 6.0
        start += len(truth)
    n = max(sum(len(target.boxes) for target in targets), 1)
    return {"category": category / n, "color": color / n, "phrase": phrase / n}


def _offset_owner(owners: list, targets: list[Targets]) -> Tensor:  # type: ignore[type-arg]
    """Stack owner maps, so that their indices point into the batch's objects."""
    stacked, start = [], 0
    for owner, target in zip(owners, targets, strict=True):
        index = torch.from_numpy(owner)
        stacked.append(torch.where(index >= 0, index + start, index))
        start += len(target.boxes)
    return torch.stack(stacked)


def _giou_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 - generalised IoU (Rezatofighi et al. 2019) of [N, 4] boxes, mean."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    overlap = (high - low).clamp(min=0).prod(dim=1)
    area = (a[:, 2:] - a[:, :2]).prod(dim=1) + (b[:, 2:] - b[:, :2]).prod(dim=1) - overlap
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1)
    iou = overlap / area.clamp(min=1e-6)
    return (1.0 - iou + (hull - area) / hull.clamp(min=1e-6)).mean()
