"""The backend `pytorch` for a Triton core that has no libtorch: loads model.pt with torch.jit, strict as libtorch is.

Triton starts this file inside its own stub process and reads the repository's config.pbtxt itself. Tensors go through
DLPack, since the stub's numpy conversion does not know numpy 2.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# The stub runs its interpreter isolated, which ignores PYTHONPATH: the environment's packages are put back by hand.
sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)

import torch  # noqa: E402 (needs the path above)
import triton_python_backend_utils as pb_utils  # noqa: E402 (needs the path above)

TORCH_DTYPES = {
    "TYPE_BOOL": torch.bool,
    "TYPE_UINT8": torch.uint8,
    "TYPE_INT8": torch.int8,
    "TYPE_INT16": torch.int16,
    "TYPE_INT32": torch.int32,
    "TYPE_INT64": torch.int64,
    "TYPE_FP16": torch.float16,
    "TYPE_FP32": torch.float32,
    "TYPE_FP64": torch.float64,
}


class TritonPythonModel:
    """One TorchScript module, run once per batch that the core's scheduler gathered."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        self.inputs = in_order(config["input"], "INPUT__")
        self.outputs = in_order(config["output"], "OUTPUT__")
        self.module = torch.jit.load(str(folder / (config.get("default_model_filename") or "model.pt")))
        self.module.eval()
        takes = len(self.module.forward.schema.arguments) - 1
        if takes != len(self.inputs):
            raise ValueError(f"config.pbtxt names {len(self.inputs)} inputs, model.pt takes {takes}")

    def execute(self, requests: list[Any]) -> list[Any]:
        try:
            answers = self.run(requests)
        except Exception as error:  # the stub would take the whole model down with it
            return [pb_utils.InferenceResponse([], pb_utils.TritonError(str(error))) for _ in requests]
        return [pb_utils.InferenceResponse(tensors) for tensors in answers]

    def run(self, requests: list[Any]) -> list[list[Any]]:
        columns = [[torch_input(request, tensor) for request in requests] for tensor in self.inputs]
        sizes = [len(tensor) for tensor in columns[0]]
        with torch.inference_mode():
            results = self.module(*[torch.cat(column) for column in columns])
        if isinstance(results, torch.Tensor):
            results = (results,)
        if len(results) != len(self.outputs):
            raise ValueError(f"config.pbtxt names {len(self.outputs)} outputs, model.pt gives {len(results)}")
        for tensor, result in zip(self.outputs, results, strict=True):
            check_output(tensor, result, sum(sizes))
        split = [torch.split(result, sizes) for result in results]
        return [
            [to_triton(tensor["name"], parts[index]) for tensor, parts in zip(self.outputs, split, strict=True)]
            for index in range(len(requests))
        ]


def in_order(tensors: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The tensors by the number in their names, which must run 0, 1, ... without a gap."""
    wanted = [f"{prefix}{index}" for index in range(len(tensors))]
    by_name = {tensor["name"]: tensor for tensor in tensors}
    if sorted(by_name) != sorted(wanted):
        raise ValueError(f"tensors must be named {', '.join(wanted)}, not {', '.join(by_name)}")
    return [by_name[name] for name in wanted]


def torch_input(request: Any, tensor: dict[str, Any]) -> torch.Tensor:
    given = pb_utils.get_input_tensor_by_name(request, tensor["name"])
    return torch.from_dlpack(given.to_dlpack())


def check_output(tensor: dict[str, Any], result: torch.Tensor, batch: int) -> None:
    shape = [batch, *(int(size) for size in tensor["dims"])]
    if list(result.shape) != shape:
        raise ValueError(f"unexpected shape for output '{tensor['name']}', expecting {shape}, got {list(result.shape)}")
    if result.dtype != TORCH_DTYPES[tensor["data_type"]]:
        raise ValueError(f"unexpected datatype {result.dtype} for output '{tensor['name']}'")


def to_triton(name: str, tensor: torch.Tensor) -> Any:
    return pb_utils.Tensor.from_dlpack(name, torch.utils.dlpack.to_dlpack(tensor.contiguous().clone()))
