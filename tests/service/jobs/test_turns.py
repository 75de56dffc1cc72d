"""The order of jobs that wait, seen in RQ's own list, which is what workers take from."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from service.errors import Overloaded
from service.jobs import redis_clients
from service.jobs.queue import JobQueue
from service.jobs.states import Priority
from service.jobs.store import JobStore, NewJob, new_job_id
from service.settings import Settings
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings


class Line:
    """A queue with names instead of ids."""

    def __init__(self, redis: RedisServer, options: Settings, store: JobStore) -> None:
        self.store, self.names = store, dict[str, str]()
        self._redis, self._queue = redis, JobQueue(redis.client(), options, 60)

    async def add(
        self, name: str, caller: str, *, model: str = "lafin", items: int = 1, priority: Priority = "normal"
    ) -> str:
        job_id = new_job_id()
        self.names[job_id] = name
        new = NewJob("owner", {"model": model}, [(b"i", b"m")] * items, "http://f", caller=caller, priority=priority)
        await self.store.reserve(job_id, new)
        await self.store.fill(job_id, new)
        await self._queue.enqueue(job_id, items)
        return job_id

    def listed(self) -> list[str]:
        with self._redis.client() as client:
            return [self.names[job_id.decode()] for job_id in client.lrange("rq:queue:inpaint", 0, -1)]

    async def take(self) -> str:
        """What a worker does: the first of RQ's list begins."""
        with self._redis.client() as client:
            job_id = client.lpop("rq:queue:inpaint").decode()
        assert await self.store.begin(job_id, 60) == ("run", 1)
        return self.names[job_id]

    async def take_all(self) -> list[str]:
        return [await self.take() for _ in self.listed()]


@pytest.fixture
async def line(redis_server: RedisServer) -> AsyncIterator[Line]:
    options = settings(redis_url=redis_server.url, jobs_queue_depth=40)
    redis = redis_clients.asynchronous(options.redis_url)
    yield Line(redis_server, options, JobStore(redis, options))
    await redis.aclose()


async def test_callers_take_turns_whoever_came_with_many(line: Line) -> None:
    for number in range(4):
        await line.add(f"a{number}", "a")
    for number in range(2):
        await line.add(f"b{number}", "b")
    assert await line.take_all() == ["a0", "b0", "a1", "b1", "a2", "a3"]


async def test_a_newcomer_waits_for_one_turn_and_not_for_what_others_had_before(line: Line) -> None:
    for number in range(6):
        await line.add(f"a{number}", "a")
    assert [await line.take() for _ in range(3)] == ["a0", "a1", "a2"]
    for number in range(3):
        await line.add(f"b{number}", "b")
    assert await line.take_all() == ["b0", "a3", "b1", "a4", "b2", "a5"]


async def test_a_batch_counts_as_its_pictures(line: Line) -> None:
    for number in range(2):
        await line.add(f"batch{number}", "a", items=3)
    for number in range(5):
        await line.add(f"b{number}", "b")
    assert await line.take_all() == ["batch0", "b0", "b1", "b2", "batch1", "b3", "b4"]


async def test_a_callers_quick_model_does_not_wait_for_all_its_slow_ones(line: Line) -> None:
    for number in range(4):
        await line.add(f"slow{number}", "a", model="slow")
    await line.add("quick", "a", model="quick")
    assert await line.take_all() == ["slow0", "quick", "slow1", "slow2", "slow3"]


async def test_models_take_turns_though_new_jobs_come_all_the_time(line: Line) -> None:
    taken = []
    await line.add("slow", "a", model="slow")
    for number in range(4):
        await line.add(f"quick{number}", "a", model="quick")
        taken.append(await line.take())
    assert taken.index("slow") < 2


async def test_high_priority_goes_first_and_leaves_every_fourth_place(line: Line) -> None:
    for number in range(3):
        await line.add(f"n{number}", "a")
    for number in range(5):
        await line.add(f"high{number}", "b", priority="high")
    assert await line.take_all() == ["high0", "high1", "high2", "n0", "high3", "high4", "n1", "n2"]


async def test_high_priority_that_never_ends_holds_up_nobody_of_the_rest(line: Line) -> None:
    for number in range(3):
        await line.add(f"a{number}", "a")
    await line.add("b", "b")
    taken = []
    for number in range(20):
        await line.add(f"high{number}", "c", priority="high")
        taken.append(await line.take())
    assert [name for name in taken if not name.startswith("high")] == ["a0", "b", "a1", "a2"]


async def test_a_job_that_is_run_again_stays_in_front(line: Line, redis_server: RedisServer) -> None:
    again = await line.add("again", "a")
    assert await line.take() == "again"
    with redis_server.client() as client:
        client.lpush("rq:queue:inpaint", again)
    for number in range(2):
        await line.add(f"b{number}", "b", priority="high")
    assert line.listed() == ["again", "b0", "b1"]


async def test_the_position_that_is_told_is_the_place_in_line_also_after_a_cancellation(line: Line) -> None:
    first, second = await line.add("a0", "a"), await line.add("a1", "a")
    other = await line.add("b0", "b")
    assert [await line.store.position(job_id) for job_id in (first, other, second)] == [1, 2, 3]
    await line.store.cancel(first)
    assert [await line.store.position(job_id) for job_id in (second, other)] == [1, 2]


async def test_one_caller_takes_its_share_of_the_places_and_no_more(line: Line) -> None:
    for number in range(20):
        await line.add(f"a{number}", "a")
    with pytest.raises(Overloaded) as raised:
        await line.add("one more", "a")
    assert raised.value.errors == [{"actual": 20, "allowed": 20, "setting": "JOBS_CALLER_SHARE"}]
    await line.add("b", "b")
    await line.take()
    await line.add("now there is a place", "a")


async def test_what_an_older_version_left_waiting_keeps_its_order(line: Line, redis_server: RedisServer) -> None:
    for name in ("old0", "old1"):
        await line.add(name, "a")
    with redis_server.client() as client:
        client.delete("inpaint:waiting:facts")
    await line.add("new", "b")
    assert line.listed() == ["old0", "new", "old1"]


async def test_who_took_turns_is_forgotten_after_a_while(line: Line, redis_server: RedisServer) -> None:
    await line.add("a", "anonymous:192.0.2.1")
    await line.take()
    with redis_server.client() as client:
        kept = client.keys("inpaint:turn*")
        assert all(0 < client.ttl(key) <= 3600 for key in kept)
        assert not any(
            b"192.0.2.1" in value for value in client.hgetall(f"inpaint:job:{next(iter(line.names))}").values()
        )
