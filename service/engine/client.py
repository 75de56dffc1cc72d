"""The KServe v2 gRPC client: the only place of the service that speaks to an engine.

One client per process. The gRPC channel belongs to the event loop that made it, so `open` is called inside the loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferResult
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from service.deadline import Deadline
from service.engine import Arrays
from service.engine.error_rules import error_for, rule_for
from service.engine.specs import SPECS, ModelSpec, TensorSpec
from service.errors import Draining, EngineError, EngineGarbage
from service.trace import trace_headers

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 2**31 - 1
RETRY_PAUSE_SECONDS = 0.2
PROBE_SECONDS = 2.0

SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],  # over every address of the name
    "healthCheckConfig": {"serviceName": ""},  # an engine that loads or stops is passed over; one without is trusted
}

CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),  # a restarted engine is found again within about a second
    ("grpc.use_local_subchannel_pool", 1),  # two clients never share a back-off
    ("grpc.enable_http_proxy", 0),  # the engine is a neighbour: http_proxy is not meant for it
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


@dataclass(frozen=True)
class ModelCounts:
    """What the engine counted for one model since it started."""

    model: str
    inferences: int  # samples
    executions: int  # batches
    failures: int
    queue_seconds: float
    compute_seconds: float


class EngineClient:
    """Implements `service.engine.Engine` over the network.

    `url` is host:port, with or without grpc:// in front; grpcs:// asks for TLS with the system's roots. A name with
    several addresses, or several addresses apart by commas, are several engines: requests go to them in turns.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.rpartition("://")
        assert scheme in ("", "grpc", "grpcs"), f"the engine's URL must start with grpc:// or grpcs://, not {scheme}://"
        self._address = target(rest.rstrip("/"))
        self._tls = scheme == "grpcs"
        self._client: InferenceServerClient | None = None

    async def open(self) -> None:
        """Make the channel, in the running loop. It connects when it is first used."""
        if self._client is None:
            self._client = InferenceServerClient(self._address, ssl=self._tls, channel_args=CHANNEL_OPTIONS)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def __aenter__(self) -> EngineClient:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def infer(self, model: str, inputs: Mapping[str, NDArray[Any]], *, deadline: Deadline) -> Arrays:
        """Run one batch. `inputs`: friendly name -> [B, ...]; the answer likewise, as read-only arrays.

        Raises DeadlineExceeded, EngineUnavailable, EngineQueueFull, EngineGarbage or EngineContractBroken.
        Cancelling the task that awaits this cancels the call.
        """
        spec = SPECS[model]
        tensors, batch = to_wire(spec, inputs)
        try:
            result = await self._call(spec, tensors, deadline)
        except InferenceServerException as first:
            rule = rule_for(first.status(), str(first.message()))
            if not rule.retry or deadline.remaining_seconds <= RETRY_PAUSE_SECONDS:
                raise self._report(first, model, deadline) from None
            result = await self._second_call(spec, tensors, deadline)
        return from_wire(spec, result, batch)

    async def _second_call(self, spec: ModelSpec, tensors: list[InferInput], deadline: Deadline) -> InferResult:
        await asyncio.sleep(RETRY_PAUSE_SECONDS)
        try:
            return await self._call(spec, tensors, deadline)
        except InferenceServerException as second:
            raise self._report(second, spec.name, deadline) from None

    async def _call(self, spec: ModelSpec, tensors: list[InferInput], deadline: Deadline) -> InferResult:
        deadline.check()
        seconds = deadline.remaining_seconds
        try:
            return await self._opened().infer(
                spec.name,
                tensors,
                client_timeout=seconds,
                timeout=max(1, int(seconds * 1e6)),  # microseconds, for the engine's queue
                headers=trace_headers(),
            )
        except asyncio.CancelledError:
            if was_cancelled():
                raise
            raise Draining("The engine's client was closed.") from None  # close() cancels the calls under way

    async def parameters(self, model: str, *, deadline: Deadline) -> dict[str, str]:
        """Name -> value of the parameters in the model's config.pbtxt. Raises the same types as `infer`."""
        deadline.check()
        try:
            answer = await self._opened().get_model_config(model, client_timeout=deadline.remaining_seconds)
        except InferenceServerException as error:
            raise self._report(error, model, deadline) from None
        declared = answer.config.parameters
        return {name: str(declared[name].string_value) for name in declared}

    def _report(self, error: InferenceServerException, model: str, deadline: Deadline) -> EngineError:
        text = str(error.message())
        typed = error_for(rule_for(error.status(), text), model, deadline)
        level = logging.ERROR if typed.status in (500, 502) else logging.WARNING
        log.log(level, "engine refused %s: %s %s", model, error.status(), text)
        return typed

    def _opened(self) -> InferenceServerClient:
        assert self._client is not None, "EngineClient.open() was not called"
        return self._client

    async def live(self) -> bool:
        """Whether the engine's process answers at all."""
        return await self._probe("is_server_live")

    async def ready(self, model: str | None = None) -> bool:
        """Whether `model`, or every model, is loaded and warm."""
        if model is None:
            return await self._probe("is_server_ready")
        return await self._probe("is_model_ready", model)

    async def _probe(self, method: str, *args: str) -> bool:
        try:
            return bool(await getattr(self._opened(), method)(*args, client_timeout=PROBE_SECONDS))
        except (InferenceServerException, grpc.RpcError):
            return False

    async def statistics(self) -> dict[str, ModelCounts]:
        """What the engine counted, by model. Raises the same types as `infer`."""
        try:
            answer = await self._opened().get_inference_statistics(client_timeout=PROBE_SECONDS)
        except InferenceServerException as error:
            raise self._report(error, "statistics", Deadline(PROBE_SECONDS)) from None
        return {entry.name: counts(entry) for entry in answer.model_stats}


def target(address: str) -> str:
    """What gRPC calls it: a list of IPv4 addresses, or a name to look up, in which a name server may be named too."""
    if "," in address:
        return f"ipv4:{address}"
    return f"dns://{address}" if "/" in address else f"dns:///{address}"


def was_cancelled() -> bool:
    """Whether somebody asked the running task to stop, as opposed to gRPC cancelling one call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def counts(entry: Any) -> ModelCounts:
    """One `ModelStatistics` message in our words."""
    times = entry.inference_stats
    return ModelCounts(
        model=entry.name,
        inferences=entry.inference_count,
        executions=entry.execution_count,
        failures=times.fail.count,
        queue_seconds=times.queue.ns / 1e9,
        compute_seconds=times.compute_infer.ns / 1e9,
    )


def to_wire(spec: ModelSpec, inputs: Mapping[str, NDArray[Any]]) -> tuple[list[InferInput], int]:
    """The request's tensors and their batch size. A wrong name, type or shape is the caller's mistake: an assert."""
    wanted = [tensor.name for tensor in spec.inputs]
    assert sorted(inputs) == sorted(wanted), f"{spec.name} takes {wanted}, not {sorted(inputs)}"
    batch = len(inputs[wanted[0]])
    assert batch > 0, f"{spec.name} was given an empty batch"
    return [tensor_to_wire(tensor, inputs[tensor.name], batch) for tensor in spec.inputs], batch


def tensor_to_wire(tensor: TensorSpec, array: NDArray[Any], batch: int) -> InferInput:
    assert array.shape == (batch, *tensor.shape), f"{tensor.name}: {array.shape}, not {(batch, *tensor.shape)}"
    assert np_to_triton_dtype(array.dtype) == tensor.dtype, f"{tensor.name}: {array.dtype}, not {tensor.dtype}"
    wire = InferInput(tensor.wire_name, array.shape, tensor.dtype)
    return wire.set_data_from_numpy(array)


def from_wire(spec: ModelSpec, result: InferResult, batch: int) -> Arrays:
    """The answer by friendly names. Raises EngineGarbage unless every promised tensor is there, as promised."""
    return {tensor.name: tensor_from_wire(spec, tensor, result, batch) for tensor in spec.outputs}


def tensor_from_wire(spec: ModelSpec, tensor: TensorSpec, result: InferResult, batch: int) -> NDArray[Any]:
    promised = result.get_output(tensor.wire_name)
    if promised is None:
        raise EngineGarbage(f"{spec.name} did not answer {tensor.name}.")
    if promised.datatype != tensor.dtype or tuple(promised.shape) != (batch, *tensor.shape):
        raise EngineGarbage(f"{spec.name} answered {tensor.name} with another type or shape than promised.")
    try:
        array: NDArray[Any] = result.as_numpy(tensor.wire_name)
    except ValueError:
        raise EngineGarbage(f"{spec.name} answered {tensor.name} with too few or too many bytes.") from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise EngineGarbage(f"{spec.name} answered numbers in {tensor.name} that are not finite.")
    return array
