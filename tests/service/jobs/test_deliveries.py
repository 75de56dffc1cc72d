from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from service.jobs import redis_clients
from service.jobs.deliveries import Deliveries
from service.jobs.store import JobStore, NewJob, new_job_id
from service.settings import Settings
from tests.fakes.redis_server import RedisServer
from tests.fakes.scripted import Answer, scripted
from tests.fakes.server import settings
from tests.fakes.waiting import FOREVER_SECONDS, soon

SLOW_SECONDS = 30.0


class Sender:
    """The worker of webhooks in this process."""

    def __init__(self, options: Settings, store: JobStore) -> None:
        self._options, self._store = options, store

    async def end(self, url: str) -> str:
        job_id = new_job_id()
        await self._store.reserve(job_id, NewJob("me", {}, [(b"i", b"m")], "http://f", url))
        await self._store.cancel(job_id)
        return job_id

    async def state(self, job_id: str) -> str:
        job = await self._store.get(job_id)
        return job.delivery.state

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(Deliveries(self._store, self._options).run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)


@pytest.fixture
async def sender(redis_server: RedisServer) -> AsyncIterator[Sender]:
    options = settings(
        redis_url=redis_server.url,
        webhook_secret="whsec_" + base64.b64encode(bytes(32)).decode(),
        webhook_allow_http=True,
        webhook_allow_private=True,
        webhook_timeout_seconds=SLOW_SECONDS,
        webhook_max_connections=8,
        worker_grace_seconds=0.1,
    )
    redis = redis_clients.asynchronous(options.redis_url)
    yield Sender(options, JobStore(redis, options))
    await redis.aclose()


async def test_a_slow_receiver_with_many_webhooks_delays_nobody_elses(sender: Sender) -> None:
    with scripted() as slow, scripted() as quick:
        slow.answers = [Answer(delay_seconds=FOREVER_SECONDS)]
        for _ in range(12):
            await sender.end(slow.url)
        others = [await sender.end(quick.url) for _ in range(3)]
        async with sender.running():
            await soon(lambda: len(quick.asked) == 3)
            await soon(lambda: len(slow.asked) == 2)
            await asyncio.sleep(2.5)
            assert len(slow.asked) == 2, "a quarter of the places"
            later = await sender.end(quick.url)
            await soon(lambda: len(quick.asked) == 4)
        assert {await sender.state(job_id) for job_id in (*others, later)} == {"delivered"}


async def test_a_receiver_that_answers_gets_all_of_its_own(sender: Sender) -> None:
    with scripted() as quick:
        jobs = [await sender.end(quick.url) for _ in range(12)]
        async with sender.running():
            await soon(lambda: len(quick.asked) == 12)
        assert {await sender.state(job_id) for job_id in jobs} == {"delivered"}


async def test_it_goes_on_when_redis_comes_back(tmp_path_factory: pytest.TempPathFactory, sender: Sender) -> None:
    with RedisServer(tmp_path_factory.mktemp("own")) as server, scripted() as quick:
        options = sender._options.model_copy(update={"redis_url": settings(redis_url=server.url).redis_url})
        redis = redis_clients.asynchronous(options.redis_url)
        own = Sender(options, JobStore(redis, options))
        await own.end(quick.url)
        async with own.running():
            await soon(lambda: len(quick.asked) == 1)
            server.kill()
            await asyncio.sleep(1.5)
            server.start()
            await own.end(quick.url)
            await soon(lambda: len(quick.asked) == 2)
        await redis.aclose()


async def test_it_stands_among_the_workers_of_its_queue_while_it_works(
    sender: Sender, redis_server: RedisServer
) -> None:
    with redis_server.client() as client:
        async with sender.running():
            await soon(lambda: client.scard("rq:workers:webhooks") == 1)
            (sign,) = client.smembers("rq:workers:webhooks")
            said = datetime.fromisoformat(client.hget(sign, "last_heartbeat").decode())
            assert abs(said.timestamp() - time.time()) < 10
            assert 0 < client.ttl(sign) <= 60
        assert client.keys("rq:worker*") == []
