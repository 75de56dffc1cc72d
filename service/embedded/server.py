"""The gRPC face of the embedded engine: KServe v2 with Triton's extensions for configuration and statistics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

from service import __version__
from service.embedded.address import AddressError, check_address, grpc_address
from service.embedded.engine import EmbeddedEngine, Served
from service.embedded.health_service import health_handlers
from service.embedded.refusals import Refusal, invalid
from service.embedded.requests import read_request, write_response

log = logging.getLogger(__name__)

EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "schedule_policy", "statistics")
SERVER_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_send_message_length", 2**31 - 1),
    ("grpc.max_receive_message_length", 2**31 - 1),
    ("grpc.so_reuseport", 0),  # a busy port is an error
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_age_ms", 300_000),  # then clients look the name up again, and find engines that were added
    ("grpc.max_connection_age_grace_ms", 120_000),  # longer than any request has
]


class Calls:
    """One method a call; `METHODS` names them on the wire. Each raises Refusal."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine

    async def server_live(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerLiveResponse(live=True)

    async def server_ready(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerReadyResponse(ready=self._engine.ready)

    async def server_metadata(self, request: Any, context: Any) -> Any:
        return service_pb2.ServerMetadataResponse(name="embedded", version=__version__, extensions=EXTENSIONS)

    async def model_ready(self, request: Any, context: Any) -> Any:
        found = self._found(request.name, request.version)
        return service_pb2.ModelReadyResponse(ready=found is not None and not self._engine.stopping)

    async def model_metadata(self, request: Any, context: Any) -> Any:
        model = self._engine.find(request.name, request.version).model
        response = service_pb2.ModelMetadataResponse(
            name=model.name, versions=[str(model.version)], platform=model.config.platform
        )
        for tensors, field in ((model.inputs, response.inputs), (model.outputs, response.outputs)):
            for tensor in tensors:
                field.add(name=tensor.name, datatype=tensor.datatype, shape=(-1, *tensor.dims))
        return response

    async def model_config(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelConfigResponse(config=self._engine.find(request.name, request.version).model.config)

    async def model_statistics(self, request: Any, context: Any) -> Any:
        served = self._engine.served()
        if request.name:
            found = self._found(request.name, request.version)
            if found is None and self._found(request.name, "") is not None:
                raise invalid(f"requested model version is not available for model '{request.name}'")
            if found is None:
                raise invalid(f"requested model '{request.name}' is not available")
            served = [found]
        entries = [one.statistics.message(one.model.name, one.model.version) for one in served]
        return service_pb2.ModelStatisticsResponse(model_stats=entries)

    async def repository_index(self, request: Any, context: Any) -> Any:
        if request.repository_name:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "'repository_name' specification is not supported")
        response = service_pb2.RepositoryIndexResponse()
        ready = {one.model.name for one in self._engine.served()}
        for name, model in sorted(self._engine.repository.items()):
            if name in ready or not request.ready:
                state = "READY" if name in ready else "LOADING"
                response.models.add(name=name, version=str(model.version), state=state)
        return response

    async def model_infer(self, request: Any, context: Any) -> Any:
        served = self._engine.find(request.model_name, request.model_version)
        checked = read_request(served.model, request, deadline_of(context))
        outputs = await self._engine.infer(served, checked)
        return write_response(served.model, checked, outputs)

    def _found(self, name: str, version: str) -> Served | None:
        """The model, or None if there is none. Raises Refusal for a version that is not a number."""
        try:
            return self._engine.find(name, version)
        except Refusal as refusal:
            if refusal.status is not grpc.StatusCode.NOT_FOUND:
                raise
            return None


METHODS: dict[str, str] = {  # what is not named here answers UNIMPLEMENTED: it needs Triton
    "ServerLive": "server_live",
    "ServerReady": "server_ready",
    "ServerMetadata": "server_metadata",
    "ModelReady": "model_ready",
    "ModelMetadata": "model_metadata",
    "ModelConfig": "model_config",
    "ModelStatistics": "model_statistics",
    "RepositoryIndex": "repository_index",
    "ModelInfer": "model_infer",
}

Call = Callable[[Any, Any], Awaitable[Any]]


def handlers(calls: Calls) -> Any:
    """gRPC's handlers for `METHODS`, each with its own messages."""
    table = {
        name: grpc.unary_unary_rpc_method_handler(
            refusing(getattr(calls, method)),
            request_deserializer=getattr(service_pb2, f"{name}Request").FromString,
            response_serializer=getattr(service_pb2, f"{name}Response").SerializeToString,
        )
        for name, method in METHODS.items()
    }
    return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", table)


def refusing(call: Call) -> Call:
    """Turns a Refusal into the call's status, and anything else into INTERNAL, logged."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await call(request, context)
        except Refusal as refusal:
            await context.abort(refusal.status, refusal.text)
        except Exception:
            log.exception("a call failed")
            await context.abort(grpc.StatusCode.INTERNAL, "the embedded engine failed: see its log")

    return answer


def deadline_of(context: Any) -> float | None:
    """The call's deadline on the loop's clock."""
    remaining_seconds = context.time_remaining()
    if remaining_seconds is None:
        return None
    return asyncio.get_running_loop().time() + float(remaining_seconds)


async def start(engine: EmbeddedEngine, host: str, port: int) -> tuple[Any, int]:
    """A listening server and the port it got (`port` 0 lets the system choose). Raises AddressError."""
    check_address(host, port)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((handlers(Calls(engine)), health_handlers(engine)))
    try:
        bound = server.add_insecure_port(grpc_address(host, port))
    except RuntimeError as error:
        raise AddressError(f"port {port} on {host} cannot be bound: {error}") from None
    await server.start()
    return server, int(bound)
