"""The objective of LaFIn: Eq. 1 for the predictor, Eq. 2 to 7 for the generator."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from training.frozen.features import FeatureNetwork
from training.losses.adversarial import lsgan_generator
from training.losses.perceptual import perceptual
from training.losses.style import style
from training.losses.variation import total_variation
from training.masking import complete


@dataclass(frozen=True)
class Weights:
    """The lambdas of Eq. 7; the pixel loss has weight 1."""

    perceptual: float = 0.1
    style: float = 250.0
    variation: float = 0.1
    adversarial: float = 0.01


def landmark_loss(predicted: Tensor, target: Tensor, *, squared: bool = True) -> Tensor:
    """Eq. 1: the squared L2 norm of all coordinate errors (136 of 68 points) in pixels, mean over the batch.

    predicted, target [B,N,2]. `squared=False` is the norm itself, as in the public code: far points pull less.
    """
    norms = (predicted - target).flatten(1).square().sum(dim=1)
    return norms.mean() if squared else (norms + 1e-6).sqrt().mean()


def pixel_loss(raw: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Eq. 2: sum of absolute differences over the number of missing pixels, mean over the batch.

    raw, image [B,3,H,W]; hole [B,1,H,W]. The sum runs over the whole picture. A hole of nothing counts as one pixel.
    """
    differences = (raw - image).abs().flatten(1).sum(dim=1)
    return (differences / hole.flatten(1).sum(dim=1).clamp(min=1)).mean()


def generator_losses(
    raw: Tensor, image: Tensor, hole: Tensor, fake_scores: Tensor | None, features: FeatureNetwork | None
) -> dict[str, Tensor]:
    """Each term of Eq. 7 before its weight.

    The perceptual loss compares the raw picture (Eq. 3), the style loss both pictures inside the hole (Eq. 4), the
    variation loss the completed picture. Without a feature network the first two are left out, without scores the
    adversarial one.
    """
    losses = {"pixel": pixel_loss(raw, image, hole), "variation": total_variation(complete(raw, image, hole))}
    if fake_scores is not None:
        losses["adversarial"] = lsgan_generator(fake_scores)
    if features is not None:
        losses["perceptual"] = perceptual(features(raw), features(image))
        losses["style"] = style(features(raw * hole), features(image * hole))
    return losses


def weighted_sum(losses: dict[str, Tensor], weights: Weights) -> Tensor:
    """Eq. 7."""
    total = losses["pixel"] + weights.variation * losses["variation"]
    if "adversarial" in losses:
        total = total + weights.adversarial * losses["adversarial"]
    if "perceptual" in losses:
        total = total + weights.perceptual * losses["perceptual"] + weights.style * losses["style"]
    return total
