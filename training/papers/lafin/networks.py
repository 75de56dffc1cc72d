"""The three networks of LaFIn: landmark predictor (Table 6), discriminator (Table 7), generator (Table 8).

Images are RGB in [0,1] with hole pixels white; holes are [B,1,H,W], 1 = missing.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.parametrizations import spectral_norm

from training.layers.attention import LongShortAttention, SelfAttention
from training.layers.denormals import sigmoid
from training.layers.inverted import InvertedResidual
from training.layers.norm import InstanceNorm
from training.layers.residual import DilatedResidualBlock

# Table 6, rows 2 to 8: expansion t, channels c, repetitions n, stride s of the first.
BOTTLENECKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
FRAME_PIXELS = 256
LANDMARKS = 68
FIRST = 32  # channels of the predictor's first layer


class Predictor(nn.Module):
    """Landmarks of an incomplete face: MobileNetV2 with its rear stages fused (Table 6).

    masked image [B,3,256,256] -> landmarks [B,N,2], (x, y) in pixels of the 256 px face frame, not clamped. N is 68, or
    98 in the order of WFLW; nothing else of the network depends on it. `width` is MobileNetV2's multiplier of channels:
    1 in the paper, less where a small network will do.
    """

    def __init__(self, landmarks: int = LANDMARKS, width: float = 1.0) -> None:
        super().__init__()
        channels, out, most, node, last_node = (round(width * count) for count in (FIRST, 320, 1280, 128, 64))
        layers: list[nn.Module] = [convolution_norm_relu6(3, channels, 3, stride=2)]
        for expansion, unscaled, repetitions, first_stride in BOTTLENECKS:
            channels_out = round(width * unscaled)
            for index in range(repetitions):
                stride = first_stride if index == 0 else 1
                layers.append(InvertedResidual(channels, channels_out, stride=stride, expansion=expansion))
                channels = channels_out
        self.features = nn.Sequential(*layers)
        self.last = convolution_norm_relu6(out, most, 1)  # C1
        self.pool = nn.AvgPool2d(8)  # C2
        self.node1 = nn.Conv2d(out, node, 1)
        self.node2 = nn.Conv2d(most, node, 1)
        self.node3 = nn.Conv2d(most, last_node, 1)
        self.prelu = nn.PReLU()
        self.head = nn.Linear(2 * node + last_node, 2 * landmarks)
        self.frame_pixels = FRAME_PIXELS
        self.landmarks = landmarks

    def forward(self, masked: Tensor) -> Tensor:
        features = self.features(masked)
        last = self.last(features)
        s1 = self.node1(features).float().mean(dim=(2, 3))
        s2 = self.node2(last).float().mean(dim=(2, 3))
        s3 = self.prelu(self.node3(self.pool(last))).float().flatten(1)
        points = exact_linear(torch.cat((s1, s2, s3), dim=1), self.head.weight, self.head.bias)
        return (points * self.frame_pixels).reshape(-1, self.landmarks, 2)


class Generator(nn.Module):
    """U-Net with seven dilated residual blocks and long-short attention (Table 8).

    masked image [B,3,H,W] in [0,1], landmark map [B,1,H,W], hole [B,1,H,W] -> raw [B,3,H,W] in [0,1].
    H and W are multiples of 4. `width` is 64 in the paper. The two ablations of Table 3 are `attention=False`
    (the attention block and the long-term path are gone) and, outside the network, an empty landmark map.
    """

    def __init__(self, width: int = 64, *, attention: bool = True, spectral: bool = True) -> None:
        super().__init__()
        self.encoder1 = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(4, width, 7), InstanceNorm(width), nn.ReLU(inplace=True)
        )
        self.encoder2 = halving(width, 2 * width)
        self.encoder3 = halving(2 * width, 4 * width)
        self.middle = nn.Sequential(*(DilatedResidualBlock(4 * width) for _ in range(7)))
        self.attention = LongShortAttention(4 * width, spectral=spectral) if attention else None
        self.decoder1 = doubling(4 * width, 2 * width)
        self.fusion1 = channel_attention(4 * width)
        self.decoder2 = doubling(4 * width, width)
        self.fusion2 = channel_attention(2 * width)
        # The paper's table says Conv-IN-tanh; the published network has no norm here, and with one it could not
        # paint flat colours.
        self.output = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(2 * width, 3, 7))

    def forward(self, masked: Tensor, landmark_map: Tensor, hole: Tensor) -> Tensor:
        hole_half = shrink(hole, 2)
        hole_quarter = shrink(hole, 4)
        e1 = self.encoder1(torch.cat((masked, landmark_map), dim=1))
        e2 = self.encoder2(e1)
        e3 = self.encoder3(e2)
        x = self.middle(e3)
        if self.attention is not None:
            x = self.attention(x, e3, hole_quarter)
        x = self.decoder1(x)
        x = self.decoder2(self.fusion1(torch.cat((e2 * (1 - hole_half), x), dim=1)))
        x = self.output(self.fusion2(torch.cat((e1 * (1 - hole), x), dim=1)))
        return (torch.tanh(x.float()) + 1) / 2


class Discriminator(nn.Module):
    """70x70 PatchGAN with spectral norm and attention, conditioned on the landmark map (Table 7).

    image [B,3,H,W] in [0,1], landmark map [B,1,H,W] -> patch scores [B,1,H/8-2,W/8-2] in (0,1).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            spectral_convolution(4, width, stride=2),
            nn.LeakyReLU(0.2),
            spectral_convolution(width, 2 * width, stride=2),
            nn.LeakyReLU(0.2),
            SelfAttention(2 * width),
            spectral_convolution(2 * width, 4 * width, stride=2),
            nn.LeakyReLU(0.2),
            spectral_convolution(4 * width, 8 * width, stride=1),
            nn.LeakyReLU(0.2),
            spectral_convolution(8 * width, 1, stride=1),
        )

    def forward(self, image: Tensor, landmark_map: Tensor) -> Tensor:
        return sigmoid(self.body(torch.cat((image, landmark_map), dim=1)).float())


def exact_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer in float32 even where training computes in bfloat16, whose steps are whole pixels from 128 px on.

    x [B,I], weight [O,I], bias [O] -> [B,O].
    """
    return (x.unsqueeze(1) * weight.float()).sum(dim=2) + bias.float()


def convolution_norm_relu6(channels_in: int, channels_out: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU6(),
    )


def halving(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1), InstanceNorm(channels_out), nn.ReLU(inplace=True)
    )


def doubling(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1),
        InstanceNorm(channels_out),
        nn.ReLU(inplace=True),
    )


def channel_attention(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, 1), InstanceNorm(channels), nn.ReLU(inplace=True))


def spectral_convolution(channels_in: int, channels_out: int, *, stride: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(channels_in, channels_out, 4, stride, padding=1, bias=False))


def shrink(hole: Tensor, factor: int) -> Tensor:
    """The hole at 1/factor size, bilinear with aligned corners: soft at its edges."""
    height, width = hole.shape[2] // factor, hole.shape[3] // factor
    return F.interpolate(hole, size=(height, width), mode="bilinear", align_corners=True)
