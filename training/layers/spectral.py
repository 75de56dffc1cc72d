"""Spectral norm: folding it into the weights before a network is shipped."""

from __future__ import annotations

import torch.nn as nn
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized


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
