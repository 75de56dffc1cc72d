"""The iterative attention of coherent semantic attention (Liu et al. 2019), as far as its time depends on it.

Missing positions are filled one after another: each takes the known position that is most like it, mixed with what the
one before it became, by how much it is like both.
"""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor

SMALLEST_NORM = 1e-8


class CoherentAttention(nn.Module):
    """x [B,C,h,w], missing [B,1,h,w] -> [B,C,h,w], picture by picture, then a 1x1 convolution as in the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, missing: Tensor) -> Tensor:
        merged: Tensor = self.merge(torch.stack([filled(one, hole) for one, hole in zip(x, missing, strict=True)]))
        return merged


def filled(x: Tensor, missing: Tensor) -> Tensor:
    """x [C,h,w], missing [1,h,w] -> [C,h,w]."""
    flat, hole = x.flatten(1).T, missing.flatten() > 0
    known, places = flat[~hole], hole.nonzero()[:, 0].tolist()
    likeness, nearest = (unit(flat[hole]) @ unit(known).T).max(dim=1)
    painted, before = flat.clone(), None
    for number, place in enumerate(places):
        best = known[nearest[number]]
        if before is not None:
            beside = (unit(flat[place]) * unit(before)).sum().clamp(min=0)
            share = beside / (beside + likeness[number].clamp(min=0) + SMALLEST_NORM)
            best = share * before + (1 - share) * best
        painted[place] = before = best
    return painted.T.reshape(x.shape)


def unit(x: Tensor) -> Tensor:
    return x / x.norm(dim=-1, keepdim=True).clamp(min=SMALLEST_NORM)
