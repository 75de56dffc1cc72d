"""The objective of GFC: Eq. 1 for each discriminator, Eq. 2 for the generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.losses.adversarial import log_loss_generator
from training.papers.gfc.networks import FRAME_PIXELS, HOLE_PIXELS

VALUES = 3 * FRAME_PIXELS**2  # 49,152 values of a picture
PIXELS = FRAME_PIXELS**2


@dataclass(frozen=True)
class Weights:
    """The lambdas of Eq. 2 when every loss is a mean; the reconstruction has weight 1.

    The paper's 300, 300 and 0.005 (section 4) go with sums over the picture. Dividing Eq. 2 by the 49,152 values of
    a picture makes the reconstruction a mean and the lambdas what stands here; the parsing loss, a sum over 16,384
    pixels, becomes a mean as well.
    """

    local: float = 300 / VALUES  # 0.0061
    whole: float = 300 / VALUES  # 0.0061, the global discriminator's
    parsing: float = 0.005 * PIXELS / VALUES  # 0.0017
    hole: float = 1.0  # how much more a missing pixel counts in the reconstruction; 1 in the paper
    perceptual: float = 0.0  # not in the paper; 0 = none


def reconstruction_loss(raw: Tensor, image: Tensor, hole: Tensor, hole_weight: float = 1.0) -> Tensor:
    """L_r: the squared L2 distance of the whole pictures, mean over their values.

    raw, image [B,3,H,W] in [-1,1]; hole [B,1,H,W]. Missing pixels may weigh more than the others.
    """
    weight = 1 + (hole_weight - 1) * hole
    return (weight * (raw - image).square()).mean()


def parsing_loss(logits: Tensor, true_logits: Tensor) -> Tensor:
    """L_p: pixel-wise softmax loss against the parsing map of the original face (section 4.2), mean over pixels.

    Both [B,classes,H,W], of the completed and of the original picture. No gradient flows into the second.
    """
    return F.cross_entropy(logits.float(), true_logits.detach().argmax(dim=1))


def adversarial_losses(logits: dict[str, Tensor]) -> dict[str, Tensor]:
    """Eq. 1 as the generator sees it, one for each discriminator that was asked."""
    return {name: log_loss_generator(logit) for name, logit in logits.items()}


def weighted_sum(losses: dict[str, Tensor], weights: Weights) -> Tensor:
    """Eq. 2; a loss that is absent adds nothing."""
    factors = {
        "reconstruction": 1.0,
        "local": weights.local,
        "global": weights.whole,
        "parsing": weights.parsing,
        "perceptual": weights.perceptual,
    }
    return torch.stack([factors[name] * loss for name, loss in losses.items()]).sum()


def squares(hole: Tensor) -> Tensor:
    """Where the local discriminator looks: (top, left) [B,2] of the 64 px square around each hole's middle.

    hole [B,1,H,W]. For the paper's 64 px holes that is the hole itself; an empty hole gives the picture's middle.
    """
    corners = []
    for missing in hole[:, 0] > 0:
        rows, columns = missing.any(dim=1).nonzero(), missing.any(dim=0).nonzero()
        corners.append(torch.stack([start(places, missing.shape[0]) for places in (rows, columns)]))
    return torch.stack(corners)


def start(places: Tensor, side: int) -> Tensor:
    """First row (or column) of the square whose middle is that of `places` [n,1], inside a picture of `side`."""
    if len(places) == 0:
        return torch.tensor((side - HOLE_PIXELS) // 2)
    middle = (places[0, 0] + places[-1, 0] + 1) // 2
    return (middle - HOLE_PIXELS // 2).clamp(0, side - HOLE_PIXELS).cpu()


def cut(image: Tensor, corners: Tensor) -> Tensor:
    """The squares at `corners` [B,2] of [B,3,H,W]: [B,3,64,64]."""
    return torch.stack(
        [
            picture[:, top : top + HOLE_PIXELS, left : left + HOLE_PIXELS]
            for picture, (top, left) in zip(image, corners.tolist(), strict=True)
        ]
    )
