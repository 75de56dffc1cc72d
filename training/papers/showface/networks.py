"""The networks of ShowFace. The paper names their kinds alone; widths and depths are ours (README).

Pictures are RGB in [0,1], holes 1 = missing. Sides are multiples of 8, and for the
coarse network of 2 to the power of its levels.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.norm import InstanceNorm
from training.papers.showface.gated import SLOPE, GatedConvolution, GatedResidualBlock, SpadeResidualBlock, leaky
from training.papers.showface.memory import Memory
from training.papers.showface.mining import MaskedCorrelation, Unmined
from training.papers.showface.partial import PartialConvolution
from training.papers.showface.regions import (
    CLASSES,
    broadcast,
    pool_regions,
    present,
    regions_of,
    shrink_hole,
    shrink_parsing,
)

FRAME_PIXELS = 256
SLOTS = 128
DECAY = 0.99  # alpha of Eq. 3, which the paper does not say
# Ablations of Table 2: all of it; fusion without mining; the style features themselves.
FULL, WITHOUT_MINING, WITHOUT_BOTH = "full", "without_mining", "without_both"


class Coarse(nn.Module):
    """U-Net of partial convolutions (Liu et al. 2018). image [B,3,H,W], hole [B,1,H,W] -> raw [B,3,H,W].

    What the hole holds is never seen. `levels` halvings, the widths 1, 2, 4, 8, 8, ... times `width`.
    """

    def __init__(self, width: int = 64, levels: int = 7) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(levels)]
        sizes = [7, 5, 5, *[3] * levels][:levels]
        befores = [3, *widths[:-1]]
        self.down = nn.ModuleList(
            PartialConvolution((before,), after, size, 2)
            for before, after, size in zip(befores, widths, sizes, strict=True)
        )
        self.up = nn.ModuleList(
            PartialConvolution((below, beside), after, 3)
            for below, beside, after in zip(widths[::-1], befores[::-1], [*widths[-2::-1], 3], strict=True)
        )
        # It begins with grey faces.
        last = self.up[-1]
        assert isinstance(last, PartialConvolution)
        assert last.convolution.bias is not None
        nn.init.normal_(last.convolution.weight, std=0.01)
        nn.init.constant_(last.convolution.bias, 0.5)
        # None at the outermost level, as published, nor at the innermost, which may be one cell.
        self.down_norms = norms([None, *widths[1:-1], None])
        self.up_norms = norms([*widths[-2::-1], None])

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        valid = 1 - hole
        x = image
        maps, valids = [x], [valid]
        for convolution, norm in zip(self.down, self.down_norms):  # noqa: B905 (TorchScript)
            x, valid = convolution(x, valid)
            x = F.relu(norm(x))
            maps.append(x)
            valids.append(valid)
        place = len(maps) - 2
        for convolution, norm in zip(self.up, self.up_norms):  # noqa: B905 (TorchScript)
            x = torch.cat((grow(x), maps[place]), dim=1)
            x, valid = convolution(x, torch.cat((grow(valid), valids[place]), dim=1))
            x = norm(x)
            if place > 0:
                x = leaky(x)
            place -= 1
        return x


class StyleEncoder(nn.Module):
    """Coarse face [B,3,H,W] -> style features F_s [B,channels,H/4,W/4] in [-1,1]."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolved(3, width, 7, 1), *convolved(width, 2 * width, 3, 2), *convolved(2 * width, 4 * width, 3, 2)
        )
        self.last = nn.Conv2d(4 * width, channels, 3, padding=1)

    def forward(self, face: Tensor) -> Tensor:
        return self.last(self.layers(face)).tanh()


class GuidedRefinement(nn.Module):
    """face [B,3,H,W], hole [B,1,H,W], guide F_f [B,c,H/4,W/4] -> what is to be added to the face, [B,3,H,W].

    Gated convolutions and gated residual blocks see the face (section 3.4), SPADE residual blocks bring the guide in.
    """

    def __init__(self, width: int, channels: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            GatedConvolution(4, width, 5),
            GatedConvolution(width, 2 * width, stride=2),
            GatedConvolution(2 * width, 4 * width, stride=2),
            *(GatedResidualBlock(4 * width) for _ in range(blocks)),
        )
        self.deep = nn.ModuleList(SpadeResidualBlock(4 * width, 4 * width, channels, hidden) for _ in range(blocks))
        self.middle = SpadeResidualBlock(4 * width, 2 * width, channels, hidden)
        self.outer = GatedConvolution(2 * width, width)
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)  # it begins with the coarse face
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, face: Tensor, hole: Tensor, guide: Tensor) -> Tensor:
        x = self.encoder(torch.cat((face, hole), dim=1))
        for block in self.deep:
            x = block(x, guide)
        x = self.middle(grow(x), guide)
        return self.last(self.outer(grow(x)))


class Refiner(nn.Module):
    """coarse face P [B,3,H,W], hole [B,1,H,W], its parsing map S [B,H,W] class ids -> raw [B,3,H,W].

    P is the coarse network's picture in the hole and the picture itself outside. raw = P + tanh(what is refined): no
    pixel moves by more than 1, for the style loss of one that flies away drowns all others.
    """

    def __init__(
        self,
        width: int = 64,
        channels: int = 256,
        hidden: int = 128,
        blocks: int = 4,
        *,
        slots: int = SLOTS,
        disentangled: bool = True,
        kind: str = FULL,
    ) -> None:
        super().__init__()
        assert kind in (FULL, WITHOUT_MINING, WITHOUT_BOTH), kind
        self.recalls = kind != WITHOUT_BOTH
        self.style = StyleEncoder(width, channels)
        self.memory = Memory(CLASSES, slots, channels, decay=DECAY, disentangled=disentangled)
        self.mining = MaskedCorrelation(channels) if kind == FULL else Unmined()
        self.refinement = GuidedRefinement(width, channels, hidden, blocks)

    def forward(self, face: Tensor, hole: Tensor, parsing: Tensor) -> Tensor:
        return face + self.refinement(face, hole, self.guide(face, hole, parsing)).tanh()

    def guide(self, face: Tensor, hole: Tensor, parsing: Tensor) -> Tensor:
        """F_f [B,channels,H/4,W/4], the map after the MREM (section 3.3)."""
        features = self.style(face)
        if not self.recalls:
            return features
        small, regions = shrink_hole(hole), regions_of(shrink_parsing(parsing))
        recalled = self.memory.read(pool_regions(features, regions))
        known = pool_regions(features, regions * (1 - small).float())
        missing = small.to(features.dtype)
        fused = missing * broadcast(recalled.to(features.dtype), regions)
        fused = fused + (1 - missing) * broadcast(known.to(features.dtype), regions)
        return self.mining(fused, missing)

    @torch.no_grad()
    def vectors(self, face: Tensor, hole: Tensor, parsing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the memory is written with: Q and V [B,n,channels], and bool [B,n] where a class has a valid cell."""
        features = self.style(face)
        regions = regions_of(shrink_parsing(parsing))
        valid = regions * (1 - shrink_hole(hole))
        return pool_regions(features, regions), pool_regions(features, valid), present(valid)


class Discriminator(nn.Module):
    """PatchGAN of 70 pixels (Isola et al. 2017): [B,3,H,W] -> logits [B,1,h,w]."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width * factor for factor in (1, 2, 4, 8)]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for before, after, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers += [nn.Conv2d(before, after, 4, stride, 1), InstanceNorm(after), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layers(image)
        return logits


class Reconstruction(nn.Module):
    """Encoder and decoder of whole pictures (Figure 4): [B,3,H,W] -> [B,3,H,W]; `encode` gives the middle layer."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *convolved(3, width, 7, 1), *convolved(width, 2 * width, 3, 2), *convolved(2 * width, 4 * width, 3, 2)
        )
        self.inner = nn.Sequential(*convolved(4 * width, 2 * width, 3, 1))
        self.outer = nn.Sequential(*convolved(2 * width, width, 3, 1))
        self.last = nn.Conv2d(width, 3, 7, padding=3)

    def encode(self, image: Tensor) -> Tensor:
        """[B,3,H,W] -> [B,4 width,H/4,W/4]."""
        features: Tensor = self.encoder(image)
        return features

    def forward(self, image: Tensor) -> Tensor:
        x = self.inner(grow(self.encode(image)))
        raw: Tensor = self.last(self.outer(grow(x)))
        return raw


def convolved(channels_in: int, channels_out: int, size: int, stride: int) -> tuple[nn.Module, ...]:
    """Convolution, instance norm, leaky ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, size, stride, size // 2)
    return convolution, InstanceNorm(channels_out), nn.LeakyReLU(SLOPE)


def norms(widths: list[int | None]) -> nn.ModuleList:
    """Norms over the whole picture, all channels together, so that their means stay: a face's light travels in them."""
    return nn.ModuleList(nn.Identity() if width is None else nn.GroupNorm(1, width, affine=False) for width in widths)


def grow(x: Tensor) -> Tensor:
    """Twice the sides, by nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
