"""A gRPC server that answers ModelInfer from a script: the network boundary of the client's tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

Answer = Callable[[Any, Any], Awaitable[Any]]


class ScriptedEngine:
    """Each call takes the next answer of `script`; the last one is used again and again."""

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.requests: list[Any] = []
        self.seconds_left: list[float] = []
        self.metadata: list[dict[str, Any]] = []
        self.server: Any = None
        self.port = 0

    async def start(self, port: int = 0) -> str:
        self.server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((self._handlers(),))
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        await self.server.start()
        return f"127.0.0.1:{self.port}"

    async def stop(self) -> None:
        await self.server.stop(0)

    def _handlers(self) -> Any:
        async def live(request: Any, context: Any) -> Any:
            return service_pb2.ServerLiveResponse(live=True)

        async def not_ready(request: Any, context: Any) -> Any:
            return service_pb2.ServerReadyResponse(ready=False)

        async def statistics(request: Any, context: Any) -> Any:
            entry = service_pb2.ModelStatistics(name="lafin", inference_count=5, execution_count=2)
            entry.inference_stats.fail.count = 1
            entry.inference_stats.queue.ns = 1_500_000_000
            entry.inference_stats.compute_infer.ns = 250_000_000
            return service_pb2.ModelStatisticsResponse(model_stats=[entry])

        async def config(request: Any, context: Any) -> Any:
            if request.name != "parser":
                await context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{request.name}'")
            response = service_pb2.ModelConfigResponse()
            response.config.parameters["classes"].string_value = "background,skin"
            return response

        table = {
            "ModelConfig": handler(config, "ModelConfig"),
            "ModelInfer": handler(self._infer, "ModelInfer"),
            "ServerLive": handler(live, "ServerLive"),
            "ServerReady": handler(not_ready, "ServerReady"),
            "ModelStatistics": handler(statistics, "ModelStatistics"),
        }
        return grpc.method_handlers_generic_handler("inference.GRPCInferenceService", table)

    async def _infer(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.seconds_left.append(context.time_remaining())
        self.metadata.append(dict(context.invocation_metadata()))
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await answer(request, context)


def handler(method: Answer, name: str) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=getattr(service_pb2, f"{name}Request").FromString,
        response_serializer=getattr(service_pb2, f"{name}Response").SerializeToString,
    )


def refuses(code: grpc.StatusCode, text: str) -> Answer:
    async def answer(request: Any, context: Any) -> Any:
        await context.abort(code, text)

    return answer


def gives(**outputs: Any) -> Answer:
    """Answers these arrays by wire name; `None` leaves the bytes out."""

    async def answer(request: Any, context: Any) -> Any:
        response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
        for name, array in outputs.items():
            datatype = {"uint8": "UINT8", "float32": "FP32", "float64": "FP64"}[array.dtype.name]
            response.outputs.add(name=name, datatype=datatype, shape=array.shape)
            response.raw_output_contents.append(array.tobytes())
        return response

    return answer


def lafin_answer(batch: int = 1) -> Answer:
    """What the ensemble `lafin` promises."""
    raw = np.full((batch, 3, 256, 256), 7, np.uint8)
    landmarks = np.full((batch, 68, 2), 1.5, np.float32)
    return gives(raw=raw, landmarks=landmarks)
