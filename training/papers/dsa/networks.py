"""The networks of Tables 6 to 9: a U-Net with attention in its decoder, and patch discriminators.

A frame of 256 px has eight levels (Table 6), one of 1024 px ten (Table 8): the last one is a single position. In both
the attention stands behind the fourth to sixth layer of the decoder, at 16, 32 and 64 px.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import sigmoid
from training.papers.dsa.attention import DualSpatialAttention, Maps, at_scale

LEVELS = {256: 8, 1024: 10}  # Tables 6 and 8
WIDTH = 64
KERNELS = (7, 5)  # of the first two layers; the others have 3
ATTENDED = (4, 5, 6)  # layers of the decoder, from 1
SUPERVISED = 4  # layer 12 of Table 6, layer 14 of Table 8
SLOPE = 0.2
INPUT_CHANNELS = 4  # masked picture and hole

MakeAttention = Callable[[int], nn.Module]  # channels -> [B,C,h,w], missing [B,1,h,w] -> [B,C,h,w]


def widths(levels: int, width: int) -> list[int]:
    """Channels of the encoder's layers: 64, 128, 256, then 512, for a width of 64."""
    return [width * min(2**level, 8) for level in range(levels)]


def encoder_layer(level: int, inputs: int, outputs: int) -> nn.Sequential:
    """Conv, stride 2; BN but in the first; ReLU. Half the side, rounded up."""
    kernel = KERNELS[level] if level < len(KERNELS) else 3
    layers: list[nn.Module] = [Halving(inputs, outputs, kernel, 2, kernel // 2)]
    if level > 0:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


class Halving(nn.Conv2d):
    """A convolution with stride 2; over a single position in float32.

    There, oneDNN's gradient of a bfloat16 weight leaves the outer taps as memory was: small frames end in one position
    before the last layers (seen with PyTorch 2.13 on a CPU with AVX512-BF16).
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.jit.is_scripting() or x.shape[2] * x.shape[3] > 1:
            return self._conv_forward(x, self.weight, self.bias)
        return self.in_float32(x)

    @torch.jit.unused
    def in_float32(self, x: Tensor) -> Tensor:
        assert self.bias is not None
        with torch.autocast(x.device.type, enabled=False):
            return self._conv_forward(x.float(), self.weight.float(), self.bias.float()).to(x.dtype)


class DecoderLayer(nn.Module):
    """Upsample to the skip's size (nearest), concat, Conv 3x3, BN, LeakyReLU 0.2, and attention where there is one."""

    def __init__(self, inputs: int, skip: int, outputs: int, attention: nn.Module | None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs + skip, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)
        self.attention = attention

    def forward(self, x: Tensor, skip: Tensor, hole: Tensor) -> Tensor:
        x = self.before(x, skip)
        if self.attention is not None:
            x = self.attention(x, at_scale(hole, x.shape[2]))
        return x

    def before(self, x: Tensor, skip: Tensor) -> Tensor:
        """What the attention is given."""
        activated: Tensor = self.activation(self.norm(self.conv(torch.cat((enlarged(x, skip), skip), dim=1))))
        return activated


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """To the sides of `like`, by nearest neighbour: twice as large, but where a stride has met a side of one."""
    return F.interpolate(x, size=[like.shape[2], like.shape[3]], mode="nearest")


class Generator(nn.Module):
    """Table 6 with eight levels, Table 8 with ten. `attention` makes what stands behind layers 4 to 6 of the decoder.

    masked [B,3,H,W] in [0,1], 0 in the hole; hole [B,1,H,W] in {0,1} -> raw [B,3,H,W] in [0,1].
    `missing` is the hole that attention goes by, if it is another than the one that is shown: the oracle's pass is
    shown the whole picture and no hole.
    """

    def __init__(
        self, levels: int = 8, width: int = WIDTH, attention: MakeAttention | None = DualSpatialAttention
    ) -> None:
        super().__init__()
        channels = [INPUT_CHANNELS, *widths(levels, width)]
        self.encoder = nn.ModuleList(
            encoder_layer(level, *pair) for level, pair in enumerate(itertools.pairwise(channels))
        )
        decoder, inputs = [], channels[-1]
        for place in range(1, levels):  # layer 9 and on; a skip's layer has as many channels as what comes out
            outputs = channels[levels - place]
            made = attention(outputs) if attention is not None and place in ATTENDED else None
            decoder.append(DecoderLayer(inputs, outputs, outputs, made))
            inputs = outputs
        self.decoder = nn.ModuleList(decoder)
        self.last = nn.Conv2d(inputs + INPUT_CHANNELS, 3, 3, padding=1)  # layer 16 (20): no BN

    def forward(self, masked: Tensor, hole: Tensor) -> Tensor:
        skips = self.encoded(masked, hole)
        x = skips.pop()
        for layer in self.decoder:
            x = layer(x, skips.pop(), hole)
        return self.painted(x, skips.pop())

    def encoded(self, masked: Tensor, hole: Tensor) -> list[Tensor]:
        """The input, and what every layer of the encoder makes of it."""
        x = torch.cat((masked, hole), dim=1).to(self.last.weight.dtype)
        found = [x]
        for layer in self.encoder:
            x = layer(x)
            found.append(x)
        return found

    def painted(self, x: Tensor, given: Tensor) -> Tensor:
        """Upsample, concat with the input, Conv 3x3, sigmoid."""
        return sigmoid(self.last(torch.cat((enlarged(x, given), given), dim=1)))

    @torch.jit.unused
    def supervised(self, masked: Tensor, hole: Tensor) -> tuple[Tensor, Maps]:
        """The raw picture, and the attention of the supervised layer."""
        skips, maps = self.encoded(masked, hole), None
        x = skips.pop()
        for place, layer in enumerate(self.decoder, start=1):
            assert isinstance(layer, DecoderLayer)
            if place == SUPERVISED:
                x, maps = attended(layer, layer.before(x, skips.pop()), hole)
            else:
                x = layer(x, skips.pop(), hole)
        assert maps is not None
        return self.painted(x, skips.pop()), maps

    @torch.jit.unused
    def oracle(self, image: Tensor, hole: Tensor) -> Maps:
        """The attention of the same layers when they see the whole picture; what comes after is not computed."""
        skips = self.encoded(image, torch.zeros_like(hole))
        x = skips.pop()
        for place, layer in enumerate(self.decoder, start=1):
            assert isinstance(layer, DecoderLayer)
            if place == SUPERVISED:
                return attended(layer, layer.before(x, skips.pop()), hole)[1]
            x = layer(x, skips.pop(), hole)
        raise AssertionError("a generator has more layers than that")


def attended(layer: DecoderLayer, x: Tensor, hole: Tensor) -> tuple[Tensor, Maps]:
    """What a layer's dual attention makes of `x`, and its maps."""
    assert isinstance(layer.attention, DualSpatialAttention), "only dual attention has maps"
    refined, cross, own, there, known = layer.attention.attended(x, at_scale(hole, x.shape[2]))
    return refined, Maps(cross, own, there, known)


class Discriminator(nn.Module):
    """Table 7 with three strides, Table 9 with five: convolutions 4x4, padding 1, LeakyReLU 0.2, no norm.

    [B,3,H,W] in [0,1] -> scores [B]: the mean over its map of patches. A side of 24 px is the smallest with three.
    """

    def __init__(self, width: int, strides: int = 3) -> None:
        super().__init__()
        channels = [3, *(width * min(2**place, 8) for place in range(strides + 1)), 1]
        layers: list[nn.Module] = []
        for place, (inputs, outputs) in enumerate(itertools.pairwise(channels)):
            layers.append(nn.Conv2d(inputs, outputs, 4, 2 if place < strides else 1, 1))
            if outputs > 1:
                layers.append(nn.LeakyReLU(SLOPE))
        self.body = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.body(image)
        return scores.flatten(1).mean(dim=1)
