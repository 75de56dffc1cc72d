"""Style loss on Gram matrices of feature maps: LaFIn, Eq. 4."""

from collections.abc import Mapping

import torch
from torch import Tensor


def gram(features: Tensor) -> Tensor:
    """Gram matrix of feature maps, divided by their size: phi^T phi / (C H W). [B,C,H,W] -> [B,C,C], float32."""
    channels, height, width = features.shape[1:]
    with torch.autocast(features.device.type, enabled=False):  # sums over H*W leave the range of half precision
        flat = features.float().flatten(2)
        return flat @ flat.transpose(1, 2) / (channels * height * width)


def style(features_fake: Mapping[str, Tensor], features_real: Mapping[str, Tensor]) -> Tensor:
    """Sum over layers of the mean absolute difference of Gram matrices, mean over the batch.

    Eq. 4: sum_p 1/(N_p N_p) |(G_p(fake o M) - G_p(real o M)) / (N_p H_p W_p)|_1.
    M is the paper's mask of the corrupted region, so the features given here are those of `fake * hole` and
    `real * hole`. Takes name -> [B,C,H,W] of the same layers. Scalar, 0 when equal.
    """
    assert features_fake.keys() == features_real.keys(), (features_fake.keys(), features_real.keys())
    differences = [(gram(features_fake[layer]) - gram(features_real[layer])).abs().mean() for layer in features_fake]
    assert differences, "no layers"
    return sum(differences[1:], differences[0])
