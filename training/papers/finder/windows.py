"""Windows of a picture around places where a face may be: upright, so large that hair, neck and shoulders are in."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.frozen.features import IMAGENET_DEVIATION, IMAGENET_MEAN

WINDOW_PIXELS = 96
SIZES_SEEN = 3.2  # side of a window, in sizes of the face
LEVELS = 5  # the picture, its half, its quarter, ...: of large windows nothing is skipped
CHANNELS = 4  # RGB, 0 where it is unknown, and what is known


class Windows(nn.Module):
    """pyramid of one picture, places [n,5] (centre x and y, size, sine and cosine of the roll) -> [n,4,96,96].

    Colours come out as ImageNet's networks see them. Places are in pixels of the picture; beyond it all is unknown.
    """

    grid: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        ticks = (torch.arange(WINDOW_PIXELS) + 0.5) / WINDOW_PIXELS - 0.5
        y, x = torch.meshgrid(ticks, ticks, indexing="ij")
        self.register_buffer("grid", torch.stack((x, y), -1) * SIZES_SEEN, persistent=False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1), persistent=False)
        # TorchScript knows no constants of a module's file.
        self.levels, self.channels, self.pixels = LEVELS, CHANNELS, WINDOW_PIXELS
        self.shrinks_from = SIZES_SEEN / WINDOW_PIXELS

    def forward(self, pyramid: list[Tensor], places: Tensor) -> Tensor:
        height, width = pyramid[0].shape[2], pyramid[0].shape[3]
        size, sine, cosine = places[:, 2, None, None], places[:, 3, None, None], places[:, 4, None, None]
        across, down = self.grid[None, :, :, 0] * size, self.grid[None, :, :, 1] * size
        x = across * cosine - down * sine + places[:, 0, None, None]
        y = across * sine + down * cosine + places[:, 1, None, None]
        where = torch.stack(((x + 0.5) * (2.0 / width) - 1, (y + 0.5) * (2.0 / height) - 1), dim=-1)
        level = torch.log2((places[:, 2] * self.shrinks_from).clamp(min=1.0)).floor().clamp(max=self.levels - 1)
        windows = pyramid[0].new_zeros((places.shape[0], self.channels, self.pixels, self.pixels))
        for one in range(self.levels):
            chosen = (level == one).nonzero()[:, 0]
            if chosen.shape[0] > 0:
                rows = where[chosen].reshape(1, -1, self.pixels, 2).to(pyramid[one].dtype)
                cut = F.grid_sample(pyramid[one], rows, mode="bilinear", padding_mode="zeros", align_corners=False)
                windows[chosen] = cut.view(self.channels, -1, self.pixels, self.pixels).transpose(0, 1)
        known = windows[:, -1:]
        return torch.cat(((windows[:, :-1] - self.mean * known) / self.deviation, known), dim=1)


class Pyramid(nn.Module):
    """image [B,3,H,W] in [0,1], hole [B,1,H,W] -> [B,4,H,W], and its halves down to 1/16. The hole is never seen."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = LEVELS

    def forward(self, image: Tensor, hole: Tensor) -> list[Tensor]:
        seen = 1 - hole
        levels = [torch.cat((image * seen, seen), dim=1)]
        for _ in range(self.levels - 1):
            levels.append(halved(levels[-1]))
        return levels


def halved(maps: Tensor) -> Tensor:
    """Means of two by two: [B,C,H,W] of even sides -> [B,C,H/2,W/2]. On a CPU several times faster than avg_pool2d."""
    rows = maps[:, :, ::2] + maps[:, :, 1::2]
    return (rows[..., ::2] + rows[..., 1::2]) / 4
