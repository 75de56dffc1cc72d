"""The engine in memory behind a real gRPC port, for processes that must reach it; it can go and come back."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2

from service.deadline import Deadline
from service.engine.specs import SPECS
from tests.fakes.engine import FakeEngine
from tests.fakes.ports import free_port

TYPES = {"UINT8": np.uint8, "FP32": np.float32}
KNOWN_SECONDS = 60.0


class ServedEngine:
    """Entering serves `engine` on a free port; `stop` and `start` take it away and bring it back there."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.port = free_port()
        self.url = f"127.0.0.1:{self.port}"
        self._server: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> ServedEngine:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def start(self) -> None:
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(20)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)

    async def _start(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)])
        method = grpc.unary_unary_rpc_method_handler(
            self._infer,
            request_deserializer=service_pb2.ModelInferRequest.FromString,
            response_serializer=service_pb2.ModelInferResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler("inference.GRPCInferenceService", {"ModelInfer": method})
        self._server.add_generic_rpc_handlers((handlers,))
        assert self._server.add_insecure_port(self.url) == self.port
        await self._server.start()

    async def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop(0)

    async def _infer(self, request: Any, context: Any) -> Any:
        spec = SPECS[request.model_name]
        inputs = {
            tensor.name: np.frombuffer(raw, TYPES[tensor.dtype]).reshape(list(sent.shape))
            for tensor, sent, raw in zip(spec.inputs, request.inputs, request.raw_input_contents, strict=True)
        }
        outputs = await self.engine.infer(spec.name, inputs, deadline=Deadline(KNOWN_SECONDS))
        response = service_pb2.ModelInferResponse(model_name=spec.name, model_version="1")
        for tensor in spec.outputs:
            array = outputs[tensor.name]
            response.outputs.add(name=tensor.wire_name, datatype=tensor.dtype, shape=array.shape)
            response.raw_output_contents.append(array.tobytes())
        return response
