"""MobileNetV2's inverted residual."""

from __future__ import annotations

import torch.nn as nn
from torch import Tensor


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depth-wise, 1x1 linear; the input is added where shapes allow (Sandler et al. 2018).

    [B,channels_in,H,W] -> [B,channels_out,H/stride,W/stride]. An expansion of 1 has no first 1x1.
    """

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.adds_input = stride == 1 and channels_in == channels_out
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(channels_in, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        if self.adds_input:
            return x + self.conv(x)
        return self.conv(x)
