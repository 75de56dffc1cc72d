"""The objectives of ShowFace: Eq. 6 to 15 for the refinement, and those of Liu et al. 2018 for the coarse network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.frozen.features import FeatureNetwork
from training.losses.perceptual import perceptual
from training.losses.style import style
from training.losses.variation import total_variation
from training.masking import complete
from training.papers.showface.regions import FACTOR, pool_regions, regions_of, shrink_hole, shrink_parsing


@dataclass(frozen=True)
class CoarseWeights:
    """Liu et al. 2018, Eq. 8; the loss of the valid pixels has weight 1."""

    hole: float = 6.0
    perceptual: float = 0.05
    style: float = 120.0
    variation: float = 0.1


@dataclass(frozen=True)
class Weights:
    """The lambdas of Eq. 15, which the paper does not say; the reconstruction has weight 1. How they came: README."""

    intra: float = 3e-5  # both halves of Eq. 8 share one lambda in the paper; apart, for the ablations
    inter: float = 5e-5
    semantic: float = 1e-3
    perceptual: float = 0.01
    style: float = 10.0
    adversarial: float = 0.01
    variation: float = 0.02


def coarse_losses(
    raw: Tensor, image: Tensor, hole: Tensor, features: FeatureNetwork | None, weights: CoarseWeights
) -> dict[str, Tensor]:
    """Each term of Liu et al., Eq. 8, before its weight. raw, image [B,3,H,W] in [0,1], hole [B,1,H,W].

    Without a feature network two terms are left out, and the style, which costs most, if nobody weighs it. The
    variation of the completed picture has a gradient in the hole and one pixel around it alone, as published.
    """
    completed = complete(raw, image, hole)
    away = (raw - image).abs()
    losses = {
        "valid": (away * (1 - hole)).mean(),
        "hole": (away * hole).mean(),
        "variation": total_variation(completed),
    }
    if features is not None:
        of_image, of_raw, of_completed = features(image), features(raw), features(completed)
        losses["perceptual"] = perceptual(of_raw, of_image) + perceptual(of_completed, of_image)
        if weights.style:
            losses["style"] = style(of_raw, of_image) + style(of_completed, of_image)
    return losses


def region_vectors(features: Tensor, parsing: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """M and M-hat of Figure 4: the mean features of each class in the hole, and in the valid region.

    features [B,C,H/4,W/4], parsing [B,H,W] class ids, hole [B,1,H,W] -> twice [B,n,C], 0 for a class that is not there.
    """
    regions, missing = regions_of(shrink_parsing(parsing)), shrink_hole(hole)
    assert features.shape[2:] == missing.shape[2:], f"a cell of the features must be {FACTOR} pixels wide"
    return pool_regions(features, regions * missing), pool_regions(features, regions * (1 - missing))


def inco2_losses(features: Tensor, features_image: Tensor, parsing: Tensor, hole: Tensor) -> dict[str, Tensor]:
    """Eq. 6 and 7: mean absolute difference of the similarity matrices [B,n,n], `intra` and `inter`.

    The parsing map is that of the true picture for both, so that their rows belong together.
    """
    in_hole, outside = region_vectors(features, parsing, hole)
    true_in_hole, true_outside = region_vectors(features_image, parsing, hole)
    with torch.autocast(features.device.type, enabled=False):
        intra = in_hole @ in_hole.transpose(1, 2) - true_in_hole @ true_in_hole.transpose(1, 2)  # Eq. 6
        inter = in_hole @ outside.transpose(1, 2) - true_in_hole @ true_outside.transpose(1, 2)  # Eq. 7
    return {"intra": intra.abs().mean(), "inter": inter.abs().mean()}


def semantic_loss(logits: Tensor, logits_image: Tensor) -> Tensor:
    """Eq. 9: cross entropy of the completed picture's classes and those that the true picture is given. Scalar.

    Two [B,n,H,W]. The target is a class, without a gradient.
    """
    return F.cross_entropy(logits.float(), logits_image.detach().argmax(dim=1))


def weighted_sum(losses: dict[str, Tensor], weights: Weights | CoarseWeights) -> Tensor:
    """Eq. 15 of the terms that are there; a term without a lambda has weight 1."""
    terms = [getattr(weights, name, 1.0) * loss for name, loss in losses.items()]
    return sum(terms[1:], terms[0])
