"""The mask-region enhanced module (section 3.3): features of both regions joined, then correlated."""

from __future__ import annotations

import math

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import softmax

PATCH_CELLS = 2  # side of a patch; at 64 x 64 cells there are 1,024, and their matrix takes 4 MB a face in float32


class MaskedCorrelation(nn.Module):
    """Correlation mining inside the hole (Figure 3): fused [B,C,h,w], hole [B,1,h,w] -> [B,C,h,w].

    Two 1x1 branches make the similarity of every patch with every other, the third gives the patches that are read
    with it; what comes back is added inside the hole. The patches do not overlap, so folding them back is exact.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.side = PATCH_CELLS
        self.scale = 1 / math.sqrt(channels * PATCH_CELLS**2)

    def forward(self, fused: Tensor, hole: Tensor) -> Tensor:
        similarity = patches(self.query(fused)) @ patches(self.key(fused)).transpose(1, 2)  # [B,N,N]
        weights = softmax(similarity.float() * self.scale).to(fused.dtype)
        mined = weights @ patches(self.value(fused))
        height, width = fused.shape[2], fused.shape[3]
        folded = F.fold(mined.transpose(1, 2), (height, width), self.side, stride=self.side)
        return fused + hole.to(fused.dtype) * folded


class Unmined(nn.Module):
    """The ablation: the fused map as it is."""

    def forward(self, fused: Tensor, hole: Tensor) -> Tensor:
        return fused


def patches(x: Tensor, side: int = PATCH_CELLS) -> Tensor:
    """[B,C,h,w] -> patches as vectors [B,N,4 C]."""
    return F.unfold(x, side, stride=side).transpose(1, 2)
