"""`python -m service.embedded` as a process: what it prints, how it ends, and that a client finds it again."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from service.deadline import Deadline
from service.engine.client import EngineClient
from service.errors import EngineUnavailable
from tests.contract.engines import ROOT, EngineProcess, launch_embedded, message
from tests.contract.repositories import LEAVES, add_slow_models, max_batch_size, standin_repository
from tests.fakes.ports import free_port
from tests.service.embedded.models import LEAF, write_model

MANY = 400  # requests, of 0.6 MB of tensors on average
MAX_GROWTH_BYTES = 24 * 2**20


def inputs(batch: int = 1) -> dict[str, Any]:
    image = np.random.default_rng(batch).integers(0, 256, (batch, 3, 256, 256), np.uint8)
    return {"image": image, "hole": np.ones((batch, 1, 256, 256), np.uint8)}


def run(repository: Path, *options: str, program: str = "") -> subprocess.CompletedProcess[str]:
    """A start that fails. `program` replaces `-m service.embedded`."""
    command = [sys.executable, *(("-c", program) if program else ("-m", "service.embedded"))]
    command += ["--repository", str(repository), "--port", "0", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def the_line(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line of a start that cannot be."""
    assert (ended.returncode, ended.stdout) == (1, "")
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_missing_module_says_what_to_do(tmp_path: Path) -> None:
    write_model(tmp_path, "double", LEAF)
    assert re.search(r"double/1/model.pt is missing: make it with `make models`", the_line(run(tmp_path)))


def test_a_broken_configuration_says_where(tmp_path: Path) -> None:
    write_model(tmp_path, "double", LEAF + "no such field: 1")
    assert re.search(r"double/config.pbtxt cannot be read: \d+:\d+", the_line(run(tmp_path)))


def test_a_missing_torch_says_what_to_do(tmp_path: Path) -> None:
    folder = write_model(tmp_path, "double", LEAF)
    (folder / "1" / "model.pt").write_bytes(b"")
    without_torch = (
        "import sys, runpy; sys.modules['torch'] = None; runpy.run_module('service.embedded', run_name='__main__')"
    )
    assert "torch is not installed: pip install" in the_line(run(tmp_path, program=without_torch))


def test_a_busy_port_says_so(tmp_path: Path) -> None:
    folder = write_model(tmp_path, "double", LEAF)
    (folder / "1" / "model.pt").write_bytes(b"")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert f"port {port} on 127.0.0.1 cannot be bound" in the_line(run(tmp_path, "--port", str(port)))


def test_a_broken_module_says_what_to_do(tmp_path: Path) -> None:
    folder = write_model(tmp_path, "double", LEAF)
    (folder / "1" / "model.pt").write_bytes(b"not a module")
    assert "is not a TorchScript module: make it again with `make models`" in the_line(run(tmp_path))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = standin_repository(tmp_path_factory.mktemp("process") / "model_repository")
    add_slow_models(folder)
    return folder


@pytest.fixture(scope="module")
def shared_engine(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    started = launch_embedded(repository, tmp_path_factory.mktemp("engine"))
    yield started
    started.kill()


@pytest.fixture
def engine(shared_engine: EngineProcess, repository: Path) -> EngineProcess:
    """The shared engine, started again if the test before has ended it."""
    if shared_engine.process.poll() is not None:
        restart(shared_engine, repository)
    shared_engine.wait_until_ready()
    return shared_engine


def restart(engine: EngineProcess, repository: Path) -> None:
    """Again, on the same port."""
    engine.process = launch_embedded(repository, engine.log.parent, engine.port).process


async def test_ready_only_when_warm(engine: EngineProcess) -> None:
    async with EngineClient(engine.url) as client:
        counts = await client.statistics()
    for model in LEAVES:
        sizes = range(1, max_batch_size(model) + 1)
        assert counts[model].executions >= 3 * len(sizes)  # three warm-ups of every batch size
        assert counts[model].inferences >= 3 * sum(sizes)


async def test_memory_stays_where_it_is(engine: EngineProcess) -> None:
    process = psutil.Process(engine.process.pid)
    async with EngineClient(engine.url) as client:
        await burst(client, MANY // 2)
        before = process.memory_info().rss
        await burst(client, MANY)
        assert process.memory_info().rss - before < MAX_GROWTH_BYTES


async def burst(client: EngineClient, count: int) -> None:
    """`count` requests, eight at a time, of mixed batch sizes."""

    async def some(batch: int) -> None:
        for _ in range(count // 8):
            await client.infer("lafin_predictor", inputs(batch), deadline=Deadline(60))

    await asyncio.gather(*[some(1 + n % max_batch_size("lafin_predictor")) for n in range(8)])


async def test_found_again_after_a_kill(engine: EngineProcess, repository: Path) -> None:
    async with EngineClient(engine.url) as client:
        await client.infer("lafin", inputs(), deadline=Deadline(30))
        engine.kill()
        with pytest.raises(EngineUnavailable):
            await client.infer("lafin", inputs(), deadline=Deadline(30))
        restart(engine, repository)
        await asyncio.to_thread(engine.wait_until_ready)
        assert await ready_within(client, seconds=3)
        answer = await client.infer("lafin", inputs(), deadline=Deadline(30))
        assert answer["raw"].shape == (1, 3, 256, 256)


async def ready_within(client: EngineClient, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await client.ready():
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_stop_finishes_what_is_under_way(engine: EngineProcess) -> None:
    async with grpc.aio.insecure_channel(engine.url) as channel:
        stub = GRPCInferenceServiceStub(channel)
        long = message("slow_twice", {"number": np.full((1, 1), 8000, np.float32)})
        quick = message("slow", {"INPUT__0": np.ones((1, 1), np.float32)})
        running = asyncio.create_task(answer(stub, long))
        await asyncio.sleep(0.2)
        engine.process.terminate()
        refused = await refusal(stub, quick)
        assert "Server is stopping" in refused
        assert not (await stub.ServerReady(service_pb2.ServerReadyRequest())).ready
        assert (await running).outputs[0].name == "answer"
        assert await asyncio.to_thread(engine.process.wait, 30) == 0
    first, last = engine.log.read_text().splitlines()[-2:]
    assert re.fullmatch(
        rf"embedded engine ready on 127.0.0.1:{engine.port}: .*lafin, .*, slow_twice \([\d.]+ s\)", first
    )
    assert last == "embedded engine stopping, 1 requests under way"


async def answer(stub: Any, request: Any) -> Any:
    return await stub.ModelInfer(request, timeout=60)


async def refusal(stub: Any, request: Any) -> str:
    """The text of the first refusal; the signal needs a moment to arrive."""
    for _ in range(200):
        try:
            await stub.ModelInfer(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            return str(error.details())
        await asyncio.sleep(0.01)
    raise AssertionError("never refused")


def test_a_stop_while_loading_ends_at_once(repository: Path, tmp_path: Path) -> None:
    started = launch_embedded(repository, tmp_path, free_port())
    wait_until_listening(started)
    assert started.stop() == 0
    assert started.log.read_text().count("\n") <= 2


def wait_until_listening(started: EngineProcess) -> None:
    with grpc.insecure_channel(started.url) as channel:
        grpc.channel_ready_future(channel).result(timeout=120)
