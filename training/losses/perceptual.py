"""Perceptual loss on the feature maps of a frozen network: LaFIn, Eq. 3."""

from collections.abc import Mapping

from torch import Tensor


def perceptual(features_fake: Mapping[str, Tensor], features_real: Mapping[str, Tensor]) -> Tensor:
    """Sum over layers of the mean absolute difference of feature maps.

    Eq. 3: sum_p |phi_p(fake) - phi_p(real)|_1 / (N_p H_p W_p), mean over the batch.
    Takes name -> [B,C,H,W] of the same layers, as `FrozenFeatures` returns them. Scalar, 0 when equal.
    """
    assert features_fake.keys() == features_real.keys(), (features_fake.keys(), features_real.keys())
    differences = [(features_fake[layer] - features_real[layer]).abs().mean() for layer in features_fake]
    assert differences, "no layers"
    return sum(differences[1:], differences[0])
