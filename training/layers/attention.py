"""Attention over the positions of a feature map."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor

from training.layers.denormals import softmax
from training.layers.residual import PreactivatedResidualBlock


class PositionAttention(nn.Module):
    """Attention weights between all positions, from one 1x1 convolution that is query and key at once.

    [B,C,H,W] -> [B,HW,HW]; rows sum to 1. The energy is not divided by the root of the width.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        query = positions(self.query(x))
        return softmax(query @ query.transpose(1, 2))


def positions(x: Tensor) -> Tensor:
    """[B,C,H,W] -> [B,HW,C]; of a map in channels-last it is a view."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def attend(x: Tensor, weights: Tensor) -> Tensor:
    """Read `x` [B,C,H,W] at every position with `weights` [B,HW,HW] -> [B,C,H,W], in channels-last."""
    read = weights @ positions(x)
    return read.unflatten(1, (x.shape[2], x.shape[3])).permute(0, 3, 1, 2)


class SelfAttention(nn.Module):
    """gamma * attended + x, gamma starting at 0 (the short-term half alone; LaFIn's discriminator, Table 7)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = PositionAttention(channels)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gamma * attend(x, self.attention(x))


class LongShortAttention(nn.Module):
    """Connects a late feature map with an earlier one through the late one's attention (LaFIn, section 2.2).

    x, earlier [B,C,h,w]; hole [B,1,h,w] in [0,1] -> [B,C,h,w].
    """

    def __init__(self, channels: int, *, spectral: bool) -> None:
        super().__init__()
        self.attention = PositionAttention(channels)
        self.gamma = nn.Parameter(torch.zeros(1))
        self.alpha = nn.Parameter(torch.zeros(1))
        self.merge = PreactivatedResidualBlock(2 * channels, channels, spectral=spectral)

    def forward(self, x: Tensor, earlier: Tensor, hole: Tensor) -> Tensor:
        # Both maps side by side, so that the weights, by far the largest tensor here, are read once.
        short, long = attend(torch.cat((x, earlier), dim=1), self.attention(x)).chunk(2, dim=1)
        # The maps that came stand first in each sum: it takes their layout.
        short = x + self.gamma * short
        long = (1 - hole) * earlier + self.alpha * hole * long
        return self.merge(torch.cat((short, long), dim=1))
