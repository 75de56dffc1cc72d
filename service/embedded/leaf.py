"""One TorchScript module: batches of arrays in, arrays out. The only file that touches torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from service.embedded.repository import MOST_CORES, DeployedModel, RepositoryError, Tensor
from service.embedded.requests import Arrays
from service.embedded.statistics import Durations

LOAD: Any = torch.jit.load  # torch gives it no types


class LeafError(Exception):
    """The module failed, or answered something that config.pbtxt does not promise."""


_of_thread = threading.local()


def all_cores() -> int:
    """As many threads as torch would use for one forward."""
    return int(torch.get_num_threads())


def prepare_thread() -> None:
    """Denormal numbers count as 0 in this thread and in OpenMP's threads that its forwards will start.

    Many processors compute with them up to 150 times slower. Threads inherit the mode when they start and never later,
    so this comes before the first forward.
    """
    torch.set_flush_denormal(True)


def use_cores(count: int) -> None:
    """Threads of the forwards that this thread runs from now on; OpenMP keeps the number for each thread."""
    if getattr(_of_thread, "cores", None) != count:
        torch.set_num_threads(count)
        _of_thread.cores = count


class Leaf:
    """A loaded module, the same for all its instances: it keeps no state, any thread may call `run`."""

    def __init__(self, model: DeployedModel) -> None:
        """Load `1/model.pt`. Raises RepositoryError."""
        self.model = model
        self._inputs = by_number(model, model.inputs, "INPUT__")
        self._outputs = by_number(model, model.outputs, "OUTPUT__")
        try:
            self._module: Any = LOAD(str(model.file), map_location="cpu")
        except (RuntimeError, ValueError) as error:
            raise RepositoryError(
                f"{model.file} is not a TorchScript module: make it again with `make models`"
                f" ({str(error).splitlines()[0]})."
            ) from None
        self._module.eval()
        self.most_cores = most_cores(model)
        takes = len(self._module.forward.schema.arguments) - 1
        if takes != len(self._inputs):
            raise RepositoryError(f"{model.file} takes {takes} inputs, config.pbtxt names {len(self._inputs)}.")

    def run(self, requests: Sequence[Arrays], cores: int) -> tuple[list[Arrays], Durations]:
        """One forward for all `requests` together. Each answer is a view into the batch. Raises LeafError."""
        use_cores(cores)
        started_ns = time.perf_counter_ns()
        sizes = [len(request[self._inputs[0].name]) for request in requests]
        columns = [np.concatenate([request[tensor.name] for request in requests]) for tensor in self._inputs]
        gathered_ns = time.perf_counter_ns()
        results = self._forward(columns)
        ran_ns = time.perf_counter_ns()
        answers = self._split(results, sizes)
        ended_ns = time.perf_counter_ns()
        return answers, Durations(gathered_ns - started_ns, ran_ns - gathered_ns, ended_ns - ran_ns)

    def _forward(self, columns: list[NDArray[Any]]) -> tuple[torch.Tensor, ...]:
        try:
            with torch.inference_mode():
                results = self._module(*[torch.from_numpy(column) for column in columns])
        except (RuntimeError, torch.jit.Error) as error:
            raise LeafError(f"PyTorch execute failure: {str(error).strip().splitlines()[-1]}") from error
        return (results,) if isinstance(results, torch.Tensor) else tuple(results)

    def _split(self, results: tuple[torch.Tensor, ...], sizes: list[int]) -> list[Arrays]:
        if len(results) != len(self._outputs):
            raise LeafError(f"model.pt gives {len(results)} outputs, config.pbtxt names {len(self._outputs)}")
        answers: list[Arrays] = [{} for _ in sizes]
        ends = np.cumsum(sizes)
        for tensor, result in zip(self._outputs, results, strict=True):
            array = checked(tensor, result.numpy(), int(ends[-1]))
            for answer, part in zip(answers, np.split(array, ends[:-1]), strict=True):
                answer[tensor.name] = part
        return answers


def most_cores(model: DeployedModel) -> int:
    """More cores than these make the model no quicker; 0: no such limit. Raises RepositoryError."""
    text = model.config.parameters[MOST_CORES].string_value if MOST_CORES in model.config.parameters else "0"
    if not text.isdecimal():
        raise RepositoryError(f"{model.name}/config.pbtxt: {MOST_CORES} must be a whole number, not {text!r}.")
    return int(text)


def by_number(model: DeployedModel, tensors: tuple[Tensor, ...], prefix: str) -> list[Tensor]:
    """The tensors in the order of the module's arguments: INPUT__0, INPUT__1, ..."""
    wanted = [f"{prefix}{index}" for index in range(len(tensors))]
    named = {tensor.name: tensor for tensor in tensors}
    if set(named) != set(wanted):
        raise RepositoryError(
            f"{model.name}/config.pbtxt: tensors must be named {', '.join(wanted)}, not {', '.join(named)}."
        )
    return [named[name] for name in wanted]


def checked(tensor: Tensor, array: NDArray[Any], batch: int) -> NDArray[Any]:
    if array.shape != (batch, *tensor.dims):
        raise LeafError(f"output '{tensor.name}' has the shape {array.shape}, expected {(batch, *tensor.dims)}")
    if array.dtype != tensor.dtype:
        raise LeafError(f"output '{tensor.name}' has the type {array.dtype}, expected {tensor.dtype}")
    return array
