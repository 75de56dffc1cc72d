"""What the engine says of itself to gRPC's own health checks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from service.embedded.engine import EmbeddedEngine
from service.embedded.health_service import NAME, NOT_SERVING, SERVING, HealthService
from service.embedded.server import start
from tests.service.embedded.models import write_repository

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[tuple[EmbeddedEngine, Any]]:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    server, port = await start(engine, "127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield engine, channel
    await server.stop(0)


async def test_an_engine_that_loads_or_stops_does_not_serve(up: tuple[EmbeddedEngine, Any]) -> None:
    engine, channel = up
    check = channel.unary_unary(f"/{NAME}/Check")
    watching = channel.unary_stream(f"/{NAME}/Watch")(b"")
    assert (await check(b""), await watching.read()) == (NOT_SERVING, NOT_SERVING)
    await engine.load()
    assert (await check(b""), await watching.read()) == (SERVING, SERVING)
    await engine.drain(5)
    assert (await check(b""), await watching.read()) == (NOT_SERVING, NOT_SERVING)
    assert await watching.read() is grpc.aio.EOF  # else a stop would wait for whoever watches


async def test_whoever_watches_hears_of_a_stop_while_the_last_answer_is_sent(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    await engine.load()
    watching = HealthService(engine).watch(b"", None)
    assert await anext(watching) == SERVING  # and is now being sent
    await engine.drain(5)
    assert [status async for status in watching] == [NOT_SERVING]
