"""Partial convolution (Liu et al. 2018): it sees valid pixels alone, and says which places it could fill."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class PartialConvolution(nn.Module):
    """Maps side by side, each with its valid map, to one map and its valid map (Liu et al., Eq. 1 and 2).

    x [B,sum of channels,H,W], valid [B,maps,H,W] in {0,1}, one for each group of `channels` -> [B,C,h,w] and
    [B,1,h,w]. What lies outside the frame counts as missing. The bias comes after the re-normalisation; where the
    window holds no valid value, the result is 0.
    """

    def __init__(self, channels: tuple[int, ...], channels_out: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(sum(channels), channels_out, size, stride, size // 2)
        self.size, self.stride, self.padding = size, stride, size // 2
        self.channels = channels
        self.window = float(size * size * sum(channels))
        self.values = [float(size * size * count) for count in channels]  # in a window, of each group
        assert self.convolution.bias is not None
        nn.init.kaiming_normal_(self.convolution.weight, a=0.2)
        nn.init.zeros_(self.convolution.bias)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        groups = x.split(self.channels, dim=1)
        shown = torch.cat([part * valid[:, place : place + 1].to(x.dtype) for place, part in enumerate(groups)], dim=1)
        found = F.conv2d(shown, self.convolution.weight, None, self.stride, self.padding)
        seen = F.avg_pool2d(valid.float(), self.size, self.stride, self.padding)  # outside of the frame counts as 0
        values = torch.zeros_like(seen[:, :1])
        for place, most in enumerate(self.values):
            values = values + most * seen[:, place : place + 1]
        filled = (values > 0.5).to(found.dtype)
        ratio = (self.window / (values + 1e-8)).to(found.dtype) * filled
        bias = self.convolution.bias
        assert bias is not None
        return found * ratio + bias.view(1, -1, 1, 1).to(found.dtype) * filled, filled
