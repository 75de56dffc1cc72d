"""The two networks of section 3.1 that read attributes from a picture.

Pictures are RGB in [0,1], whole or with holes; attributes are [B,A] in [-1,1].
"""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from training.seen import seen_at

VGG16 = (2, 2, 3, 3, 3)  # convolutions of each block
VGG16_CHANNELS = (1, 2, 4, 8, 8)  # in units of the width
GRID = 4  # places a side that the fully connected layer sees
SLOPE = 0.2
FILL = 0.5  # of a hole, where an extractor is shown one


class Extractor(nn.Module):
    """The attribute extractor: the convolutions of VGG-16 and one fully connected layer.

    image [B,3,H,W] -> attributes [B,A]. `pixels`: the side that it sees pictures at; 0 = as they come. The last
    maps are averaged to 4x4 places, so that any size fits; `width` is 64 in VGG-16.
    """

    def __init__(self, width: int = 64, attributes: int = 8, pixels: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for depth, factor in zip(VGG16, VGG16_CHANNELS, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, factor * width, 3, padding=1), nn.ReLU()]
                channels = factor * width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(GRID * GRID * channels, attributes)
        self.pixels = pixels
        self.grid = GRID
        start(self, 0.0)

    def forward(self, image: Tensor) -> Tensor:
        features = self.features(2 * seen_at(image, self.pixels) - 1)
        places = F.adaptive_avg_pool2d(features.float(), self.grid).flatten(1)
        return torch.tanh(self.head(places.to(self.head.weight.dtype)).float())


class Auxiliary(nn.Module):
    """The auxiliary extractor, "comprised of only convolutional layers": it learns from labels and judges fakes.

    image [B,3,H,W] -> attributes [B,A], the mean over the places of the last map. `pixels` as of `Extractor`.
    """

    def __init__(self, width: int = 64, attributes: int = 8, pixels: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for factor in (1, 2, 4, 8):
            layers += [nn.Conv2d(channels, factor * width, 3, padding=1), nn.LeakyReLU(SLOPE)]
            layers += [nn.Conv2d(factor * width, factor * width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
            channels = factor * width
        self.body = nn.Sequential(*layers)
        self.last = nn.Conv2d(channels, attributes, 4)
        self.pixels = pixels
        start(self, SLOPE)

    def forward(self, image: Tensor) -> Tensor:
        places: Tensor = self.last(self.body(2 * seen_at(image, self.pixels) - 1))
        return torch.tanh(places.float().mean(dim=(2, 3)))


@torch.no_grad()
def start(network: nn.Module, slope: float) -> None:
    """First weights: He's, biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, slope)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
