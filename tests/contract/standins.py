"""Tiny TorchScript modules with the signature that a config.pbtxt promises.

They stand in for models whose weights are not there yet. Every output depends on every element of every input, on the
order of the inputs and on the place in the output, so that mixed-up samples, inputs or axes show.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from service.embedded.repository import Tensor as TensorConfig
from service.embedded.repository import parse, read_tensor

TORCH_TYPES = {
    "UINT8": torch.uint8,
    "INT32": torch.int32,
    "INT64": torch.int64,
    "FP16": torch.float16,
    "FP32": torch.float32,
}


class StandIn(nn.Module):
    def __init__(self, inputs: list[TensorConfig], outputs: list[TensorConfig]) -> None:
        super().__init__()
        self.outputs = outputs
        self.weights = [ramp(tensor.dims) * (place + 1) / 97 for place, tensor in enumerate(inputs)]
        self.grids = [ramp(tensor.dims) * 40 for tensor in outputs]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        sums = [(one.double() * weight).flatten(1).mean(1) for one, weight in zip(inputs, self.weights, strict=True)]
        level = torch.stack(sums).sum(0) * 50
        answers = []
        for tensor, grid in zip(self.outputs, self.grids, strict=True):
            answer = level.reshape(-1, *[1] * len(tensor.dims)) + grid
            if tensor.datatype == "UINT8":
                answer = answer.remainder(256).floor()
            answers.append(answer.to(TORCH_TYPES[tensor.datatype]))
        return tuple(answers)


class Slow(nn.Module):
    """Answers its input, [B,1], after as many small matrix products as its largest number says."""

    def forward(self, number: Tensor) -> Tensor:
        square = torch.eye(128)
        for _ in range(int(number.max().item())):
            square = (square @ square).clamp(-1.0, 1.0)
        return number + square[0, 0] - 1


def ramp(dims: tuple[int, ...]) -> Tensor:
    """Values 1..6 that differ between neighbours on every axis."""
    count = math.prod(dims)
    return (torch.arange(count, dtype=torch.float64) * 0.6180339887498949).remainder(5).reshape(dims) + 1


def make_standin(folder: Path) -> None:
    """Write `<folder>/1/model.pt` for the leaf model that `<folder>/config.pbtxt` describes."""
    config = parse(folder / "config.pbtxt")
    inputs = [read_tensor(folder, tensor) for tensor in config.input]
    outputs = [read_tensor(folder, tensor) for tensor in config.output]
    examples = [torch.zeros((2, *tensor.dims), dtype=TORCH_TYPES[tensor.datatype]) for tensor in inputs]
    with no_warning():
        save(torch.jit.trace(StandIn(inputs, outputs), tuple(examples), check_trace=False), folder)


def make_slow(folder: Path) -> None:
    """Write the module `Slow` as `<folder>/1/model.pt`."""
    with no_warning():
        save(torch.jit.script(Slow()), folder)


@contextmanager
def no_warning() -> Iterator[None]:
    """TorchScript is deprecated; the service knows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def save(module: torch.jit.ScriptModule, folder: Path) -> None:
    (folder / "1").mkdir(parents=True, exist_ok=True)
    module.save(str(folder / "1" / "model.pt"))
