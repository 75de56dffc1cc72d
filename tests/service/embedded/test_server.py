"""The gRPC face, in this process. What both engines share is tested in tests/contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import InferResult, service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from service.embedded.address import AddressError
from service.embedded.engine import EmbeddedEngine
from service.embedded.server import METHODS, start
from tests.contract.engines import message
from tests.service.embedded.models import numbers, write_repository

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@dataclass
class Up:
    engine: EmbeddedEngine
    stub: Any
    port: int


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Up]:
    """A server that listens, its models not loaded yet."""
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    server, port = await start(engine, "127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Up(engine, GRPCInferenceServiceStub(channel), port)
    await server.stop(0)


def ask(model: str = "double", **fields: Any) -> Any:
    return message(model, {"INPUT__0" if model == "double" else "number": numbers(1, 2)}, **fields)


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return f"{refused.value.code().name}: {refused.value.details()}"


async def test_alive_but_not_ready_while_loading(up: Up) -> None:
    assert (await up.stub.ServerLive(service_pb2.ServerLiveRequest())).live
    assert not (await up.stub.ServerReady(service_pb2.ServerReadyRequest())).ready
    assert not (await up.stub.ModelReady(service_pb2.ModelReadyRequest(name="double"))).ready
    index = await up.stub.RepositoryIndex(service_pb2.RepositoryIndexRequest())
    assert [(one.name, one.state) for one in index.models] == [("double", "LOADING"), ("twice", "LOADING")]
    assert not (await up.stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(ready=True))).models
    text = await refusal(up.stub.ModelInfer(ask()))
    assert text == "NOT_FOUND: Request for unknown model: 'double' has no available versions"
    await up.engine.load()
    assert (await up.stub.ServerReady(service_pb2.ServerReadyRequest())).ready
    assert (await up.stub.ModelReady(service_pb2.ModelReadyRequest(name="double"))).ready


async def test_answers(up: Up) -> None:
    await up.engine.load()
    answer = await up.stub.ModelInfer(ask("twice", id="q"))
    assert (answer.model_name, answer.model_version, answer.id) == ("twice", "1", "q")
    assert (InferResult(answer).as_numpy("answer") == numbers(4, 8)).all()


async def test_a_failing_model_answers_internal(up: Up) -> None:
    await up.engine.load()
    request = message("double", {"INPUT__0": numbers(-1)})
    assert await refusal(up.stub.ModelInfer(request)) == (
        "INTERNAL: PyTorch execute failure: builtins.ValueError: a negative number"
    )


async def test_a_stopping_server_is_not_ready_and_refuses(up: Up) -> None:
    await up.engine.load()
    await up.engine.drain(0)
    assert not (await up.stub.ServerReady(service_pb2.ServerReadyRequest())).ready
    assert not (await up.stub.ModelReady(service_pb2.ModelReadyRequest(name="double"))).ready
    assert "Server is stopping" in await refusal(up.stub.ModelInfer(ask()))


async def test_statistics_by_name_version_and_all(up: Up) -> None:
    await up.engine.load()
    everything = await up.stub.ModelStatistics(service_pb2.ModelStatisticsRequest())
    assert [one.name for one in everything.model_stats] == ["double", "twice"]
    unknown = service_pb2.ModelStatisticsRequest(name="double", version="7")
    text = await refusal(up.stub.ModelStatistics(unknown))
    assert text == "INVALID_ARGUMENT: requested model version is not available for model 'double'"


async def test_who_answers(up: Up) -> None:
    metadata = await up.stub.ServerMetadata(service_pb2.ServerMetadataRequest())
    assert metadata.name == "embedded"
    assert "statistics" in metadata.extensions


async def test_what_needs_triton_is_unimplemented(up: Up) -> None:
    assert "ModelInfer" in METHODS
    calls = (
        up.stub.TraceSetting(service_pb2.TraceSettingRequest()),
        up.stub.RepositoryModelLoad(service_pb2.RepositoryModelLoadRequest(model_name="double")),
        up.stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(repository_name="other")),
    )
    for call in calls:
        assert (await refusal(call)).startswith("UNIMPLEMENTED: ")


async def test_a_busy_port_says_so(up: Up) -> None:
    with pytest.raises(AddressError, match=f"port {up.port} on 127.0.0.1 cannot be bound"):
        await start(up.engine, "127.0.0.1", up.port)
