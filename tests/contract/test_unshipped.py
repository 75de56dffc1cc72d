"""Both engines start over a repository in which a model has no weights, and say alike that it is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from deploy.triton import loading_arguments
from service.engine.client import EngineClient
from tests.contract.engines import EngineProcess, launch_embedded, launch_triton
from tests.contract.repositories import add_slow_models

START: dict[str, Callable[[Path, Path], EngineProcess]] = {
    "embedded": launch_embedded,
    "triton": lambda repository, folder: launch_triton(repository, folder, *loading_arguments(repository)),
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """`slow` has weights; `untrained` and the ensemble `untrained_twice` have none."""
    root = tmp_path / "model_repository"
    add_slow_models(root)
    for name in ("slow", "slow_twice"):
        (root / name.replace("slow", "untrained")).mkdir()
        config = (root / name / "config.pbtxt").read_text().replace('"slow', '"untrained')
        (root / name.replace("slow", "untrained") / "config.pbtxt").write_text(config)
    return root


@pytest.mark.parametrize("name", START)
async def test_the_engine_is_ready_without_what_was_never_trained(name: str, repository: Path, tmp_path: Path) -> None:
    engine = START[name](repository, tmp_path)
    try:
        engine.wait_until_ready()
        async with EngineClient(engine.url) as client:
            models = ("slow", "slow_twice", "untrained", "untrained_twice")
            assert [await client.ready(model) for model in models] == [True, True, False, False]
            assert await client.ready()
        async with grpc.aio.insecure_channel(engine.url) as channel:
            request = service_pb2.ModelInferRequest(model_name="untrained")
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await GRPCInferenceServiceStub(channel).ModelInfer(request, timeout=10)
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND
        assert "Request for unknown model: 'untrained' " in str(raised.value.details())
    finally:
        engine.kill()
