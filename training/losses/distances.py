"""Root mean square distances of feature maps and of their Gram matrices, as Reference, Eq. 6 and 7, have them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from training.losses.style import gram

SMALLEST = 1e-12  # under a root


def style_distance(fake: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """The mean distance of the Gram matrices of two pictures' maps."""
    return mean_distance(*({name: gram(maps) for name, maps in found.items()} for found in (fake, real)))


def mean_distance(fake: Mapping[str, Tensor], real: Mapping[str, Tensor]) -> Tensor:
    """1/N sum over the N layers of the 2-norm of their difference over the root of its length; mean over the batch."""
    distances = [root_mean_square(fake[layer].float() - real[layer].float()).mean() for layer in fake]
    return torch.stack(distances).mean()


def root_mean_square(values: Tensor) -> Tensor:
    """[B,...] -> [B]."""
    return (values.flatten(1).square().mean(dim=1) + SMALLEST).sqrt()
