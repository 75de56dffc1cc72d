"""The networks of section 3.1: the generator on LBAM's backbone, and the discriminator.

Pictures are RGB in [0,1]; holes are [B,1,H,W], 1 = missing. `extractors.py` holds the two networks that see attributes.
"""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from training.papers.reference.attention import FORWARD, REVERSE, AsymmetricGaussian, MaskBranch

FRAME_PIXELS = 256
SMALLEST_PIXELS = 128  # seven halvings
SLOPE = 0.2
LEVELS = (1, 2, 4, 8, 8, 8, 8)  # channels of the encoder's levels, in units of the width (64 in LBAM)


class Generator(nn.Module):
    """LBAM with attributes at the bottleneck; with 0 attributes it is the backbone alone. No norm, no bias.

    image [B,3,H,W] in [0,1], hole [B,1,H,W], attributes [B,A] in [-1,1] -> raw [B,3,H,W] in [0,1]; what the image
    holds in the hole is not seen. H and W are multiples of 128. `maps` depend on the hole alone and `encode` on image
    and hole; of one hole and picture they serve any number of `decode`s.
    """

    def __init__(self, width: int = 64, attributes: int = 8) -> None:
        super().__init__()
        channels = tuple(factor * width for factor in LEVELS)
        self.forward_branch = MaskBranch(channels, FORWARD)
        self.reverse_branch = MaskBranch(channels[:-1], REVERSE)
        inputs = (4, *channels[:-1])
        self.encoder = nn.ModuleList(
            nn.Conv2d(i, o, 4, stride=2, padding=1, bias=False) for i, o in zip(inputs, channels, strict=True)
        )
        # Behind the deepest level every layer sees its skip beside what came up.
        coming = (channels[-1] + attributes, *(2 * count for count in channels[-2::-1]))
        going = (*channels[-2::-1], 3)
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 4, stride=2, padding=1, bias=False) for i, o in zip(coming, going, strict=True)
        )
        self.activation = nn.LeakyReLU(SLOPE)
        self.start()

    @torch.no_grad()
    def start(self) -> None:
        """First weights: He's for LeakyReLU. Each pixel of a transposed convolution sums a quarter of its kernel."""
        for layer in (*self.encoder, *self.decoder):
            assert isinstance(layer.weight, Tensor)
            nn.init.kaiming_normal_(layer.weight, SLOPE)
        for layer in self.decoder:
            assert isinstance(layer, nn.ConvTranspose2d)
            taps = layer.weight[:, 0].numel() / 4
            layer.weight.normal_(0, (2 / (1 + SLOPE**2) / taps) ** 0.5)
        layer.weight.mul_(0.25)  # the last one paints

    def constrain(self) -> None:
        """The attention's numbers into their bounds."""
        for module in self.modules():
            if isinstance(module, AsymmetricGaussian):
                module.constrain()

    def maps(self, hole: Tensor) -> list[Tensor]:
        """Attention maps: seven of the encoder, then six of the decoder, each forward and reverse one side by side."""
        missing = hole.expand(-1, 3, -1, -1)
        ahead = self.forward_branch(1 - missing)
        back = self.reverse_branch(missing)
        both = [torch.cat((ahead[level], back[level]), dim=1) for level in range(len(back))]
        return ahead + both

    def encode(self, image: Tensor, hole: Tensor, maps: list[Tensor]) -> list[Tensor]:
        """Features of every level, the deepest last. Those of skips are taken before the attention."""
        valid = 1 - hole
        x = torch.cat((image * valid, valid), dim=1)
        features: list[Tensor] = []
        for level, layer in enumerate(self.encoder):
            before = layer(x)
            x = self.activation(before * maps[level])
            features.append(before)
        features[-1] = x
        return features

    def decode(self, features: list[Tensor], maps: list[Tensor], attributes: Tensor) -> Tensor:
        """The picture that these attributes give."""
        deepest = features[-1]
        tiled = attributes.to(deepest.dtype)[:, :, None, None].expand(-1, -1, deepest.shape[2], deepest.shape[3])
        x = torch.cat((deepest, tiled), dim=1)
        last = len(features) - 1
        for level, layer in enumerate(self.decoder):
            x = layer(x)
            if level < last:
                place = last - 1 - level
                x = self.activation(torch.cat((features[place], x), dim=1) * maps[len(features) + place])
        return (torch.tanh(x.float()) + 1) / 2

    def forward(self, image: Tensor, hole: Tensor, attributes: Tensor) -> Tensor:
        maps = self.maps(hole)
        return self.decode(self.encode(image, hole, maps), maps, attributes)


class Discriminator(nn.Module):
    """The critic: five halving 4x4 convolutions and a last 3x3 one, all with spectral norm, LeakyReLU 0.2, no norm.

    image [B,3,H,W] in [0,1] -> one score a picture [B], the mean over its places; unbounded, as Eq. 11 wants it.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for factor in (1, 2, 4, 8, 8):
            layers += [critic_convolution(channels, factor * width, 4, 2), nn.LeakyReLU(SLOPE)]
            channels = factor * width
        self.body = nn.Sequential(*layers, critic_convolution(channels, 1, 3, 1))

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.body(2 * image - 1)
        return scores.float().mean(dim=(1, 2, 3))


def critic_convolution(channels: int, out: int, size: int, stride: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(channels, out, size, stride, padding=1))
