from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from service.jobs import redis_clients, waiting
from service.jobs.store import JobStore, NewJob, new_job_id
from service.jobs.waiting import JobEnds
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings


@dataclass
class Stop:
    draining: bool = False


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[JobStore]:
    options = settings(redis_url=redis_server.url)
    redis = redis_clients.asynchronous(options.redis_url)
    yield JobStore(redis, options)
    await redis.aclose()


@pytest.fixture
async def ends(store: JobStore) -> AsyncIterator[JobEnds]:
    ends = JobEnds(store.redis, store)
    yield ends
    await ends.close()


async def accepted(store: JobStore) -> str:
    job_id = new_job_id()
    new = NewJob("me", {"model": "lafin"}, [(b"i", b"m")], "http://f")
    await store.reserve(job_id, new)
    await store.fill(job_id, new)
    return job_id


async def test_all_who_wait_for_a_job_hear_of_its_end_and_others_do_not(store: JobStore, ends: JobEnds) -> None:
    job_id, other_id = await accepted(store), await accepted(store)
    waiters = [asyncio.create_task(ends.wait(job_id, 20, Stop())) for _ in range(5)]
    other = asyncio.create_task(ends.wait(other_id, 20, Stop()))
    await asyncio.sleep(0.2)
    assert not any(waiter.done() for waiter in waiters)
    begin_seconds = time.monotonic()
    await store.cancel(job_id)
    await asyncio.gather(*waiters)
    assert time.monotonic() - begin_seconds < waiting.LOOK_SECONDS
    assert not other.done()
    await store.cancel(other_id)
    await other
    assert ends._listener is None, "nobody waits any more"


async def test_a_wait_ends_with_its_time_with_the_service_and_for_a_job_that_has_ended(
    store: JobStore, ends: JobEnds
) -> None:
    job_id, stop = await accepted(store), Stop()
    await asyncio.wait_for(ends.wait(job_id, 0.3, stop), 5)
    stopped = asyncio.create_task(ends.wait(job_id, 60, stop))
    await asyncio.sleep(0.1)
    stop.draining = True
    await asyncio.wait_for(stopped, 5)
    await store.cancel(job_id)
    await asyncio.wait_for(ends.wait(job_id, 60, Stop()), 5)


async def test_an_end_of_which_no_message_came_is_seen_all_the_same(
    store: JobStore, ends: JobEnds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.3)
    job_id = await accepted(store)
    waiter = asyncio.create_task(ends.wait(job_id, 60, Stop()))
    await asyncio.sleep(0.1)
    await redis_clients.ask(store.redis, "HSET", f"inpaint:job:{job_id}", "state", "failed")
    await asyncio.wait_for(waiter, 10)
