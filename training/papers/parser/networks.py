"""BiSeNet (Yu et al. 2018) with a ResNet-18 context path, as the best-known face parser is built.

Module names are those of its public checkpoint, so weights load without renaming. `width` is 64 there; every number of
channels follows from it. Pictures are RGB, normalised with ImageNet's mean and deviation; sides are multiples of 32.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.denormals import sigmoid

PUBLISHED_WIDTH = 64
SIDE_MULTIPLE = 32


class Parser(nn.Module):
    """normalised image [B,3,H,W] -> logits [B,classes,H/8,W/8] and those of the two heads that only train.

    The spatial path is the context path's own map at 1/8 of the size. The heads' logits have sides H/8, H/8 and H/16;
    `spread` brings them to the picture's.
    """

    def __init__(self, classes: int, width: int = PUBLISHED_WIDTH) -> None:
        super().__init__()
        self.cp = ContextPath(width)
        self.ffm = FeatureFusion(4 * width)
        self.conv_out = Head(4 * width, 4 * width, classes)
        self.conv_out16 = Head(2 * width, width, classes)
        self.conv_out32 = Head(2 * width, width, classes)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        spatial, context8, context16 = self.cp(image)
        fused = self.ffm(spatial, context8)
        return self.conv_out(fused), self.conv_out16(context8), self.conv_out32(context16)

    def parse(self, image: Tensor) -> Tensor:
        """The logits that count: [B,classes,H/8,W/8]."""
        spatial, context8, _ = self.cp(image)
        logits: Tensor = self.conv_out(self.ffm(spatial, context8))
        return logits


class ContextPath(nn.Module):
    """image [B,3,H,W] -> maps of 2 width channels: ResNet's at 1/8, refined context at 1/8, refined context at 1/16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.resnet = ResNet18(width)
        self.arm16 = AttentionRefinement(4 * width, 2 * width)
        self.arm32 = AttentionRefinement(8 * width, 2 * width)
        self.conv_head32 = ConvolutionNorm(2 * width, 2 * width, 3)
        self.conv_head16 = ConvolutionNorm(2 * width, 2 * width, 3)
        self.conv_avg = ConvolutionNorm(8 * width, 2 * width, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        map8, map16, map32 = self.resnet(image)
        whole = self.conv_avg(map32.mean(dim=(2, 3), keepdim=True))  # global context, the same at every position
        context32 = self.arm32(map32) + whole
        context16 = self.conv_head32(grow(context32, map16))
        context8 = self.conv_head16(grow(self.arm16(map16) + context16, map8))
        return map8, context8, context16


class ResNet18(nn.Module):
    """The residual network of 18 layers without its classifier (He et al. 2016): maps at 1/8, 1/16 and 1/32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = residual_pair(width, width, stride=1)
        self.layer2 = residual_pair(width, 2 * width, stride=2)
        self.layer3 = residual_pair(2 * width, 4 * width, stride=2)
        self.layer4 = residual_pair(4 * width, 8 * width, stride=2)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.relu(self.bn1(self.conv1(image)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        map8 = self.layer2(self.layer1(x))
        map16 = self.layer3(map8)
        return map8, map16, self.layer4(map16)


class ResidualBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))); the short cut is a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        changes = stride != 1 or channels_in != channels_out
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out))
            if changes
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        short = x if self.downsample is None else self.downsample(x)
        return F.relu(short + residual)


class AttentionRefinement(nn.Module):
    """A map weighted, channel by channel, by a gate made from its own mean over space."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = ConvolutionNorm(channels_in, channels_out, 3)
        self.conv_atten = nn.Conv2d(channels_out, channels_out, 1, bias=False)
        self.bn_atten = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        refined = self.conv(x)
        gate = sigmoid(self.bn_atten(self.conv_atten(refined.mean(dim=(2, 3), keepdim=True))))
        return refined * gate


class FeatureFusion(nn.Module):
    """Spatial and context maps, side by side, mixed and gated: fused + fused * gate. Twice [B,C/2,h,w] -> [B,C,h,w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convblk = ConvolutionNorm(channels, channels, 1)
        self.conv1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.conv2 = nn.Conv2d(channels // 4, channels, 1, bias=False)

    def forward(self, spatial: Tensor, context: Tensor) -> Tensor:
        fused = self.convblk(torch.cat((spatial, context), dim=1))
        gate = sigmoid(self.conv2(F.relu(self.conv1(fused.mean(dim=(2, 3), keepdim=True)))))
        return fused + fused * gate


class Head(nn.Module):
    """A map -> logits of the same sides, [B,classes,h,w] float32."""

    def __init__(self, channels_in: int, channels_middle: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvolutionNorm(channels_in, channels_middle, 3)
        self.conv_out = nn.Conv2d(channels_middle, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x)).float()


class ConvolutionNorm(nn.Module):
    """Convolution that keeps the sides, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, size, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def residual_pair(channels_in: int, channels_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(ResidualBlock(channels_in, channels_out, stride), ResidualBlock(channels_out, channels_out, 1))


def grow(x: Tensor, like: Tensor) -> Tensor:
    """Nearest neighbour to the sides of another map."""
    return F.interpolate(x, size=(like.shape[2], like.shape[3]), mode="nearest")


def spread(logits: Tensor, height: int, width: int) -> Tensor:
    """Logits at the picture's sides: bilinear with aligned corners, as published. -> [B,classes,height,width]."""
    return F.interpolate(logits, size=(height, width), mode="bilinear", align_corners=True)


def normalise(image: Tensor) -> Tensor:
    """RGB [B,3,H,W] in [0,1] -> minus ImageNet's mean, over its deviation."""
    red, green, blue = image.unbind(dim=1)
    return torch.stack(((red - 0.485) / 0.229, (green - 0.456) / 0.224, (blue - 0.406) / 0.225), dim=1)
