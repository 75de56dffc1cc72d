"""The calls that are measured, and their times."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from service.deadline import Deadline
from service.engine.client import EngineClient
from tests.bench.forward import frame

MANY_CLIENTS = 8
CROWD_CLIENTS = 64
CALL_SECONDS = 600.0  # the last of a crowd waits for all others
REFUSALS = (429, 503, 504)  # documented answers of a service that has too much to do


@dataclass
class Times:
    """Durations of one kind of call, and the wall time in which they were made. What was refused has no duration."""

    seconds: list[float] = field(default_factory=list)
    wall_seconds: float = 0.0
    refused: Counter[int] = field(default_factory=Counter)  # status -> answers

    def add(self, seconds: list[float], wall_seconds: float, refused: Counter[int] | None = None) -> None:
        self.seconds += seconds
        self.wall_seconds += wall_seconds
        self.refused += refused or Counter()

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
        limits = httpx.Limits(max_connections=CROWD_CLIENTS)
        self._client = httpx.AsyncClient(base_url=address, timeout=CALL_SECONDS, limits=limits, trust_env=False)
        files = {"image": image.read_bytes(), "mask": mask.read_bytes()}
        request = httpx.Request("POST", address, files={name: (name, data) for name, data in files.items()})
        self._body = request.read()
        self._headers = {"Content-Type": request.headers["Content-Type"]}

    async def post(self, accept: str = "image/png") -> httpx.Response:
        answer = await self._client.post("/inpaint", content=self._body, headers=self._headers | {"Accept": accept})
        if answer.status_code not in (200, *REFUSALS):
            raise RuntimeError(f"POST /inpaint answered {answer.status_code}: {answer.text[:500]}")
        return answer

    async def faces(self) -> int:
        """Faces completed in one request: each is one forward."""
        answer = await self.post("application/json")
        return max(1, len(answer.raise_for_status().json()["faces"]))

    async def run(self, calls: int, clients: int, times: Times, end: float = float("inf")) -> int:
        """`calls` requests from `clients` clients at once, none begun after `end`; return how many were answered."""
        left = iter(range(calls))
        seconds: list[float] = []
        refused: Counter[int] = Counter()

        async def client() -> None:
            for _ in left:
                if time.monotonic() > end:
                    return
                begin = time.perf_counter()
                answer = await self.post()
                if answer.status_code in REFUSALS:
                    refused[answer.status_code] += 1
                    await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
                else:
                    seconds.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        times.add(seconds, time.perf_counter() - begin, refused)
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
