from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from service.jobs import redis_clients
from service.jobs.outbox import LEASE_SECONDS, PAUSE_SECONDS, Outbox, Outcome
from service.jobs.store import JobStore, NewJob, new_job_id
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings

NO_ANSWER = Outcome("unanswered", error="timeout")


class Box:
    """An outbox, and jobs that end with a webhook."""

    def __init__(self, redis: RedisServer, store: JobStore) -> None:
        self.store, self.outbox, self._redis = store, Outbox(store.redis), redis

    async def ended(self, url: str | None = "https://a.example/hook") -> str:
        job_id = new_job_id()
        await self.store.reserve(job_id, NewJob("me", {}, [(b"i", b"m")], "http://f", url))
        await self.store.cancel(job_id)
        return job_id

    async def claim(self, free: int = 8, most: int = 8, **busy: int) -> list[tuple[str, str]]:
        return await self.outbox.claim(free, most, busy, 10)

    async def settle(self, job_id: str, outcome: Outcome = NO_ANSWER) -> None:
        await self.outbox.settle(job_id, await self.outbox.claim_of(job_id), outcome)

    def due(self, job_id: str) -> float | None:
        with self._redis.client() as client:
            return client.zscore("inpaint:webhooks", job_id)


@pytest.fixture
async def box(redis_server: RedisServer) -> AsyncIterator[Box]:
    options = settings(redis_url=redis_server.url)
    redis = redis_clients.asynchronous(options.redis_url)
    yield Box(redis_server, JobStore(redis, options))
    await redis.aclose()


async def test_what_is_claimed_is_not_due_until_its_claim_lapses(box: Box) -> None:
    job_id = await box.ended("https://A.example:8443/hook?x=1")
    begin = time.time()
    assert await box.claim() == [(job_id, "a.example:8443")]
    assert await box.claim() == []
    due = box.due(job_id)
    assert due is not None
    assert begin <= due - LEASE_SECONDS - 10 <= time.time()


async def test_one_receiver_gets_its_share_and_others_come_past_it(box: Box) -> None:
    slow = [await box.ended("https://slow.example/") for _ in range(5)]
    other = await box.ended("https://other.example/")
    claimed = await box.claim(free=8, most=2)
    assert claimed == [(slow[0], "slow.example"), (slow[1], "slow.example"), (other, "other.example")]
    assert await box.claim(free=8, most=2) == [], "those that must wait are looked at again in a moment"


async def test_calls_under_way_count(box: Box) -> None:
    await box.ended("https://slow.example/")
    assert await box.outbox.claim(8, 2, {"slow.example": 2}, 10) == []


async def test_only_so_many_are_claimed_as_there_are_places(box: Box) -> None:
    jobs = [await box.ended() for _ in range(3)]
    assert [job_id for job_id, _ in await box.claim(free=2)] == jobs[:2]
    assert [job_id for job_id, _ in await box.claim(free=2)] == jobs[2:]


async def test_one_that_was_given_up_can_be_sent_again_with_all_its_tries(box: Box) -> None:
    job_id = await box.ended()
    for _ in range(len(PAUSE_SECONDS) + 1):
        await box.settle(job_id)
    job = await box.store.get(job_id)
    assert (job.delivery.state, job.delivery.tries, box.due(job_id)) == ("given_up", 6, None)
    assert await box.outbox.send_again(job_id) == "due"
    job = await box.store.get(job_id)
    assert (job.delivery.state, job.delivery.tries) == ("pending", 0)
    assert await box.claim() == [(job_id, "a.example")]
    await box.settle(job_id)
    assert box.due(job_id) == pytest.approx(time.time() + PAUSE_SECONDS[0], abs=2)


async def test_what_is_asked_for_during_a_try_stays_due(box: Box) -> None:
    job_id = await box.ended()
    await box.claim()
    claim = await box.outbox.claim_of(job_id)
    assert await box.outbox.send_again(job_id) == "due"
    await box.outbox.settle(job_id, claim, Outcome("delivered", 200))
    job = await box.store.get(job_id)
    assert (job.delivery.state, job.delivery.status) == ("pending", 200)
    assert await box.claim() == [(job_id, "a.example")]


async def test_nothing_is_sent_before_the_end_or_without_an_address(box: Box) -> None:
    job_id = new_job_id()
    await box.store.reserve(job_id, NewJob("me", {}, [(b"i", b"m")], "http://f", "https://a.example/"))
    assert await box.outbox.send_again(job_id) == "early"
    assert await box.outbox.send_again(await box.ended(None)) == "none"
    assert await box.outbox.send_again(new_job_id()) == "none"
    assert await box.claim() == []


async def test_how_long_after_the_end_it_was_delivered_is_counted(box: Box, redis_server: RedisServer) -> None:
    for outcome in (NO_ANSWER, Outcome("delivered", 200)):
        await box.settle(await box.ended(), outcome)
    with redis_server.client() as client:
        counted = client.hgetall("inpaint:histogram:webhook_seconds")
    assert sum(int(count) for bound, count in counted.items() if bound != b"sum") == 1
    assert 0 < float(counted[b"sum"]) < 60
