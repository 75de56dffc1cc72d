"""The critic's losses of WGAN-GP (Gulrajani et al. 2017): scores are one number a picture, of any size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def wasserstein_generator(fake_scores: Tensor) -> Tensor:
    """-E[D(fake)]: the generator raises its fakes' scores. [B] -> scalar."""
    return -fake_scores.mean()


def wasserstein_critic(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E[D(fake)] - E[D(real)], what the critic descends. Two [B] -> scalar."""
    return fake_scores.mean() - real_scores.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, places: Tensor) -> Tensor:
    """E[(|grad D(x)|_2 - 1)^2] at one point x between every real and fake picture, in float32.

    real, fake [B,...] without gradient; places [B] in [0,1]: how far each x lies from the fake towards the real
    picture. The norm is that of a whole picture's gradient. Scalar, differentiable in the critic's weights.
    """
    share = places.view(-1, *[1] * (real.ndim - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    with torch.enable_grad(), torch.autocast(real.device.type, enabled=False):
        scores = critic(between.float())
        (slopes,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    return (slopes.flatten(1).norm(dim=1) - 1).square().mean()
