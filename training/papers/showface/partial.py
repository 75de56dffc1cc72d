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

    shares: Tensor

    def __init__(self, channels: tuple[int, ...], channels_out: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.size = size
        self.stride = stride
        self.padding = size // 2
        self.window = float(size * size * sum(channels))
        self.weight = nn.Parameter(torch.empty(channels_out, sum(channels), size, size))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        # Each group's share of the window's values.
        shares = torch.tensor([count / sum(channels) for count in channels]).view(1, -1, 1, 1)
        self.register_buffer("shares", shares, persistent=False)
        nn.init.kaiming_normal_(self.weight, a=0.2)

    def forward(self, x: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        groups = x.split(self.channels, dim=1)
        shown = torch.cat([part * valid[:, place : place + 1].to(x.dtype) for place, part in enumerate(groups)], dim=1)
        found = F.conv2d(shown, self.weight, None, self.stride, self.padding)
        seen = F.avg_pool2d(valid.float(), self.size, self.stride, self.padding)  # outside of the frame counts as 0
        values = self.window * (seen * self.shares).sum(dim=1, keepdim=True)
        filled = (values > 0.5).to(found.dtype)
        ratio = (self.window / (values + 1e-8)).to(found.dtype) * filled
        return found * ratio + self.bias.view(1, -1, 1, 1).to(found.dtype) * filled, filled
