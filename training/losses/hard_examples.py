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
    """Mean cross entropy over the pixels whose true class has less than `easy_probability`.

    If these are fewer than `least_share` of all pixels that are not ignored, the mean over that share of them with the
    largest losses. `class_weights` [classes] multiply the losses of the chosen pixels; they do not choose.
    logits [B,classes,H,W], target [B,H,W] int64 -> scalar; 0 when every pixel is ignored.
    """
    assert logits.shape[:1] + logits.shape[2:] == target.shape, (logits.shape, target.shape)
    every = F.cross_entropy(logits.float(), target, ignore_index=ignore, reduction="none")
    known = target != ignore
    losses, classes = every[known], target[known]
    if losses.numel() == 0:
        return every.sum()
    chosen = (losses.detach() > -math.log(easy_probability)).nonzero()[:, 0]
    least = max(1, int(least_share * losses.numel()))
    if len(chosen) < least:
        chosen = torch.topk(losses.detach(), least).indices
    weights = 1.0 if class_weights is None else class_weights[classes[chosen]]
    return (losses[chosen] * weights).mean()
