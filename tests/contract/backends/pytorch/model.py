"""The backend `pytorch` for a Triton core that has no libtorch: `torch_modules.py` loads model.pt and computes for it.

Triton starts this file inside its own stub process, one for each model, and reads the repository's config.pbtxt itself.
Loading torch into each of them would take seconds, so none does. Tensors go through DLPack, since the stub's numpy
conversion does not know numpy 2.
"""

from __future__ import annotations

import json
import os
import sys
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

# The stub runs its interpreter isolated, which ignores PYTHONPATH: the environment's packages are put back by hand.
sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)

import numpy as np  # noqa: E402 (needs the path above)
import triton_python_backend_utils as pb_utils  # noqa: E402 (needs the path above)

CPU = (1, 0)  # a device as DLPack names it
USED = "PyCapsule_GetPointer called with incorrect name"  # numpy, of what Triton has taken and marked its own way
START_SECONDS = 60.0  # until the process that computes listens


class TritonPythonModel:
    """One TorchScript module, run once per batch that the core's scheduler gathered."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        self.inputs = in_order(config["input"], "INPUT__")
        self.outputs = in_order(config["output"], "OUTPUT__")
        self.modules = connected(os.environ["TORCH_MODULES"])
        takes = self.ask(str(folder / (config.get("default_model_filename") or "model.pt")))
        if takes != len(self.inputs):
            raise ValueError(f"config.pbtxt names {len(self.inputs)} inputs, model.pt takes {takes}")

    def execute(self, requests: list[Any]) -> list[Any]:
        try:
            answers = self.run(requests)
        except Exception as error:  # the stub would take the whole model down with it
            return [pb_utils.InferenceResponse([], pb_utils.TritonError(str(error))) for _ in requests]
        return [pb_utils.InferenceResponse(tensors) for tensors in answers]

    def run(self, requests: list[Any]) -> list[list[Any]]:
        columns = [[array_of(request, tensor) for request in requests] for tensor in self.inputs]
        sizes = [len(array) for array in columns[0]]
        results = self.ask([np.concatenate(column) for column in columns])
        if len(results) != len(self.outputs):
            raise ValueError(f"config.pbtxt names {len(self.outputs)} outputs, model.pt gives {len(results)}")
        for tensor, result in zip(self.outputs, results, strict=True):
            check_output(tensor, result, sum(sizes))
        split = [np.split(result, np.cumsum(sizes[:-1])) for result in results]
        return [
            [to_triton(tensor["name"], parts[index]) for tensor, parts in zip(self.outputs, split, strict=True)]
            for index in range(len(requests))
        ]

    def ask(self, what: object) -> Any:
        """The answer of the process that computes; its exception is this one's."""
        self.modules.send(what)
        answer = self.modules.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def connected(name: str) -> Connection:
    """To the process that computes, which is started beside Triton, by the name of its abstract socket."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return Client(f"\0{name}", "AF_UNIX")
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def without_used(unraisable: Any) -> None:
    if str(unraisable.exc_value) != USED:
        sys.__unraisablehook__(unraisable)


sys.unraisablehook = without_used


def in_order(tensors: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """The tensors by the number in their names, which must run 0, 1, ... without a gap."""
    wanted = [f"{prefix}{index}" for index in range(len(tensors))]
    by_name = {tensor["name"]: tensor for tensor in tensors}
    if sorted(by_name) != sorted(wanted):
        raise ValueError(f"tensors must be named {', '.join(wanted)}, not {', '.join(by_name)}")
    return [by_name[name] for name in wanted]


class Given:
    """A tensor of Triton's as numpy takes it."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __dlpack__(self, **asked: Any) -> Any:
        return self.tensor.to_dlpack()

    def __dlpack_device__(self) -> tuple[int, int]:
        return CPU


def array_of(request: Any, tensor: dict[str, Any]) -> np.ndarray:
    return np.from_dlpack(Given(pb_utils.get_input_tensor_by_name(request, tensor["name"])))


def check_output(tensor: dict[str, Any], result: np.ndarray, batch: int) -> None:
    shape = [batch, *(int(size) for size in tensor["dims"])]
    if list(result.shape) != shape:
        raise ValueError(f"unexpected shape for output '{tensor['name']}', expecting {shape}, got {list(result.shape)}")
    if result.dtype != pb_utils.triton_string_to_numpy(tensor["data_type"]):
        raise ValueError(f"unexpected datatype {result.dtype} for output '{tensor['name']}'")


def to_triton(name: str, array: np.ndarray) -> Any:
    return pb_utils.Tensor.from_dlpack(name, np.array(array).__dlpack__())
