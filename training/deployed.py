"""A deployed model as the training side sees it: which snapshot it comes from and what goes in and out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Port:
    """One tensor of a signature, without the batch."""

    data_type: str  # KServe's name: UINT8, FP32
    shape: tuple[int, ...]


class Served(nn.Module):
    """A module that is exported: it computes in float32 itself, and hands its network what that takes, in `dtype`."""

    def __init__(self) -> None:
        super().__init__()
        self.dtype = torch.float32  # training/precision.py sets another


def in_bytes(picture: Tensor) -> Tensor:
    """What a network painted, in [0,1], as UINT8; what lies beyond stands on the border."""
    return (picture * 255).round().clamp(0, 255).to(torch.uint8)


def nothing(state: dict[str, Tensor]) -> dict[str, str]:
    """No parameters."""
    return {}


@dataclass(frozen=True)
class Deployed:
    """A leaf model of the repository."""

    part: str  # the part of a recipe that trains it
    load: Callable[[dict[str, Tensor]], nn.Module]  # a snapshot to the module that is exported, in evaluation mode
    inputs: tuple[Port, ...]  # INPUT__0, INPUT__1, ...
    outputs: tuple[Port, ...]  # OUTPUT__0, ...
    output_tolerance: float  # largest difference allowed between eager and script, in units of the output
    differing_share: float = 0.0  # share of the output's values that may differ by more: class ids on an edge
    network: str | None = None  # its snapshot in that part's run folder; None = it is called like the part
    describe: Callable[[dict[str, Tensor]], dict[str, str]] = nothing  # parameters that config.pbtxt must declare
    float32: tuple[str, ...] = ()  # layers of the module that stay float32 whatever the precision
    apart: Callable[[Tensor, Tensor], str] | None = None  # why a second output is too far from a first, in words
