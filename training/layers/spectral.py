"""Spectral norm: folding it into the weights before a network is shipped, and going on from such weights."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

POWER_ITERATIONS = 100


def folded_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of `network` with every normalised weight as its present value W / (u . W v).

    Loads into the same network built without spectral norm, and computes the same in evaluation mode.
    """
    network.eval()
    state = {key: tensor for key, tensor in network.state_dict().items() if ".parametrizations." not in key}
    for name, module in network.named_modules():
        if is_parametrized(module, "weight"):
            state[f"{name}.weight"] = module.weight.detach()
    return state


@torch.no_grad()
def load_folded_state(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load what `folded_state` gave into a network that may have spectral norm; RuntimeError if it does not fit.

    Folded weights have norm 1 already; the norm's own vectors are found again by power iteration.
    """
    bare = {key: tensor for key, tensor in network.state_dict().items() if ".parametrizations." not in key}
    normed = {f"{name}.weight": module for name, module in network.named_modules() if is_parametrized(module, "weight")}
    if wrong := set(state) ^ (set(bare) | set(normed)):
        raise RuntimeError(f"missing or unexpected keys: {', '.join(sorted(wrong)[:6])}")
    network.load_state_dict({key: tensor for key, tensor in state.items() if key not in normed}, strict=False)
    network.train()
    for key, module in normed.items():
        module.weight = state[key].to(next(module.parameters()).device)
        for _ in range(POWER_ITERATIONS):
            module.weight  # noqa: B018 (in training, reading the weight is one power iteration)


def spectral_norms(network: nn.Module) -> list[nn.Module]:
    """The parametrisations of `network`: in training mode each reading of a weight is one power iteration."""
    return [module for module in network.modules() if isinstance(module, ParametrizationList)]
