"""Several embedded engines behind one name: they share the load, and one may be killed, stop or start."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.deadline import Deadline
from service.engine.client import EngineClient
from service.engine.specs import SPECS
from tests.contract.engines import ROOT, EngineProcess, launch
from tests.contract.standins import make_standin
from tests.fakes.name_server import NameServer
from tests.fakes.ports import free_port

MODEL = "lafin_predictor"
HOSTS = ("127.0.0.1", "127.0.0.2")
PAUSE_SECONDS = 0.02
TYPES = {"UINT8": np.uint8, "FP32": np.float32}


class Engine(EngineProcess):
    host: str

    @property
    def url(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass
class Several:
    engines: list[Engine]
    client: EngineClient
    start: Any  # host -> another engine there


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / MODEL
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "model_repository" / MODEL / "config.pbtxt", folder)
    make_standin(folder)
    return folder.parent


@pytest.fixture
async def several(repository: Path, tmp_path: Path) -> AsyncIterator[Several]:
    port, started = free_port(), []

    def start(host: str) -> Engine:
        (tmp_path / host).mkdir(exist_ok=True)
        command = [sys.executable, "-m", "service.embedded", "--repository", str(repository), "--port", str(port)]
        process = launch("embedded", [*command, "--host", host, "--threads", "1"], tmp_path / host, port, {})
        engine = Engine(**vars(process))
        engine.host = host
        started.append(engine)
        return engine

    engines = [start(host) for host in HOSTS]
    try:
        for engine in engines:
            await asyncio.to_thread(engine.wait_until_ready)
        with NameServer(list(HOSTS)) as names:
            async with EngineClient(f"127.0.0.1:{names.port}/engines.test:{port}") as client:
                yield Several(engines, client, start)
    finally:
        for engine in started:
            engine.kill()


def request() -> dict[str, Any]:
    return {tensor.name: np.zeros((1, *tensor.shape), TYPES[tensor.dtype]) for tensor in SPECS[MODEL].inputs}


async def served(engine: Engine) -> int:
    """Requests that an engine has answered since its warm-up began."""
    async with EngineClient(engine.url) as client:
        return (await client.statistics())[MODEL].inferences


class Asking:
    """Requests all the time, four side by side; every one of them must be answered."""

    def __init__(self, client: EngineClient) -> None:
        self.answered, self._client, self._over = 0, client, asyncio.Event()

    async def __aenter__(self) -> Asking:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(4)]
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._over.set()
        await asyncio.gather(*self._tasks)

    async def _ask(self) -> None:
        while not self._over.is_set():
            await self._client.infer(MODEL, request(), deadline=Deadline(20))
            self.answered += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def more(self, count: int) -> None:
        """Until so many further requests have been answered."""
        wanted = self.answered + count
        async with asyncio.timeout(60):
            while self.answered < wanted:
                await asyncio.sleep(PAUSE_SECONDS)


async def test_they_share_the_load_and_one_may_be_killed(several: Several) -> None:
    before = [await served(engine) for engine in several.engines]
    async with Asking(several.client) as asking:
        await asking.more(40)
        share = [await served(engine) - count for engine, count in zip(several.engines, before, strict=True)]
        assert min(share) >= 0.3 * sum(share)
        several.engines[0].kill()
        await asking.more(40)


async def test_an_upgrade_loses_no_request(several: Several) -> None:
    """A second one is there, the first stops and another starts in its place: nothing is sent to one that loads."""
    async with Asking(several.client) as asking:
        await asking.more(20)
        assert await asyncio.to_thread(several.engines[0].stop) == 0
        await asking.more(20)
        another = several.start(HOSTS[0])
        await asyncio.to_thread(another.wait_until_ready)
        before = await served(another)
        await asking.more(60)
        assert await served(another) > before
