"""gRPC's own health service, so that a client of several engines sends nothing to one that loads or stops.

The messages are so small that their bytes are written here, instead of bringing another package along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from service.embedded.engine import EmbeddedEngine

NAME = "grpc.health.v1.Health"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse(status=...)
LOOK_SECONDS = 0.2


class HealthService:
    """One answer for the whole engine, whatever service is asked about."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine

    def _status(self) -> bytes:
        return SERVING if self._engine.ready else NOT_SERVING

    async def check(self, request: bytes, context: Any) -> bytes:
        return self._status()

    async def watch(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """The status now, and again whenever it is another one, until the engine has finished its work and stops."""
        told = b""
        while True:
            status = self._status()
            if status != told:
                told = status
                yield status
                continue  # the engine may have stopped while this was sent
            if self._engine.finished:
                return
            await asyncio.sleep(LOOK_SECONDS)


def health_handlers(engine: EmbeddedEngine) -> Any:
    """gRPC's handlers, for messages as bytes."""
    service = HealthService(engine)
    table = {
        "Check": grpc.unary_unary_rpc_method_handler(service.check),
        "Watch": grpc.unary_stream_rpc_method_handler(service.watch),
    }
    return grpc.method_handlers_generic_handler(NAME, table)
