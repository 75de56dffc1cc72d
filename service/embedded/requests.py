"""ModelInferRequest -> arrays and arrays -> ModelInferResponse, as strict as Triton and with its texts.

The checks run in Triton's order, so that a request with two faults is refused for the same one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2

from service.embedded.contents import WIRE_TYPES, read_data
from service.embedded.refusals import invalid
from service.embedded.repository import DeployedModel, Tensor

Arrays = dict[str, NDArray[Any]]

PARAMETER_FIELDS: dict[str, tuple[str, ...]] = {
    "timeout": ("int64_param",),
    "sequence_start": ("bool_param",),
    "sequence_end": ("bool_param",),
}

BATCH_NOTE = (
    " NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each"
    " input shape. If you want to specify the full shape including the batch dim in your input dims config, try"
    " setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size."
)


@dataclass(frozen=True)
class Request:
    """One checked request. `inputs` have the batch dimension first and are read-only."""

    id: str
    inputs: Arrays
    batch: int
    outputs: tuple[str, ...]  # the ones asked for, in the model's order
    queue_timeout_microseconds: int  # the caller's; 0: none
    deadline: float | None  # on the loop's clock, seconds

    @property
    def log_prefix(self) -> str:
        return log_prefix(self.id)


def read_request(model: DeployedModel, message: Any, deadline: float | None) -> Request:
    """Check everything there is to check. Raises Refusal, INVALID_ARGUMENT but for shared memory."""
    check_parameters(message)
    data = [read_data(model.name, message, index) for index in range(len(message.inputs))]
    outputs = read_outputs(model, message)
    prefix = log_prefix(message.id)
    check_names(model, message, prefix)
    batch = check_batch(model, message, prefix)
    tensors = {tensor.name: tensor for tensor in model.inputs}
    inputs = {
        given.name: read_array(model, tensors[given.name], given, content, prefix)
        for given, content in zip(message.inputs, data, strict=True)
    }
    return Request(message.id, inputs, batch, outputs, read_queue_timeout(message), deadline)


def log_prefix(request_id: str) -> str:
    return f"[request id: {request_id or '<id_unknown>'}] "


def read_queue_timeout(message: Any) -> int:
    """Microseconds; 0 if the caller sets none."""
    return max(0, message.parameters["timeout"].int64_param) if "timeout" in message.parameters else 0


def check_parameters(message: Any) -> None:
    for key, value in message.parameters.items():
        wanted = PARAMETER_FIELDS.get(key)
        if wanted and value.WhichOneof("parameter_choice") not in wanted:
            raise invalid(f"invalid value type for '{key}' parameter, expected {wanted[0]}.")
        if key.startswith("triton_"):
            raise invalid("parameter keys starting with 'triton_' are reserved for Triton usage.")


def read_outputs(model: DeployedModel, message: Any) -> tuple[str, ...]:
    """The outputs asked for; all of them if none is named."""
    known = [tensor.name for tensor in model.outputs]
    asked = {output.name for output in message.outputs}
    for output in message.outputs:
        if output.name not in known:
            raise invalid(f"unexpected inference output '{output.name}' for model '{model.name}'")
        if "classification" in output.parameters or "shared_memory_region" in output.parameters:
            raise invalid(f"output '{output.name}': classification and shared memory need Triton")
    if model.steps and asked and asked != set(known):
        raise invalid(
            f"in ensemble '{model.name}', unexpected deadlock, at least one output is not set while no more ensemble"
            " steps can be made: ask for every output, or for none"
        )
    return tuple(name for name in known if not asked or name in asked)


def check_names(model: DeployedModel, message: Any, prefix: str) -> None:
    wanted = [tensor.name for tensor in model.inputs]
    given: list[str] = []
    for tensor in message.inputs:
        if tensor.name in given:
            raise invalid(f"{prefix}input '{tensor.name}' already exists in request")
        given.append(tensor.name)
    if len(given) != len(wanted):
        raise invalid(
            f"{prefix}expected {len(wanted)} inputs but got {len(given)} inputs for model '{model.name}'."
            f" Got input(s) [{quoted(given)}], but missing required input(s)"
            f" [{quoted([name for name in wanted if name not in given])}]. Please provide all required input(s)."
        )
    for name in given:
        if name not in wanted:
            raise invalid(f"unexpected inference input '{name}' for model '{model.name}'")


def quoted(names: list[str]) -> str:
    return ",".join(f"'{name}'" for name in names)


def check_batch(model: DeployedModel, message: Any, prefix: str) -> int:
    """The batch size that all inputs share, 1..max_batch_size."""
    sizes = set()
    for tensor in message.inputs:
        if not tensor.shape:
            raise invalid(
                f"{prefix}input '{tensor.name}' has no shape but model requires batch dimension for '{model.name}'"
            )
        sizes.add(tensor.shape[0])
    if len(sizes) != 1:
        name = message.inputs[0].name
        raise invalid(f"{prefix}input '{name}' batch size does not match other inputs for '{model.name}'")
    batch = int(sizes.pop())
    if batch > model.max_batch_size:
        raise invalid(f"{prefix}inference request batch-size must be <= {model.max_batch_size} for '{model.name}'")
    if batch < 1:
        raise invalid(f"{prefix}inference request batch-size must be >= 1 for '{model.name}'")
    return batch


def read_array(model: DeployedModel, tensor: Tensor, given: Any, data: bytes, prefix: str) -> NDArray[Any]:
    datatype = given.datatype if given.datatype in WIRE_TYPES else "<invalid>"
    if datatype != tensor.datatype:
        raise invalid(
            f"{prefix}inference input '{tensor.name}' data-type is '{datatype}', but model '{model.name}' expects"
            f" '{tensor.datatype}'"
        )
    shape = list(given.shape)
    if shape[1:] != list(tensor.dims):
        expected = ",".join(map(str, (-1, *tensor.dims)))
        raise invalid(
            f"{prefix}unexpected shape for input '{tensor.name}' for model '{model.name}'."
            f" Expected [{expected}], got [{','.join(map(str, shape))}].{BATCH_NOTE}"
        )
    expected_bytes = math.prod(shape) * tensor.dtype.itemsize
    if len(data) != expected_bytes:
        raise invalid(
            f"{prefix}input byte size mismatch for input '{tensor.name}' for model '{model.name}'."
            f" Expected {expected_bytes}, got {len(data)}"
        )
    return np.frombuffer(data, dtype=tensor.dtype).reshape(shape)


def write_response(model: DeployedModel, request: Request, outputs: Mapping[str, NDArray[Any]]) -> Any:
    """The answer, with the outputs that were asked for, as raw bytes."""
    response = service_pb2.ModelInferResponse(model_name=model.name, model_version=str(model.version), id=request.id)
    tensors = {tensor.name: tensor for tensor in model.outputs}
    for name in request.outputs:
        response.outputs.add(name=name, datatype=tensors[name].datatype, shape=outputs[name].shape)
        response.raw_output_contents.append(outputs[name].tobytes())
    return response
