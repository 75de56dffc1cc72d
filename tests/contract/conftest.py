"""Both engines over the same copy of the repository, started once for the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from tests.contract.engines import EngineProcess, launch_embedded, launch_triton
from tests.contract.repositories import LIKE, STANDIN, add_slow_models, add_standin, copy_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_repository(tmp_path_factory.mktemp("contract") / "model_repository")
    add_standin(folder, STANDIN, LIKE)
    add_slow_models(folder)
    return folder


@pytest.fixture(scope="session")
def engines(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EngineProcess]]:
    folder = tmp_path_factory.mktemp("engines")
    started = [launch_embedded(repository, folder), launch_triton(repository, folder)]
    try:
        for engine in started:
            engine.wait_until_ready()
        yield {engine.name: engine for engine in started}
    finally:
        for engine in started:
            engine.kill()  # Triton's own stop takes fifteen seconds


@pytest.fixture(params=["embedded", "triton"])
def engine(request: pytest.FixtureRequest, engines: dict[str, EngineProcess]) -> EngineProcess:
    return engines[request.param]


@pytest.fixture
async def stub(engine: EngineProcess) -> AsyncIterator[GRPCInferenceServiceStub]:
    async with grpc.aio.insecure_channel(engine.url) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.fixture
async def stubs(engines: dict[str, EngineProcess]) -> AsyncIterator[dict[str, GRPCInferenceServiceStub]]:
    async with (
        grpc.aio.insecure_channel(engines["embedded"].url) as embedded,
        grpc.aio.insecure_channel(engines["triton"].url) as triton,
    ):
        yield {"embedded": GRPCInferenceServiceStub(embedded), "triton": GRPCInferenceServiceStub(triton)}
