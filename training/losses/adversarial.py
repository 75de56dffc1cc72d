"""Adversarial losses: means over all scores, of any shape.

LSGAN as in LaFIn, Eq. 6: scores near 1 are real, near 0 fake. The log loss as in GFC, Eq. 1: D is the logit's sigmoid.
The hinge loss (Lim and Ye 2017): real scores of 1 and more and fake ones of -1 and less teach nothing.
"""

import torch.nn.functional as F
from torch import Tensor


def lsgan_generator(fake_score: Tensor) -> Tensor:
    """Eq. 6, generator: E[(D(fake) - 1)^2]. Scalar, 0 when every fake passes as real."""
    return ((fake_score - 1) ** 2).mean()


def lsgan_discriminator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """Eq. 6, discriminator: E[D(fake)^2] + E[(D(real) - 1)^2], the sum and not the average. Scalar."""
    return (fake_score**2).mean() + ((real_score - 1) ** 2).mean()


def log_loss_generator(fake_logit: Tensor) -> Tensor:
    """The generator's side of GFC, Eq. 1, in the form that does not saturate: E[-log D(fake)]. Logits; scalar."""
    return F.softplus(-fake_logit).mean()


def log_loss_discriminator(real_logit: Tensor, fake_logit: Tensor) -> Tensor:
    """GFC, Eq. 1, with its sign turned: E[-log D(real)] + E[-log(1 - D(fake))]. Logits; scalar, 2 log 2 by guessing."""
    return F.softplus(-real_logit).mean() + F.softplus(fake_logit).mean()


def hinge_generator(fake_score: Tensor) -> Tensor:
    """-E[D(fake)]. Scalar."""
    return -fake_score.mean()


def hinge_discriminator(real_score: Tensor, fake_score: Tensor) -> Tensor:
    """E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))]. Scalar, 2 while it tells nothing apart."""
    return F.relu(1 - real_score).mean() + F.relu(1 + fake_score).mean()
