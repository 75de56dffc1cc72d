"""How a raw picture meets the known pixels around the hole. M5 of GFC is Poisson blending."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from training.given import Given
from training.masking import complete

Blend = Callable[[Tensor, Tensor, Tensor], Tensor]  # raw, image [B,3,H,W] in [0,1], hole [B,1,H,W] -> completed

MOST_ITERATIONS = 400
TINY = 1e-20  # instead of a division by 0
SMALLEST_REMAINDER = 1e-4  # of the first mismatch: where the solver stops


@torch.no_grad()
def poisson(raw: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """Perez, Gangnet and Blake 2003, Eq. 4: inside the hole the gradients of `raw`, at its edge the colours of `image`.

    raw, image [B,3,H,W] in [0,1], hole [B,1,H,W] in {0,1} -> completed [B,3,H,W], clamped to [0,1]. What is added to
    `raw` is harmonic in the hole and equals image - raw on the known pixels next to it; at the picture's border it may
    have any value. No missing pixel of `image` is read. A hole without known neighbours keeps the raw colours.
    """
    mismatch = (image - raw) * (1 - hole)
    right = hole * neighbours(mismatch)
    correction = solve(right, hole)
    return complete((raw + correction).clamp(0, 1), image, hole)


def neighbours(values: Tensor) -> Tensor:
    """The sum over the four neighbours; outside the picture there is nothing."""
    padded = F.pad(values, (1, 1, 1, 1))
    return padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]


def solve(right: Tensor, hole: Tensor) -> Tensor:
    """x, zero outside the hole, with count * x - neighbours(x) = right inside: conjugate gradients.

    Each picture and channel is a system of its own. The start is 0, so what no known pixel reaches stays 0.
    """
    count = neighbours(torch.ones_like(hole))
    x = torch.zeros_like(right)
    rest = right.clone()
    direction, size = rest.clone(), total(rest * rest)
    enough = SMALLEST_REMAINDER**2 * size
    for _ in range(MOST_ITERATIONS):
        if bool((size <= enough).all()):
            break
        bent = hole * (count * direction - neighbours(direction))
        step = size / total(direction * bent).clamp(min=TINY)
        x, rest = x + step * direction, rest - step * bent
        before, size = size, total(rest * rest)
        direction = rest + size / before.clamp(min=TINY) * direction
    return x


def total(values: Tensor) -> Tensor:
    """The sum over each picture's channel, [B,C,1,1]."""
    return values.sum(dim=(2, 3), keepdim=True)


BLENDS: dict[str, Blend] = {"none": complete, "poisson": poisson}


def completed(raw: Tensor, given: Given, blend: Blend = complete) -> Tensor:
    """What is served of a raw picture [B,3,F,F] uint8: put into the hole, in bytes, here scaled to [0,1]."""
    picture = blend(raw.float() / 255, given.image.float() / 255, given.hole.float())
    return (255 * picture).round() / 255
