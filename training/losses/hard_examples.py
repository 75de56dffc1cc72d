"""Cross entropy on hard pixels: online hard example mining (Shrivastava et al. 2016) as face parsers use it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def hard_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    ignore: int = 255,
    easy_probability: float = 0.7,
    least_share: float = 1 / 16,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Mean cross entropy over the pixels whose true class has less than `easy_probability`; mean over the pictures.

    If these are fewer than `least_share` of a picture's pixels that are not ignored, the mean over that share of them
    with the largest losses. Each picture is mined by itself, so the loss of a batch does not depend on how processes
    share it. `class_weights` [classes] multiply the losses of the chosen pixels; they do not choose.
    logits [B,classes,H,W], target [B,H,W] int64 -> scalar; a picture of ignored pixels counts as 0.
    """
    assert logits.shape[:1] + logits.shape[2:] == target.shape, (logits.shape, target.shape)
    every = F.cross_entropy(logits.float(), target, ignore_index=ignore, reduction="none")
    known = target != ignore
    means = []
    for losses, classes in ((every[place][known[place]], target[place][known[place]]) for place in range(len(every))):
        chosen = hard_pixels(losses.detach(), -math.log(easy_probability), least_share)
        weights = 1.0 if class_weights is None else class_weights[classes[chosen]]
        means.append((losses[chosen] * weights).sum() / max(1, len(chosen)))
    return torch.stack(means).mean()


def hard_pixels(losses: Tensor, least_loss: float, least_share: float) -> Tensor:
    """Which of the losses [N] are above `least_loss`, or the largest ones if these are too few."""
    chosen = (losses > least_loss).nonzero()[:, 0]
    least = min(len(losses), max(1, int(least_share * len(losses))))
    return chosen if len(chosen) >= least else torch.topk(losses, least).indices
