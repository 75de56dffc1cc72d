"""Minutes of mixed requests while processes die: `python -m tests.faults.campaign --minutes 3`.

Pictures of 0.1 to 25 megapixels, JSON, jobs, batches and hostile files are sent at once, beside clients that are slow
or leave; every few seconds the worker, the process of a job, the engine or Redis is killed (and comes back), or the
spool is full for a while. Then everything accepted is waited for. Exit code 1 when a job is lost or an answer is not a
documented one. The models are stand-ins unless --repository names others.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from tests.contract.repositories import standin_repository
from tests.fakes.pictures import box_mask, png, scene
from tests.faults.apart import Apart
from tests.faults.hostile import corpus
from tests.faults.misbehaving import GONE, leave_early, send_slowly
from tests.faults.prober import Prober
from tests.service.api.conftest import form_files

CLIENTS = {  # of 64; each kind has one at least
    "pictures": 26,
    "json": 8,
    "large": 6,
    "huge": 2,
    "jobs": 8,
    "batches": 6,
    "hostile": 4,
    "slow": 2,
    "vanishing": 2,
}
ALL_CLIENTS = sum(CLIENTS.values())
HUGE_SIDE = 5000
PICTURES = 40
DOCUMENTED = {200, 202, 400, 408, 413, 415, 422, 429, 502, 503, 504}
NO_ANSWER = 0  # the connection broke: never expected, the API itself is not killed
AWAY_SECONDS = 2.0
FULL_SECONDS = 4.0
SETTLE_SECONDS = 300.0  # for the jobs that are left
BATCH = 3
MIB = 2**20


@dataclass
class Tally:
    """What was sent, what was done to the service, and what came of it."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # kind and status
    codes: Counter[str] = field(default_factory=Counter)  # of problems
    faults: Counter[str] = field(default_factory=Counter)
    jobs: list[str] = field(default_factory=list)  # ids of those that were accepted
    ends: Counter[str] = field(default_factory=Counter)
    livez_seconds: list[float | None] = field(default_factory=list)  # None = it did not answer
    breaks: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind of request and what the client saw

    def statuses(self) -> Counter[int]:
        total: Counter[int] = Counter()
        for (_, status), count in self.answers.items():
            if status != GONE:
                total[status] += count
        return total

    @property
    def sound(self) -> bool:
        silent = None in self.livez_seconds
        return set(self.statuses()) <= DOCUMENTED and not self.ends["lost"] and not silent


class Sender:
    """Sends requests of every kind until the end, and keeps count."""

    def __init__(self, http: httpx.AsyncClient, tally: Tally, end: float, seed: int) -> None:
        self._http, self._tally, self._end = http, tally, end
        self._random = random.Random(seed)
        self._hostile = itertools.cycle(corpus().values())
        noise = np.random.default_rng(seed).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
        self._large = form_files(png(noise), png(box_mask(1000, 1000)))  # parts that go to the spool
        self._huge = huge_files()
        self._small = [png(scene(seed=one)) for one in range(PICTURES)]  # made before: the client has time to answer
        self._mask = png(box_mask())
        assert http.base_url.port is not None
        self._port = http.base_url.port

    async def run(self, kind: str) -> None:
        while time.monotonic() < self._end:
            path, files = self._request(kind)
            self._tally.sent[kind] += 1
            if kind in ("slow", "vanishing"):
                self._tally.answers[kind, await self._misbehave(kind)] += 1
                await self._pause()
                continue
            accept = {"accept": "application/json"} if kind == "json" else {}
            try:
                answer = await self._http.post(path, files=files, headers=accept)
            except httpx.TransportError as error:
                self._tally.answers[kind, NO_ANSWER] += 1
                self._tally.breaks[kind, broken(error)] += 1
                continue
            self._tally.answers[kind, answer.status_code] += 1
            if answer.status_code >= 400:
                self._tally.codes[answer.json()["code"]] += 1
            if answer.status_code == 202:
                self._tally.jobs.append(answer.json()["id"])
            await self._pause(float(answer.headers.get("retry-after", 0)))

    async def _pause(self, asked_seconds: float = 0.0) -> None:
        """As long as the service asks, and a little more."""
        await asyncio.sleep(asked_seconds + self._random.uniform(0, 0.4))

    async def _misbehave(self, kind: str) -> int:
        request = httpx.Request("POST", "http://127.0.0.1/inpaint", files=self._picture())
        body, content_type = request.read(), request.headers["content-type"]
        if kind == "slow":
            return await send_slowly(self._port, body, content_type)
        return await leave_early(self._port, body, content_type, self._random)

    def _request(self, kind: str) -> tuple[str, object]:
        if kind == "large":
            return "/inpaint", self._large
        if kind == "huge":
            return "/inpaint", self._huge
        if kind == "hostile":
            field_name = self._random.choice(("image", "mask"))
            return "/inpaint", self._picture() | {field_name: ("x", next(self._hostile), "image/png")}
        if kind == "batches":
            pairs = [self._picture() for _ in range(BATCH)]
            return "/jobs", [(name, pair[name]) for pair in pairs for name in ("image", "mask")]
        return "/jobs" if kind == "jobs" else "/inpaint", self._picture()

    def _picture(self) -> dict[str, tuple[str, bytes, str]]:
        return form_files(self._random.choice(self._small), self._mask)


def broken(error: BaseException) -> str:
    """What the client saw, and what that came from."""
    cause = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return f"{type(error).__name__} ({cause!r})"


def huge_files() -> dict[str, tuple[str, bytes, str]]:
    """25 megapixels, as a camera writes them."""
    small = Image.fromarray(scene(seed=1))
    sides = (HUGE_SIDE, HUGE_SIDE)
    picture, mask = BytesIO(), BytesIO()
    small.resize(sides).save(picture, "JPEG")
    Image.fromarray(box_mask()).resize(sides, Image.Resampling.NEAREST).save(mask, "PNG")
    return form_files(picture.getvalue(), mask.getvalue())


class Faults:
    """One after the other, in a random order, each as often as the others."""

    def __init__(self, service: Apart, tally: Tally, seed: int) -> None:
        self._service, self._tally = service, tally
        self._random = random.Random(seed)
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "kill -9 worker": self._worker,
            "kill -9 job process": self._job,
            "kill -9 engine": self._engine,
            "kill -9 redis": self._redis,
            "full spool": self._spool,
        }

    async def run(self, end: float, every_seconds: float) -> None:
        while True:
            for name in self._random.sample(list(self._kinds), len(self._kinds)):
                await asyncio.sleep(every_seconds)
                if time.monotonic() > end:
                    return
                self._tally.faults[name] += 1
                await self._kinds[name]()

    async def _worker(self) -> None:
        self._service.kill("worker")
        await asyncio.sleep(AWAY_SECONDS)
        self._service.start_worker()

    async def _job(self) -> None:
        for _ in range(100):
            if self._service.kill_job():
                return
            await asyncio.sleep(0.05)

    async def _engine(self) -> None:
        assert self._service.engine is not None
        self._service.engine.kill()
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(self._service.start_engine)

    async def _redis(self) -> None:
        self._service.redis.kill()
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(self._service.redis.start)

    async def _spool(self) -> None:
        self._service.fill_spool(True)
        await asyncio.sleep(FULL_SECONDS)
        self._service.fill_spool(False)


async def settle(http: httpx.AsyncClient, tally: Tally) -> None:
    """Wait for every accepted job, all together for SETTLE_SECONDS; one that has no end by then is lost."""
    end = time.monotonic() + SETTLE_SECONDS
    for job_id in tally.jobs:
        state = "lost"
        while state == "lost" and time.monotonic() < end:
            answer = await http.get(f"/jobs/{job_id}?wait=20")
            body = answer.json()
            if answer.status_code == 200 and body["finished_at"] is not None:
                code = f" ({body['problem']['code']})" if body["problem"] else ""
                state = body["state"] + code
            elif answer.status_code == 404:
                break
            else:
                await asyncio.sleep(0.2)
        tally.ends[state] += 1


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False, limits=limits) as http:
        yield http


def counts(clients: int) -> dict[str, int]:
    """So many clients of each kind: their share of `clients`, one at least."""
    return {kind: max(1, round(clients * share / ALL_CLIENTS)) for kind, share in CLIENTS.items()}


async def campaign(service: Apart, minutes: float, every_seconds: float, seed: int, clients: int) -> Tally:
    tally, end = Tally(), time.monotonic() + 60 * minutes
    async with opened(service.url) as http:
        sender = Sender(http, tally, end, seed)
        sending = [sender.run(kind) for kind, count in counts(clients).items() for _ in range(count)]
        async with Prober(service.url) as prober:
            await asyncio.gather(Faults(service, tally, seed).run(end, every_seconds), *sending)
        tally.livez_seconds = prober.seconds
        await settle(http, tally)
    return tally


def report(tally: Tally, service: Apart) -> str:
    """The closing figures."""
    ends = ", ".join(f"{count} {end}" for end, count in sorted(tally.ends.items()) if end != "lost")
    grown = ", ".join(f"{n} {a / MIB:.0f} to {b / MIB:.0f} MiB" for n, a, b in service.first_and_last())
    lines = [
        f"requests sent      {tally.sent.total()}: {dict(sorted(tally.sent.items()))}",
        f"faults injected    {tally.faults.total()}: {dict(sorted(tally.faults.items()))}",
        f"answers by status  {dict(sorted(tally.statuses().items()))}",
        *(
            f"  {kind:17}{dict(sorted((status, n) for (of, status), n in tally.answers.items() if of == kind))}"
            for kind in CLIENTS
        ),
        *(f"  {kind:17}{count} times {what}" for (kind, what), count in sorted(tally.breaks.items())),
        f"problems           {dict(sorted(tally.codes.items()))}",
        f"jobs accepted      {len(tally.jobs)}: {ends or 'none ended'}; lost {tally.ends['lost']}",
        f"/livez             {len(tally.livez_seconds)} times, p50 {milliseconds(tally, 50)}, "
        f"p99 {milliseconds(tally, 99)}, {tally.livez_seconds.count(None)} without an answer",
        f"memory             {grown} (means of the first and the last minute)",
        f"peak memory        {', '.join(f'{n} {b / MIB:.0f} MiB' for n, b in sorted(service.peak_bytes.items()))}",
        "no job lost, every answer documented" if tally.sound else "NOT SOUND: see above",
    ]
    return "\n".join(lines)


def milliseconds(tally: Tally, percent: float) -> str:
    answered = [seconds for seconds in tally.livez_seconds if seconds is not None]
    return f"{1000 * float(np.percentile(answered, percent)):.0f} ms" if answered else "unknown"


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever was started is ended
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="how long requests are sent (default 3)")
    parser.add_argument("--every", type=float, default=6, help="seconds between two faults (default 6)")
    parser.add_argument("--clients", type=int, default=8, help="about so many at once (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures and of the order of the faults")
    parser.add_argument("--repository", type=Path, help="model repository instead of stand-ins")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repository = options.repository or standin_repository(Path(folder) / "model_repository")
        with Apart(repository.resolve(), Path(folder)) as service:
            tally = asyncio.run(campaign(service, options.minutes, options.every, options.seed, options.clients))
            print(report(tally, service))
    return 0 if tally.sound else 1


if __name__ == "__main__":
    sys.exit(main())
