"""A judge that looks through a frozen network: small heads over its maps (Sauer et al. 2021, "Projected GANs").

What pictures show is in those maps already, so it learns to tell real from painted in a few thousand pictures, where a
discriminator that begins with pixels needs many times as many.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from training.frozen.features import FeatureNetwork

SLOPE = 0.2
PROBES, PROBE_PIXELS, PROBE_BLOCKS = 4, 64, 8  # smooth noise, by which each layer's values are measured


class FeatureJudge(nn.Module):
    """maps, layer -> [B,C,h,w] -> scores [B,L], one of each layer but the first: the mean over its places. Unbounded.

    Each head is 1x1, 3x3, 1x1, with spectral norm and LeakyReLU 0.2. `features` is asked for its layers once, and is no
    part of the judge. Every process measures the same values: they come from a seed.
    """

    deviations: Tensor

    def __init__(self, features: FeatureNetwork, width: int = 48) -> None:
        super().__init__()
        found = probed(features)
        self.layers = features.layers[1:]
        self.heads = nn.ModuleDict({layer: head(found[layer].shape[1], width) for layer in self.layers})
        self.register_buffer("deviations", torch.stack([found[layer].std() for layer in self.layers]), persistent=False)

    def forward(self, maps: dict[str, Tensor]) -> Tensor:
        scores = []
        for layer, deviation in zip(self.layers, self.deviations, strict=True):
            scores.append(self.heads[layer](maps[layer].float() / deviation).mean(dim=(1, 2, 3)))
        return torch.stack(scores, dim=1)


def head(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, width, 1)),
        nn.LeakyReLU(SLOPE),
        spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
        nn.LeakyReLU(SLOPE),
        spectral_norm(nn.Conv2d(width, 1, 1)),
    )


@torch.no_grad()
def probed(features: FeatureNetwork) -> dict[str, Tensor]:
    """The maps of smooth noise, always the same."""
    blocks = torch.rand(PROBES, 3, PROBE_BLOCKS, PROBE_BLOCKS, generator=torch.Generator().manual_seed(0))
    return features(F.interpolate(blocks, size=PROBE_PIXELS, mode="bilinear", align_corners=False))
