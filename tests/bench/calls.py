"""The calls that are measured, and their times."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from service.deadline import Deadline
from service.engine.client import EngineClient
from tests.bench.forward import frame

MANY_CLIENTS = 8
CALL_SECONDS = 60.0


@dataclass
class Times:
    """Durations of one kind of call, and the wall time in which they were made."""

    seconds: list[float] = field(default_factory=list)
    wall_seconds: float = 0.0

    def add(self, seconds: list[float], wall_seconds: float) -> None:
        self.seconds += seconds
        self.wall_seconds += wall_seconds

    @property
    def p50(self) -> float:
        return float(np.percentile(self.seconds, 50))

    @property
    def p95(self) -> float:
        return float(np.percentile(self.seconds, 95))

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall_seconds


class Requests:
    """POST /inpaint with the sample picture, always the same bytes."""

    def __init__(self, address: str, image: Path, mask: Path) -> None:
        limits = httpx.Limits(max_connections=MANY_CLIENTS)
        self._client = httpx.AsyncClient(base_url=address, timeout=CALL_SECONDS, limits=limits, trust_env=False)
        files = {"image": image.read_bytes(), "mask": mask.read_bytes()}
        request = httpx.Request("POST", address, files={name: (name, data) for name, data in files.items()})
        self._body = request.read()
        self._headers = {"Content-Type": request.headers["Content-Type"]}

    async def post(self, accept: str = "image/png") -> httpx.Response:
        answer = await self._client.post("/inpaint", content=self._body, headers=self._headers | {"Accept": accept})
        if answer.status_code != 200:
            raise RuntimeError(f"POST /inpaint answered {answer.status_code}: {answer.text[:500]}")
        return answer

    async def faces(self) -> int:
        """Faces completed in one request: each is one forward."""
        return max(1, len((await self.post("application/json")).json()["faces"]))

    async def run(self, calls: int, clients: int, times: Times, end: float = float("inf")) -> int:
        """`calls` requests from `clients` clients at once, none begun after `end`; return how many were made."""
        left = iter(range(calls))
        seconds: list[float] = []

        async def client() -> None:
            for _ in left:
                if time.monotonic() > end:
                    return
                begin = time.perf_counter()
                await self.post()
                seconds.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        times.add(seconds, time.perf_counter() - begin)
        return len(seconds)

    async def close(self) -> None:
        await self._client.aclose()


async def engine_calls(engine: EngineClient, calls: int, times: Times) -> None:
    image, hole = frame()
    seconds = []
    for _ in range(calls):
        begin = time.perf_counter()
        await engine.infer("lafin", {"image": image, "hole": hole}, deadline=Deadline(CALL_SECONDS))
        seconds.append(time.perf_counter() - begin)
    times.add(seconds, sum(seconds))
