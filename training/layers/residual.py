"""Residual blocks."""

from __future__ import annotations

import torch.nn as nn
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from training.layers.norm import InstanceNorm


class DilatedResidualBlock(nn.Module):
    """Two 3x3 convolutions, the first dilated, and the input added; no activation after the sum (LaFIn, Table 8).

    [B,C,H,W] -> [B,C,H,W]. Instance norm without affine parameters.
    """

    def __init__(self, channels: int, dilation: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(dilation),
            nn.Conv2d(channels, channels, 3, dilation=dilation),
            InstanceNorm(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class PreactivatedResidualBlock(nn.Module):
    """LeakyReLU before each of two 3x3 convolutions, a 1x1 bypass, no norm.

    [B,channels_in,H,W] -> [B,channels_out,H,W]. With `spectral` every convolution carries spectral norm.
    """

    def __init__(self, channels_in: int, channels_out: int, *, spectral: bool, slope: float = 0.01) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.bypass = nn.Conv2d(channels_in, channels_out, 1)
        self.activation = nn.LeakyReLU(slope)
        if spectral:
            for convolution in (self.first, self.second, self.bypass):
                spectral_norm(convolution)

    def forward(self, x: Tensor) -> Tensor:
        return self.bypass(x) + self.second(self.activation(self.first(self.activation(x))))
