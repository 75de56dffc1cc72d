"""Learnable attention maps of LBAM (the paper's [31]): what a hole makes of features, learnt from the hole alone.

The mask that the maps begin with is 1 = valid, three times; the reverse branch begins with 1 - mask, which is the hole.
"""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor

MASK_POWER = 0.8  # of the mask update
# First values and bounds of g_A's four numbers.
FORWARD = (1.1, 2.0, 1.0, 1.0)
REVERSE = (1.1, 1.0, 0.5, 0.5)
BOUNDS = {"a": (1.01, 6.0), "mu": (0.1, 3.0), "sigma1": (0.5, 2.0), "sigma2": (0.5, 2.0)}
BILINEAR = (0.125, 0.375, 0.375, 0.125)  # of a halving over four pixels
LOWEST_EXPONENT = -60.0  # below it the exponential would come near to denormal numbers
FULL_RESPONSE = 2.0  # of the first kernels where nothing is missing: there g_A of the forward branch is largest


class AsymmetricGaussian(nn.Module):
    """g_A: a * exp(-s1 (x - mu)^2) below mu, 1 + (a - 1) * exp(-s2 (x - mu)^2) from mu on. Any shape.

    The four numbers are learnt; `constrain` keeps them within BOUNDS.
    """

    def __init__(self, a: float, mu: float, sigma1: float, sigma2: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))
        self.mu = nn.Parameter(torch.tensor(mu))
        self.sigma1 = nn.Parameter(torch.tensor(sigma1))
        self.sigma2 = nn.Parameter(torch.tensor(sigma2))
        self.lowest = LOWEST_EXPONENT

    def forward(self, x: Tensor) -> Tensor:
        squared = (x - self.mu) * (x - self.mu)
        rising = self.a * torch.exp((-self.sigma1 * squared).clamp(min=self.lowest))
        falling = 1 + (self.a - 1) * torch.exp((-self.sigma2 * squared).clamp(min=self.lowest))
        return torch.where(x < self.mu, rising, falling)

    @torch.no_grad()
    def constrain(self) -> None:
        """Into the bounds: when weights are loaded, and after every update."""
        for name, (low, high) in BOUNDS.items():
            getattr(self, name).clamp_(low, high)


class MaskLevel(nn.Module):
    """One halving of a branch: mask [B,M,H,W] -> attention map and next mask, each [B,channels,H/2,W/2]."""

    def __init__(self, channels_in: int, channels: int, first: tuple[float, float, float, float]) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels, 4, stride=2, padding=1, bias=False)
        self.gaussian = AsymmetricGaussian(*first)
        self.power = MASK_POWER

    def forward(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        response = self.convolution(mask)
        return self.gaussian(response), torch.relu(response).pow(self.power)

    @torch.no_grad()
    def start(self, whole: float) -> None:
        """First kernel: positive; where the mask is `whole` the response is FULL_RESPONSE, where it is empty 0.

        The middle weighs most, as in bilinear shrinking: near the border the rest sees nothing.
        """
        weight = self.convolution.weight
        bell = torch.outer(torch.tensor(BILINEAR), torch.tensor(BILINEAR))
        weight.uniform_(0.5, 1.5).mul_(bell * (FULL_RESPONSE / whole / weight.shape[1]))


class MaskBranch(nn.Module):
    """One branch: mask [B,3,H,W] -> an attention map for each level, [B,channels,H/2^level,W/2^level]."""

    def __init__(self, channels: tuple[int, ...], first: tuple[float, float, float, float]) -> None:
        super().__init__()
        pairs = zip((3, *channels[:-1]), channels, strict=True)
        self.levels = nn.ModuleList(MaskLevel(i, o, first) for i, o in pairs)
        whole = 1.0
        for level in self.levels:
            assert isinstance(level, MaskLevel)
            level.start(whole)
            whole = FULL_RESPONSE**MASK_POWER

    def forward(self, mask: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for level in self.levels:
            found, mask = level(mask)
            maps.append(found)
        return maps
