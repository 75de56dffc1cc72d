"""Softmax and sigmoid whose smallest values are 0.

Numbers below 1.2e-38 are denormal, and many processors compute with them up to 150 times slower. A sharp softmax over
thousands of positions leaves them in large numbers, and every product with them pays. Below 1e-30 a weight adds nothing
to a float32 sum whose weights add up to 1, so the sums stay equal to the last bit.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 1e-30


def softmax(energy: Tensor, smallest: float = SMALLEST) -> Tensor:
    """Softmax over the last axis, any shape; weights and gradients below `smallest` are 0."""
    if torch.jit.is_scripting():
        return torch.threshold_(torch.softmax(energy, dim=-1), smallest, 0.0)
    weights: Tensor = ClearedSoftmax.apply(energy, smallest)
    return weights


def sigmoid(logits: Tensor, smallest: float = SMALLEST) -> Tensor:
    """Sigmoid, any shape; values below `smallest` are 0, and so is the gradient there."""
    return F.threshold(torch.sigmoid(logits), smallest, 0.0)


class ClearedSoftmax(torch.autograd.Function):
    """With a backward of its own: w * (g - sum(w * g)) makes denormal numbers too, and they go into products again."""

    @staticmethod
    def forward(context: Any, energy: Tensor, smallest: float) -> Tensor:
        weights = F.threshold(torch.softmax(energy, dim=-1), smallest, 0.0, inplace=True)
        context.save_for_backward(weights)
        context.smallest = smallest
        return weights

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (weights,) = context.saved_tensors
        backward = torch.ops.aten._softmax_backward_data(gradients[0], weights, -1, weights.dtype)
        return F.hardshrink(backward, context.smallest), None
