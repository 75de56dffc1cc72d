from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import numpy as np
import pytest

from service.embedded.engine import EmbeddedEngine
from service.embedded.refusals import Refusal
from service.embedded.repository import RepositoryError, read_repository
from tests.service.embedded.models import LEAF, numbers, request_for, write_leaf, write_repository

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

WARM_UP = """
model_warmup [
  { name: "one" batch_size: 1 count: 3
    inputs { key: "INPUT__0" value { data_type: TYPE_FP32 dims: [ 2 ] random_data: true } } },
  { name: "two" batch_size: 2 count: 2
    inputs { key: "INPUT__0" value { data_type: TYPE_FP32 dims: [ 2 ] zero_data: true } } }
]
"""


async def test_loaded_models_are_found(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    assert not engine.ready
    with pytest.raises(Refusal, match="'double' has no available versions"):
        engine.find("double", "")
    await engine.load()
    assert engine.ready
    assert engine.find("double", "").model.name == engine.find("double", "1").model.name == "double"
    assert [one.model.name for one in engine.served()] == ["double", "twice"]


async def test_an_ensemble_runs_over_its_leaf(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    await engine.load()
    answer = await engine.infer(engine.find("twice", ""), request_for({"number": numbers(1)}))
    assert (answer["answer"] == numbers(4)).all()
    assert engine.find("double", "").statistics.execution_count == 2
    assert await engine.drain(1)


async def test_forwards_take_denormals_for_zero(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    await engine.load()
    tiny = np.full((1, 2), 1000, np.int32).view(np.float32)  # 1.4e-42
    answer = await engine.infer(engine.find("double", ""), request_for({"INPUT__0": tiny}))
    assert not answer["OUTPUT__0"].any()


async def test_every_warm_up_runs_before_ready(tmp_path: Path) -> None:
    write_leaf(tmp_path, LEAF + WARM_UP)
    engine = EmbeddedEngine(read_repository(tmp_path), 1, 1)
    await engine.load()
    batches = engine.find("double", "").statistics.batches
    assert {size: tally.compute_infer.count for size, tally in batches.items()} == {1: 3, 2: 2}


BROKEN_WARM_UPS = {
    "needs zero_data or random_data": WARM_UP.replace("random_data: true", 'input_data_file: "face.bin"'),
    "failed its warm-up 'one'": WARM_UP.replace("INPUT__0", "INPUT__1"),
}


@pytest.mark.parametrize("reason", BROKEN_WARM_UPS)
async def test_a_broken_warm_up_stops_the_start(reason: str, tmp_path: Path) -> None:
    write_leaf(tmp_path, LEAF + BROKEN_WARM_UPS[reason])
    engine = EmbeddedEngine(read_repository(tmp_path), 1, 1)
    with pytest.raises(RepositoryError, match=reason):
        await engine.load()
    assert not engine.ready


async def test_draining_refuses_new_requests_and_waits_for_old_ones(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    await engine.load()
    served = engine.find("twice", "")
    running = asyncio.create_task(engine.infer(served, request_for({"number": numbers(1)})))
    await asyncio.sleep(0)
    assert engine.under_way == 1
    draining = asyncio.create_task(engine.drain(10))
    await asyncio.sleep(0)
    assert not engine.ready
    with pytest.raises(Refusal, match="Server is stopping") as refused:
        await engine.infer(served, request_for({"number": numbers(1)}))
    assert refused.value.status is grpc.StatusCode.UNAVAILABLE
    assert ((await running)["answer"] == numbers(4)).all()
    assert await draining


async def test_draining_gives_up_in_the_end(tmp_path: Path) -> None:
    engine = EmbeddedEngine(write_repository(tmp_path), 1, 1)
    await engine.load()
    running = asyncio.create_task(engine.infer(engine.find("twice", ""), request_for({"number": numbers(1)})))
    await asyncio.sleep(0)
    assert not await engine.drain(0)
    await running
