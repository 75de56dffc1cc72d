"""Gated convolutions (Yu et al. 2019), and residual blocks that take their scale and shift from a map (SPADE)."""

from __future__ import annotations

import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import sigmoid
from training.layers.norm import InstanceNorm

SLOPE = 0.2


def leaky(x: Tensor, slope: float = SLOPE) -> Tensor:
    return F.leaky_relu(x, slope)


class GatedConvolution(nn.Module):
    """leaky_relu(features) * sigmoid(gate), both by one convolution. [B,C_in,H,W] -> [B,C,H/stride,W/stride]."""

    def __init__(self, channels_in: int, channels_out: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.both = nn.Conv2d(channels_in, 2 * channels_out, size, stride, size // 2)

    def forward(self, x: Tensor) -> Tensor:
        features, gate = self.both(x).chunk(2, dim=1)
        return leaky(features) * sigmoid(gate)


class GatedResidualBlock(nn.Module):
    """x + norm(gated(gated(x))). [B,C,h,w] -> [B,C,h,w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = GatedConvolution(channels, channels)
        self.second = GatedConvolution(channels, channels)
        self.norm = InstanceNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(self.first(x)))


class Spade(nn.Module):
    """norm(x) * (1 + gamma) + beta, both made from a map (Park et al. 2019). x [B,C,H,W], map [B,c,h,w] -> [B,C,H,W].

    The norm has no parameters. The map comes by nearest neighbour to x's sides.
    """

    def __init__(self, channels: int, channels_map: int, hidden: int) -> None:
        super().__init__()
        self.norm = InstanceNorm(channels)
        self.shared = nn.Conv2d(channels_map, hidden, 3, padding=1)
        self.both = nn.Conv2d(hidden, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        guide = F.interpolate(guide, size=(x.shape[2], x.shape[3]), mode="nearest")
        gamma, beta = self.both(F.relu(self.shared(guide))).chunk(2, dim=1)
        return self.norm(x) * (1 + gamma) + beta


class SpadeResidualBlock(nn.Module):
    """Two convolutions, each after SPADE and leaky ReLU; the short cut is a 1x1 convolution where the width changes."""

    def __init__(self, channels_in: int, channels_out: int, channels_map: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = Spade(channels_in, channels_map, hidden)
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm2 = Spade(channels_out, channels_map, hidden)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        same = channels_in == channels_out
        self.short = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        y = self.first(leaky(self.norm1(x, guide)))
        y = self.second(leaky(self.norm2(y, guide)))
        return self.short(x) + y
