"""The finder: a fully convolutional network that sees picture and hole and answers maps at 1/8 of the size.

Down to 1/64, so that a face whose middle is erased is known by its hair, neck and shoulders, and up again with short
cuts, as feature pyramids do (Lin et al. 2017). Blocks are MobileNetV2's inverted residuals: 3x3 depth-wise convolutions
cost next to nothing on a CPU.
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.layers.inverted import InvertedResidual
from training.papers.finder.points import POINT_COUNT

STRIDE = 8  # pixels of the picture for one cell of the maps
SIDE_MULTIPLE = 64
WIDTHS = (16, 32, 48, 96, 128, 160)  # channels at 1/2, 1/4, ... 1/64
DEPTHS = (1, 3, 4, 3)  # blocks at 1/8, 1/16, 1/32, 1/64
STAGES = len(DEPTHS)
EXPANSION = 2
POINTS = POINT_COUNT

# Channels of the maps.
HEAT = 0  # logit: the centre of a face lies in this cell
OFFSET = slice(1, 3)  # from the cell's middle to the centre, x and y, in sizes of the face
SIZE = 3  # logarithm of the size in pixels, less LOG_SIZE
ROLL = slice(4, 6)  # sine and cosine
SHAPE = slice(6, 6 + 2 * POINTS)  # five points from the centre, in the upright face, in sizes of the face
CHANNELS = 6 + 2 * POINTS

LOG_SIZE = 4.4  # of 80 pixels, the middle of what is trained
RARE = -4.0  # heat begins here: one cell in fifty


class Finder(nn.Module):
    """image RGB [B,3,H,W] in [0,1], hole [B,1,H,W] in {0,1} -> maps [B,16,H/8,W/8] float32.

    H and W are multiples of 64. What is under the hole is never seen.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS, depths: tuple[int, ...] = DEPTHS) -> None:
        super().__init__()
        half, quarter, *deeper = widths
        self.stem = nn.Sequential(*halving(4, half), *halving(half, quarter))
        self.downs = nn.ModuleList()
        for before, after, depth in zip((quarter, *deeper[:-1]), deeper, depths, strict=True):
            self.downs.append(nn.Sequential(*halving(before, after), *(block(after) for _ in range(depth))))
        self.ups = nn.ModuleList(Up(coarse, fine) for coarse, fine in zip(deeper[:0:-1], deeper[-2::-1], strict=True))
        self.head = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(deeper[0], CHANNELS, 1))
        self.begin_rare()

    @torch.no_grad()
    def begin_rare(self) -> None:
        """At first nothing is a face, and cells say little."""
        last = self.head[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        last.weight.mul_(0.1)
        last.bias.zero_()
        last.bias[HEAT] = RARE

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        x = self.stem(empty(image, hole))
        maps: list[Tensor] = []
        for down in self.downs:
            x = down(x)
            maps.append(x)
        for place, up in enumerate(self.ups):
            x = up(x, maps[-2 - place])
        return self.head(x).float()


class Up(nn.Module):
    """A coarse map, narrowed and doubled, added to the finer one, then a block. -> [B,fine,2h,2w]."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.narrow = nn.Sequential(nn.Conv2d(coarse, fine, 1, bias=False), nn.BatchNorm2d(fine))
        self.block = block(fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        mixed: Tensor = self.block(fine + F.interpolate(self.narrow(coarse), scale_factor=2.0, mode="nearest"))
        return mixed


def halving(channels_in: int, channels_out: int) -> list[nn.Module]:
    """3x3 convolution with stride 2, batch norm, ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, 2, 1, bias=False)
    return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]


def block(channels: int) -> InvertedResidual:
    return InvertedResidual(channels, channels, stride=1, expansion=EXPANSION)


def empty(image: Tensor, hole: Tensor) -> Tensor:
    """Picture, about -2 to 2 and 0 inside the hole, with the hole as fourth channel: [B,4,H,W]."""
    return torch.cat(((image - 0.5) * 4 * (1 - hole), hole), dim=1)
