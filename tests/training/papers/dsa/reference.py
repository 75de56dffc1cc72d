"""Dual spatial attention as Eq. 1 to 5 say it, one face after another, over dense maps: what the room must equal."""

from __future__ import annotations

import torch
from torch import Tensor

from training.papers.dsa.attention import DualSpatialAttention, SpatialAttention


def plain_maps(module: DualSpatialAttention, x: Tensor, missing: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Of each face E [N,N'] and E' [N,N]."""
    found = []
    for one, hole in zip(x, missing, strict=True):
        foreground, background = parts(one, hole)
        found.append((weigh(module.cross, foreground, background), weigh(module.own, foreground, foreground)))
    return found


def plain_attention(module: DualSpatialAttention, x: Tensor, missing: Tensor) -> Tensor:
    """Y + Y', merged: [B,C,h,w]."""
    answers = []
    for one, hole, (cross, own) in zip(x, missing, plain_maps(module, x, missing), strict=True):
        foreground, background = parts(one, hole)
        y, own_y = one.clone(), one.clone()
        y[:, hole[0] > 0] += (module.alpha * cross @ module.cross.value(background)).T  # Eq. 2
        own_y[:, hole[0] > 0] += (module.beta * own @ module.own.value(foreground)).T  # Eq. 4
        answers.append(module.merge((y + own_y)[None])[0])
    return torch.stack(answers)


def plain_divergence(oracle: list[tuple[Tensor, Tensor]], found: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Eq. 5, mean over the faces; an empty map adds nothing."""
    total = torch.tensor(0.0)
    for wanted, seen in zip(oracle, found, strict=True):
        for target, given in zip(wanted, seen, strict=True):
            if target.numel():
                total = total + (target * (target.log() - given.log())).sum() / target.numel()
    return total / len(found)


def parts(x: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """X_p [N,C] and X_b [N',C] of x [C,h,w]."""
    return x[:, hole[0] > 0].T, x[:, hole[0] == 0].T


def weigh(branch: SpatialAttention, asking: Tensor, asked: Tensor) -> Tensor:
    """Eq. 1 and 3."""
    return torch.softmax(branch.query(asking) @ branch.key(asked).T, dim=1)
