"""Muon beside Adam: an optimiser that moves a weight matrix by the same length in every one of its directions.

Where inputs are strongly correlated, as the pixels of faces are, Adam takes long to learn the small differences. Jordan
et al., "Muon: An optimizer for hidden layers in neural networks", 2024. `torch.optim.Muon` takes matrices only; this
one also takes convolutions, and the other parameters of a network with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.arithmetic import matrix_dtype

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # the quintic that lifts every singular value to about 1, in five steps
NEWTON_SCHULZ_STEPS = 5
MOMENTUM = 0.95
SMALLEST_NORM = 1e-7


class Muon(torch.optim.Adam):
    """Adam, except for groups with `orthogonal=True`: their parameters have two dimensions or more and go by Muon.

    `lr` of such a group is the length of an update: a matrix's first dimension is that of its outputs, and the length
    is raised by sqrt(outputs / inputs) where there are more outputs, as `torch.optim.Muon` does by default. With
    `transposed=True` outputs are the second dimension, as those of transposed convolutions are.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float] = (0.9, 0.999)) -> None:
        super().__init__([{"orthogonal": False, "transposed": False, **group} for group in groups], lr, betas)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        assert closure is None, "a closure would be called for half of the parameters"
        for group in self.param_groups:
            moved = [one for one in group["params"] if one.grad is not None] if group["orthogonal"] else []
            if moved:
                self._move(moved, group["lr"], transposed=group.get("transposed", False))
            for parameter in moved:
                parameter.grad = None  # so that Adam passes it over
        return super().step()

    def _move(self, parameters: list[Tensor], length: float, *, transposed: bool) -> None:
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for parameter in parameters:
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros(())  # Adam looks for it when a state is loaded
                state["momentum"] = torch.zeros_like(parameter)
            state["step"] += 1
        momenta = [self.state[parameter]["momentum"] for parameter in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        leading = torch._foreach_lerp(gradients, momenta, MOMENTUM)
        slopes = [slope.transpose(0, 1) if transposed else slope for slope in leading]
        directions = orthogonal([slope.flatten(1) for slope in slopes])
        for parameter, slope, direction in zip(parameters, slopes, directions, strict=True):
            outputs, inputs = direction.shape
            scaled = length * math.sqrt(max(1.0, outputs / inputs))
            move = direction.reshape(slope.shape).to(parameter.dtype)
            parameter.add_(move.transpose(0, 1) if transposed else move, alpha=-scaled)


def orthogonal(matrices: Sequence[Tensor]) -> list[Tensor]:
    """The nearest matrices with singular values of about 1, by Newton and Schulz, in bfloat16 where that is fast.

    Those of one shape are computed together: on a GPU it is the number of calls that takes the time.
    """
    alike: dict[torch.Size, list[int]] = {}
    for place, matrix in enumerate(matrices):
        alike.setdefault(matrix.shape, []).append(place)
    found: dict[int, Tensor] = {}
    for places in alike.values():
        found |= zip(places, together(torch.stack([matrices[place] for place in places])), strict=True)
    return [found[place] for place in range(len(matrices))]


def together(matrices: Tensor) -> Tensor:
    """`orthogonal` of matrices of one shape, [K,m,n]."""
    a, b, c = NEWTON_SCHULZ
    x = matrices.to(matrix_dtype(matrices.device))
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.mT
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=SMALLEST_NORM)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT


def optimizer(
    network: nn.Module,
    learning_rate: float,
    betas: tuple[float, float],
    length: float,
    *,
    weight_decay: float = 0.0,
    last: nn.Module | None = None,
) -> torch.optim.Adam:
    """Adam where `length` is 0, else Muon for the hidden layers and Adam, without weight decay, for the others."""
    if not length:
        return torch.optim.Adam(network.parameters(), learning_rate, betas, weight_decay=weight_decay)
    return Muon(groups(network, learning_rate, length, last=last), learning_rate, betas)


def groups(
    network: nn.Module, learning_rate: float, length: float, *, last: nn.Module | None = None
) -> list[dict[str, Any]]:
    """A network's parameters for `Muon`: hidden matrices and convolutions by `length`, all others by Adam.

    A layer with three channels in or out reads or paints a picture, so it is not hidden; nor is `last`, whose outputs
    are the answer. Transposed convolutions go by Adam, but for `with_transposed`.
    """
    hidden = {
        layer.weight
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer is not last and min(layer.weight.shape[:2]) > 3
    }
    others = [parameter for parameter in network.parameters() if parameter not in hidden]
    kept = [parameter for parameter in network.parameters() if parameter in hidden]
    return [{"params": others, "lr": learning_rate}, {"params": kept, "lr": length, "orthogonal": True}]


def with_transposed(groups: list[dict[str, Any]], layers: Iterable[nn.ConvTranspose2d]) -> list[dict[str, Any]]:
    """The groups of a network, whose hidden transposed convolutions `layers` go by Muon, too."""
    others, hidden = groups
    moved = {layer.weight for layer in layers if min(layer.weight.shape[:2]) > 3}
    kept, taken = ([one for one in others["params"] if (one in moved) is wanted] for wanted in (False, True))
    return [{**others, "params": kept}, hidden, {**hidden, "params": taken, "transposed": True}]  # always in one order
