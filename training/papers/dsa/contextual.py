"""Contextual attention (Yu et al. 2018), which Table 3 puts in the place of dual spatial attention.

Patches of the background are what the foreground is compared with and what it is pasted from; both maps are halved for
the comparison, and neighbours speak for each other ("fusion").
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import softmax

RATE = 2  # patches are compared at half the size, and pasted twice as large
PATCH = 3  # positions of a compared patch's side
SHARPNESS = 10.0  # of the softmax
SMALLEST_NORM = 1e-4


class ContextualAttention(nn.Module):
    """x [B,C,h,w] with h and w even; missing [B,1,h,w] -> x plus alpha times what is pasted into the hole, merged.

    alpha starts at 0 and the merging convolution as in dual spatial attention, so that both begin alike.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1))
        self.merge = nn.Conv2d(channels, channels, 1)
        with torch.no_grad():
            self.merge.weight.copy_(torch.eye(channels)[:, :, None, None])
            assert self.merge.bias is not None
            self.merge.bias.zero_()

    def forward(self, x: Tensor, missing: Tensor) -> Tensor:
        hole = (missing > 0).to(x.dtype)
        pasted = torch.cat([paste(x[i : i + 1], hole[i : i + 1]) for i in range(len(x))])  # kernels differ per picture
        merged: Tensor = self.merge(x + self.alpha * hole * pasted)
        return merged


def paste(
    x: Tensor,
    hole: Tensor,
    rate: int = RATE,  # constants as defaults: a script sees no others
    patch: int = PATCH,
    sharpness: float = SHARPNESS,
    smallest_norm: float = SMALLEST_NORM,
) -> Tensor:
    """What patches of one picture's background make of every position: [1,C,h,w], hole [1,1,h,w] -> [1,C,h,w]."""
    small, kept = x[:, :, ::rate, ::rate], patches(hole[:, :, ::rate, ::rate], patch, 1, patch // 2).amax(dim=1) == 0
    height, width = small.shape[2], small.shape[3]
    kernels = patches(small, patch, 1, patch // 2)[0].t().reshape(-1, x.shape[1], patch, patch)
    kernels = kernels / kernels.flatten(1).norm(2.0, dim=1).clamp(min=smallest_norm)[:, None, None, None]
    scores = F.conv2d(small, kernels, padding=patch // 2)[0].flatten(1).t()  # [foreground, background]
    scores = fused(scores, height, width) * kept
    weights = softmax(scores * sharpness) * kept
    large = patches(x, 2 * rate, rate, rate // 2)[0].t().reshape(-1, x.shape[1], 2 * rate, 2 * rate)
    spread = weights.t().reshape(1, -1, height, width)
    return F.conv_transpose2d(spread, large, stride=rate, padding=rate // 2) / (rate * rate)


def patches(x: Tensor, side: int, stride: int, padding: int) -> Tensor:
    """[1,C,h,w] -> [1,C*side*side,number]."""
    return F.unfold(x, side, stride=stride, padding=padding)


def fused(scores: Tensor, height: int, width: int) -> Tensor:
    """Scores [P,P], each with those of pairs one step along a row and along a column."""
    for first, second in ((height, width), (width, height)):
        summed = scores.clone()
        summed[1:, 1:] += scores[:-1, :-1]
        summed[:-1, :-1] += scores[1:, 1:]
        scores = summed.reshape(first, second, first, second).permute(1, 0, 3, 2).reshape(scores.shape)
    return scores
