"""The objective: Eq. 4 to 8 for I_recon, Eq. 9 and 10 for I_fake, Eq. 11 for the discriminator, summed by Eq. 12."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from training.frozen.features import FeatureNetwork
from training.losses.distances import mean_distance, style_distance
from training.losses.structure import multi_scale_similarity
from training.masking import complete

# Of the frozen feature network: the ends of VGG's first three blocks, as LBAM takes them.
FEATURE_LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3"),
    "vgg19": ("relu1_2", "relu2_2", "relu3_4"),
    "squeezenet1_1": ("relu1", "fire3", "fire5", "fire7", "fire9"),
}


@dataclass(frozen=True)
class Weights:
    """The lambdas of Eq. 12 (section 4.1); L_valid and L_attr have weight 1. A loss of weight 0 is not computed."""

    adversarial: float = 0.1
    structure: float = 3.0  # MS-SSIM
    style: float = 120.0
    perceptual: float = 0.01
    hole: float = 6.0
    valid: float = 1.0
    attributes: float = 1.0  # the generator's part of Eq. 9
    near: float = 0.0  # not the paper's: the mean squared difference of I_fake and I_recon in the hole
    penalty: float = 10.0  # lambda_gp of Eq. 11, which the paper does not give


def inpainting_losses(
    recon: Tensor, image: Tensor, hole: Tensor, features: FeatureNetwork | None, weights: Weights
) -> dict[str, Tensor]:
    """Each term of I_recon before its weight; recon, image [B,3,H,W] in [0,1], hole [B,1,H,W].

    Eq. 5 sees the raw I_recon, Eq. 6 to 8 the completed picture. Without a feature network Eq. 6 and 7 are left out.
    """
    losses = {
        "hole": ((recon - image) * hole).abs().mean(),  # Eq. 4 and 5: 1-norms over the number of all values
        "valid": ((recon - image) * (1 - hole)).abs().mean(),
    }
    completed = complete(recon, image, hole)
    if weights.structure:
        losses["structure"] = 1 - multi_scale_similarity(completed, image).mean()  # Eq. 8
    if features is not None and (weights.perceptual or weights.style):
        with torch.no_grad():
            real = features(image)
        fake = features(completed)
        if weights.perceptual:
            losses["perceptual"] = mean_distance(fake, real)  # Eq. 6
        if weights.style:
            losses["style"] = style_distance(fake, real)  # Eq. 7
    return losses


def attribute_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Eq. 9, either term: the mean over a picture's attributes of the squared difference, mean over the batch.

    Two [B,A]; a wanted value that is NaN counts as 0, so a picture without labels teaches nothing.
    """
    known = ~wanted.isnan()
    differences = torch.where(known, found - wanted.nan_to_num(), 0.0)
    return differences.square().mean()


def weighted_sum(losses: Mapping[str, Tensor], weights: Weights) -> Tensor:
    """Eq. 12, of the terms that are there."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()
