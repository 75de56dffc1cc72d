"""What an operator relies on, seen on both engines: full steps of an ensemble, health checks, another version."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from service.deadline import Deadline
from service.embedded.health_service import NAME, SERVING
from service.engine.client import EngineClient
from service.engine.specs import SPECS
from service.errors import DeadlineExceeded, EngineError, EngineQueueFull
from tests.contract.engines import ROOT, EngineProcess, launch_embedded, launch_triton
from tests.contract.standins import make_standin, no_warning, save

ENSEMBLE, STEPS = "lafin", ("lafin_predictor", "lafin_generator")
VERSIONED = "lafin_predictor"
DEADLINE_SECONDS = 4.0
CROWD = 96
TYPES = {"UINT8": np.uint8, "FP32": np.float32}


def small(folder: Path, queue_size: int) -> Path:
    """The ensemble and its steps, as stand-ins; the second step's queue holds `queue_size` requests."""
    for name in (ENSEMBLE, *STEPS):
        (folder / name / "1").mkdir(parents=True)
        config = (ROOT / "model_repository" / name / "config.pbtxt").read_text()
        if name == STEPS[1]:
            assert "max_queue_size: 64" in config
            config = config.replace("max_queue_size: 64", f"max_queue_size: {queue_size}")
        (folder / name / "config.pbtxt").write_text(config)
        if name != ENSEMBLE:
            make_standin(folder / name)
    return folder


@pytest.fixture(scope="module", params=["embedded", "triton"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    folder = tmp_path_factory.mktemp(request.param)
    repository = small(folder / "models", queue_size=1)
    launch = {"embedded": launch_embedded, "triton": launch_triton}[request.param]
    engine = launch(repository, folder)
    try:
        engine.wait_until_ready()
        yield engine
    finally:
        engine.kill()


def request_for(model: str) -> dict[str, Any]:
    return {tensor.name: np.zeros((1, *tensor.shape), TYPES[tensor.dtype]) for tensor in SPECS[model].inputs}


async def outcome(client: EngineClient) -> tuple[str, float]:
    """What became of one request of the ensemble, and after how many seconds."""
    begin = time.monotonic()
    try:
        await client.infer(ENSEMBLE, request_for(ENSEMBLE), deadline=Deadline(DEADLINE_SECONDS))
        return "ok", time.monotonic() - begin
    except EngineError as error:
        return type(error).__name__, time.monotonic() - begin


async def test_a_full_step_of_an_ensemble_leaves_nobody_waiting(running: EngineProcess) -> None:
    """Triton below 2.67 may never answer a request whose step found a full queue: the deadline ends the waiting."""
    async with EngineClient(running.url) as client:
        outcomes = await asyncio.gather(*(outcome(client) for _ in range(CROWD)))
        counts = Counter(name for name, _ in outcomes)
        assert counts[EngineQueueFull.__name__] or counts[DeadlineExceeded.__name__], counts
        assert counts.keys() <= {"ok", EngineQueueFull.__name__, DeadlineExceeded.__name__}, counts
        assert max(seconds for _, seconds in outcomes) < DEADLINE_SECONDS + 1.5
        async with asyncio.timeout(30):
            while (await outcome(client))[0] != "ok":
                await asyncio.sleep(0.2)
    print(f"{running.name}: {dict(counts)}")


async def test_kubernetes_may_ask_for_its_health(running: EngineProcess) -> None:
    """By gRPC's own service, as the manifests' probes do."""
    async with grpc.aio.insecure_channel(running.url) as channel:
        assert await channel.unary_unary(f"/{NAME}/Check")(b"", timeout=10) == SERVING


class Doubled(torch.nn.Module):
    """Version 2: what version 1 answers, and 1000 more."""

    def __init__(self, first: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.first = first

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        answer = self.first(image, hole)
        return (answer[0] if isinstance(answer, tuple) else answer) + 1000


async def test_a_new_version_without_a_failed_request(tmp_path: Path) -> None:
    """A real Triton core in explicit mode: version 2 is put beside version 1 and loaded, while requests come."""
    repository = small(tmp_path / "models", queue_size=64)
    make_second(repository / VERSIONED, tmp_path / "second")
    engine = launch_triton(repository, tmp_path, "--model-control-mode=explicit", "--load-model=*")
    try:
        engine.wait_until_ready()
        async with EngineClient(engine.url) as client:
            before = await landmarks(client)
            over, answers = asyncio.Event(), list[float]()
            asking = [asyncio.create_task(ask(client, over, answers)) for _ in range(4)]
            await enough(answers, 20)
            (tmp_path / "second" / "1").rename(repository / VERSIONED / "2")
            await asyncio.to_thread(load, engine.url)
            await enough(answers, len(answers) + 40)
            over.set()
            await asyncio.gather(*asking)
            assert await landmarks(client) == pytest.approx(before + 1000)
    finally:
        engine.kill()
    assert {round(answer - before) for answer in answers} == {0, 1000}


@pytest.mark.parametrize("launch", [launch_embedded, launch_triton])
async def test_an_export_in_place_is_served_as_the_export_says(
    launch: Callable[..., EngineProcess], tmp_path: Path
) -> None:
    """Both engines go on with the model before; explicit loading and a new start serve what lies there now."""
    repository = small(tmp_path / "models", queue_size=64)
    make_second(repository / VERSIONED, tmp_path / "second")
    explicit = ("--model-control-mode=explicit", "--load-model=*") if launch is launch_triton else ()
    engine = launch(repository, tmp_path, *explicit)
    try:
        engine.wait_until_ready()
        async with EngineClient(engine.url) as client:
            before, beside = await landmarks(client), await landmarks(client, ENSEMBLE)
            (tmp_path / "second" / "1" / "model.pt").replace(repository / VERSIONED / "1" / "model.pt")
            assert await landmarks(client) == before
            if explicit:
                await asyncio.to_thread(load, engine.url)
                assert await landmarks(client) == pytest.approx(before + 1000)
                assert await landmarks(client, ENSEMBLE) == pytest.approx(beside + 1000)
    finally:
        engine.kill()
    if not explicit:
        again = launch(repository, tmp_path)
        try:
            again.wait_until_ready()
            async with EngineClient(again.url) as client:
                assert await landmarks(client) == pytest.approx(before + 1000)
        finally:
            again.kill()


def make_second(first: Path, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(first / "config.pbtxt", folder)
    with no_warning():
        module = torch.jit.load(str(first / "1" / "model.pt"))
        examples = tuple(torch.from_numpy(array) for array in request_for(VERSIONED).values())
        save(torch.jit.trace(Doubled(module), examples), folder)


def load(url: str) -> None:
    with grpc.insecure_channel(url) as channel:
        stub = GRPCInferenceServiceStub(channel)
        stub.RepositoryModelLoad(service_pb2.RepositoryModelLoadRequest(model_name=VERSIONED), timeout=120)


async def landmarks(client: EngineClient, model: str = VERSIONED) -> float:
    answer = await client.infer(model, request_for(model), deadline=Deadline(30))
    points = answer["landmarks"] if "landmarks" in answer else next(iter(answer.values()))
    return float(points.flat[0])


async def ask(client: EngineClient, over: asyncio.Event, answers: list[float]) -> None:
    """Every request must be answered: an error ends the test."""
    while not over.is_set():
        answers.append(await landmarks(client))


async def enough(answers: list[float], count: int) -> None:
    async with asyncio.timeout(90):
        while len(answers) < count:
            await asyncio.sleep(0.02)
