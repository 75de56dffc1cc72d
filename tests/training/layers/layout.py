"""Whether a network keeps the layout channels-last from its first layer to its last."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

LAST = torch.channels_last


def last(*shape: int) -> Tensor:
    """Random values in 0..1 in channels-last."""
    return torch.rand(shape).contiguous(memory_format=LAST)


def in_plain_layout(network: nn.Module, *inputs: Tensor) -> list[str]:
    """Names of the layers whose maps come out in the plain layout, though every weight is in channels-last."""
    network.eval().to(memory_format=LAST)
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, given: Any, answer: Any) -> None:
            if isinstance(answer, Tensor) and answer.ndim == 4 and not answer.is_contiguous(memory_format=LAST):
                found.append(name)

        return hook

    hooks = [module.register_forward_hook(look(name)) for name, module in network.named_modules() if name]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return found


def copied_numbers(network: nn.Module, *inputs: Tensor) -> int:
    """Numbers that one forward copies from map to map."""
    network.eval().to(memory_format=LAST)
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
        network(*inputs)
    shapes = [event.input_shapes[:2] for event in profiled.events() if event.name == "aten::copy_"]
    return sum(math.prod(to) for to, source in shapes if len(to) > 2 and to == source)  # not the spread of a bias
