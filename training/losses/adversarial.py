"""Adversarial losses. LSGAN as in LaFIn, Eq. 6: scores near 1 are real, near 0 fake; any score shape, mean over all."""

from torch import Tensor


def lsgan_generator(fake_score: Tensor) -> Tensor:
    """Eq. 6, generator: E[(D(fake) - 1)^2]. Scalar, 0 when every fake passes as real."""
    return ((fake_score - 1) ** 2).mean()


def lsgan_discriminator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """Eq. 6, discriminator: E[D(fake)^2] + E[(D(real) - 1)^2], the sum and not the average. Scalar."""
    return (fake_score**2).mean() + ((real_score - 1) ** 2).mean()
