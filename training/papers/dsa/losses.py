"""The objective of Eq. 5 to 10."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.frozen.features import FeatureNetwork
from training.losses.perceptual import perceptual
from training.masking import complete
from training.papers.dsa.attention import Maps
from training.papers.dsa.crops import ORGANS, organ_boxes


@dataclass(frozen=True)
class Weights:
    """The lambdas of Eq. 10, and gamma of Eq. 8."""

    reconstruction: float = 10.0
    supervision: float = 2.0  # the KL divergence; 0 = no oracle is asked
    perceptual: float = 1.0
    adversarial: float = 1.0
    penalty: float = 10.0  # gamma


def organ_weight(hole: Tensor, landmarks: Tensor) -> Tensor:
    """1 + sum of (1 - M_i) in Eq. 6, where M_i is 0 in the hole and in each organ's box. [B,1,H,W], 1 and more.

    hole [B,1,H,W], landmarks [B,68,2] of the ground truth. Where boxes overlap they add up.
    """
    side = hole.shape[2]
    line = torch.arange(side, device=hole.device)
    weight = 1 + hole
    for name in ORGANS:
        top, left, bottom, right = organ_boxes(name, landmarks, side).T[:, :, None]  # each [B,1]
        rows, columns = (line >= top) & (line < bottom), (line >= left) & (line < right)
        weight = weight + (rows[:, None, :, None] & columns[:, None, None, :]).to(weight.dtype)
    return weight


def reconstruction_loss(raw: Tensor, image: Tensor, hole: Tensor, landmarks: Tensor) -> Tensor:
    """Eq. 6: weighted L1, as a mean over the picture's values. raw, image [B,3,H,W] in [0,1]; scalar."""
    return (organ_weight(hole, landmarks) * (raw - image).abs()).mean()


def supervision_loss(oracle: Maps, found: Maps) -> Tensor:
    """Eq. 5: KL of the oracle's maps and those that were found, mean over faces. No gradient into the oracle.

    The first sum is divided by N N', the second by N N. A face without foreground (or background) adds 0.
    """
    own = divergence(oracle.own, found.own, found.there, found.there)
    return (divergence(oracle.cross, found.cross, found.there, found.known) + own).mean()


def divergence(target: Tensor, energy: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sum over i, j of E_gt ln(E_gt / E), divided by the number of i and j of each face.

    Energies [B,N,M], rows [B,N] and columns [B,M] that count -> [B].
    """
    wanted, log_found = target.detach().double().log_softmax(dim=2), energy.double().log_softmax(dim=2)
    terms = wanted.exp() * (wanted - log_found)
    counted = (rows.unsqueeze(2) & columns.unsqueeze(1)).to(terms.dtype)
    number = counted.flatten(1).sum(dim=1).clamp(min=1)
    return ((terms * counted).flatten(1).sum(dim=1) / number).float()


def perceptual_loss(raw: Tensor, image: Tensor, hole: Tensor, features: FeatureNetwork) -> Tensor:
    """Eq. 7: features of the raw picture, and of the completed one (I_gen), against those of the image. Scalar."""
    real = features(image)
    return perceptual(features(raw), real) + perceptual(features(complete(raw, image, hole)), real)


def weighted_sum(losses: dict[str, Tensor], weights: Weights) -> Tensor:
    """Eq. 10; a loss that is absent counts nothing."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()
