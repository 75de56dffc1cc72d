"""Small repositories in a temporary folder, for the tests of the embedded engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from service.embedded.repository import DeployedModel, read_repository
from service.embedded.requests import Arrays, Request
from tests.contract.standins import no_warning, save

LEAF = """
name: "double" backend: "pytorch" max_batch_size: 4
input [ { name: "INPUT__0" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "OUTPUT__0" data_type: TYPE_FP32 dims: [ 2 ] } ]
dynamic_batching {
  max_queue_delay_microseconds: 0
  default_queue_policy { default_timeout_microseconds: 5000000 allow_timeout_override: true max_queue_size: 4 }
}
"""

TWICE = """
name: "twice" platform: "ensemble" max_batch_size: 4
input [ { name: "number" data_type: TYPE_FP32 dims: [ 2 ] } ]
output [ { name: "half" data_type: TYPE_FP32 dims: [ 2 ] }, { name: "answer" data_type: TYPE_FP32 dims: [ 2 ] } ]
ensemble_scheduling { step [
  { model_name: "double" model_version: -1
    input_map { key: "INPUT__0" value: "half" } output_map { key: "OUTPUT__0" value: "answer" } },
  { model_name: "double" model_version: -1
    input_map { key: "INPUT__0" value: "number" } output_map { key: "OUTPUT__0" value: "half" } }
] }
"""


class Double(nn.Module):
    """[B,2] -> twice that. A negative number makes it fail."""

    def forward(self, number: Tensor) -> Tensor:
        if bool((number < 0).any()):
            raise ValueError("a negative number")
        return number * 2


def write_model(root: Path, name: str, config: str, version: int = 1) -> Path:
    """The folder `root/name` with this configuration and an empty version folder."""
    folder = root / name
    (folder / str(version)).mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
    return folder


def write_leaf(root: Path, config: str = LEAF, module: nn.Module | None = None, name: str = "double") -> Path:
    """The leaf `double`, or another module under that configuration."""
    folder = write_model(root, name, config)
    with no_warning():
        save(torch.jit.script(module or Double()), folder)
    return folder


def write_repository(root: Path) -> dict[str, DeployedModel]:
    """`double` and the ensemble `twice`."""
    write_leaf(root)
    write_model(root, "twice", TWICE)
    return read_repository(root)


def request_for(inputs: Arrays, **fields: Any) -> Request:
    """A checked request, as read_request would make it."""
    given: dict[str, Any] = {
        "id": "",
        "inputs": inputs,
        "batch": len(next(iter(inputs.values()))),
        "outputs": ("OUTPUT__0",),
        "queue_timeout_microseconds": 0,
        "deadline": None,
    }
    return Request(**{**given, **fields})


def numbers(*values: float) -> Any:
    """[B,2] FP32: one row for each value."""
    return np.repeat(np.array(values, np.float32)[:, None], 2, 1)
