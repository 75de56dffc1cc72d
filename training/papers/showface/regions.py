"""Vectors of the regions of a parsing map: region-wise average pooling (Zhu et al. 2020), and the way back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CLASSES = 14  # of the parser
FACTOR = 4  # a cell of the feature maps stands for so many pixels a side


def shrink_parsing(parsing: Tensor, factor: int = FACTOR) -> Tensor:
    """Class ids [B,H,W] at the sides of a feature map: the pixel in each cell's middle. -> [B,H/factor,W/factor]."""
    return parsing[:, factor // 2 :: factor, factor // 2 :: factor]


def shrink_hole(hole: Tensor, factor: int = FACTOR) -> Tensor:
    """[B,1,H,W] in {0,1} -> [B,1,H/factor,W/factor]; a cell is missing if any of its pixels is."""
    return F.max_pool2d(hole, factor)


def parsing_at(parsing: Tensor, pixels: int) -> Tensor:
    """Class ids [B,H,W] at a smaller side, of each pixel the class that most of those under it have; 0 = as it is."""
    if pixels == 0 or parsing.shape[2] == pixels:
        return parsing
    return F.adaptive_avg_pool2d(regions_of(parsing), pixels).argmax(dim=1)


def regions_of(parsing: Tensor, classes: int = CLASSES) -> Tensor:
    """Class ids [B,h,w] -> one-hot maps [B,classes,h,w] float32; ids beyond the classes belong to no region."""
    ids = torch.arange(classes, device=parsing.device).view(1, -1, 1, 1)
    return (parsing.unsqueeze(1) == ids).float()


def pool_regions(features: Tensor, regions: Tensor) -> Tensor:
    """Mean of the features of each region. [B,C,h,w], [B,n,h,w] -> [B,n,C]; 0 for an empty region."""
    sums = torch.einsum("bchw,bnhw->bnc", features, regions.to(features.dtype)).float()
    return sums / regions.sum(dim=(2, 3)).clamp(min=1.0).unsqueeze(2)


def broadcast(vectors: Tensor, regions: Tensor) -> Tensor:
    """Each region's vector at all of its cells. [B,n,C], [B,n,h,w] -> [B,C,h,w]; 0 in no region."""
    return torch.einsum("bnc,bnhw->bchw", vectors, regions.to(vectors.dtype))


def present(regions: Tensor) -> Tensor:
    """Which regions have a cell. [B,n,h,w] -> bool [B,n]."""
    return regions.amax(dim=(2, 3)) > 0
