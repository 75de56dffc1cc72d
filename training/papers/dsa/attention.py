"""Dual spatial attention (section 3.1, Figure 3): what is missing looks at what is known, and at itself.

Foreground is what is missing, background what is known. Positions of each are gathered, so that the maps are N x N' and
N x N and not those of all positions. Faces of a batch have holes of different sizes: the gathered rows are as long as
the longest, and what fills them up has no weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.attention import positions
from training.layers.denormals import softmax

SHRINK = 8  # queries and keys have an eighth of the channels
LEAST_CHANNELS = 8  # but not fewer than these
NEVER = -1e9  # the energy of a position that is none


@dataclass(frozen=True)
class Maps:
    """What one pass says of attention: energies before the softmax, NEVER where a column is no position."""

    cross: Tensor  # [B,N,M], foreground to background
    own: Tensor  # [B,N,N], foreground to itself
    there: Tensor  # [B,N] bool, which rows are foreground
    known: Tensor  # [B,M] bool, which columns are background


class SpatialAttention(nn.Module):
    """One branch: query, key and value of its own (Eq. 1 and 3). No scale, one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(LEAST_CHANNELS, channels // SHRINK)
        self.query = nn.Linear(channels, narrow)
        self.key = nn.Linear(channels, narrow)
        self.value = nn.Linear(channels, channels)
        self.never = NEVER

    def forward(self, asking: Tensor, asked: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """asking [B,N,C], asked [B,M,C], there [B,M] bool -> what is read [B,N,C], energies [B,N,M].

        Where nobody is there, nothing is read: 0.
        """
        energy = self.query(asking) @ self.key(asked).transpose(1, 2)
        if bool(there.all()):
            return softmax(energy) @ self.value(asked), energy
        if energy.dtype == torch.float16:  # it knows no number as low as that
            energy = energy.float()
        energy = energy.masked_fill(~there.unsqueeze(1), self.never)
        weights = softmax(energy) * there.unsqueeze(1).to(energy.dtype)
        value = self.value(asked)
        return weights.to(value.dtype) @ value, energy


class DualSpatialAttention(nn.Module):
    """Y + Y' of Eq. 2 and 4, then the merging convolution: 1x1, first the half of the sum, so that X passes as it is.

    x [B,C,h,w]; missing [B,1,h,w], above 0 where anything is missing -> [B,C,h,w].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cross = SpatialAttention(channels)  # Eq. 1 and 2: foreground to background
        self.own = SpatialAttention(channels)  # Eq. 3 and 4: foreground to itself
        self.alpha = nn.Parameter(torch.zeros(1))  # Eq. 2
        self.beta = nn.Parameter(torch.zeros(1))  # Eq. 4
        self.merge = nn.Conv2d(channels, channels, 1)
        with torch.no_grad():
            self.merge.weight.copy_(torch.eye(channels)[:, :, None, None] / 2)
            assert self.merge.bias is not None
            self.merge.bias.zero_()

    def forward(self, x: Tensor, missing: Tensor) -> Tensor:
        return self.attended(x, missing)[0]

    def attended(self, x: Tensor, missing: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The refined map, and the four tensors of `Maps`."""
        flat, foreground = positions(x), missing.flatten(1) > 0
        places, there = gathered(foreground)
        known_places, known = gathered(~foreground)
        own = take(flat, places)
        cross_read, cross_energy = self.cross(own, take(flat, known_places), known)
        own_read, own_energy = self.own(own, own, there)
        read = (self.alpha * cross_read + self.beta * own_read) * there.unsqueeze(2).to(x.dtype)
        both = (2 * flat).scatter_add(1, spread(places, flat), read.to(flat.dtype))  # Pad(.); Y + Y' holds X twice
        return self.merge(as_map(both, x)), cross_energy, own_energy, there, known


def gathered(chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Places [B,N] of the chosen [B,P] bool, in their order, and which of them [B,N] are chosen; N is the most."""
    counts = chosen.sum(dim=1)
    most = int(counts.max())
    places = chosen.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :most]
    return places, torch.arange(most, device=chosen.device).unsqueeze(0) < counts.unsqueeze(1)


def take(flat: Tensor, places: Tensor) -> Tensor:
    """Rows of [B,P,C] at places [B,N] -> [B,N,C]."""
    return flat.gather(1, spread(places, flat))


def spread(places: Tensor, flat: Tensor) -> Tensor:
    """Places [B,N] for every channel of [B,P,C]."""
    return places.unsqueeze(2).expand(-1, -1, flat.shape[2])


def as_map(flat: Tensor, like: Tensor) -> Tensor:
    """[B,hw,C] -> [B,C,h,w], in channels-last."""
    return flat.unflatten(1, (like.shape[2], like.shape[3])).permute(0, 3, 1, 2)


def at_scale(hole: Tensor, height: int) -> Tensor:
    """The hole [B,1,H,W] at a feature map of `height` rows: missing as soon as one of a position's pixels is."""
    factor = hole.shape[2] // height
    return F.max_pool2d(hole, factor) if factor > 1 else hole
