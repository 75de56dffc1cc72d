from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ResponseError

from service.errors import EngineGarbage, Overloaded, StorageFull
from service.jobs import redis_clients
from service.jobs.redis_clients import ask
from service.jobs.states import Item
from service.jobs.store import JobStore, NewJob, new_job_id
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings

DONE = Item("succeeded", answer={"media_type": "image/png"})


@pytest.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[JobStore]:
    options = settings(
        redis_url=redis_server.url, jobs_queue_depth=3, jobs_caller_share=1, jobs_max_bytes=1024, jobs_max_tries=2
    )
    redis = redis_clients.asynchronous(options.redis_url)
    yield JobStore(redis, options)
    await redis.aclose()


async def accepted(store: JobStore, size: int = 100, items: int = 1) -> str:
    job_id = new_job_id()
    new = NewJob("me", {"model": "lafin"}, [(b"i" * (size // 2), b"m" * (size // 2))] * items, "http://f")
    await store.reserve(job_id, new)
    await store.fill(job_id, new)
    return job_id


async def kept_bytes(store: JobStore) -> int:
    return int(await redis_clients.ask(store.redis, "GET", "inpaint:bytes:total") or 0)


async def test_an_older_try_can_no_longer_write(store: JobStore) -> None:
    job_id = await accepted(store)
    assert await store.begin(job_id, 60) == ("run", 1)
    assert await store.begin(job_id, 60) == ("run", 2)
    assert not await store.settle_item(job_id, 1, 0, DONE, [b"old"])
    assert not await store.finish(job_id, 1, "failed", EngineGarbage())
    assert await store.settle_item(job_id, 2, 0, DONE, [b"new"])
    assert await store.finish(job_id, 2, "succeeded")
    assert await store.blobs.results(job_id, 0, 1) == [b"new"]
    assert (await store.get(job_id)).state == "succeeded"


async def test_an_end_is_written_once(store: JobStore) -> None:
    job_id = await accepted(store)
    await store.begin(job_id, 60)
    assert await store.settle_item(job_id, 1, 0, DONE, [b"first"])
    assert await store.settle_item(job_id, 1, 0, DONE, [b"second"])
    assert await store.blobs.results(job_id, 0, 1) == [b"first"]
    ends = await asyncio.gather(*(store.finish(job_id, 1, "succeeded") for _ in range(5)))
    assert ends.count(True) == 1
    assert await store.begin(job_id, 60) == ("over", 0)
    await store.cancel(job_id)
    assert (await store.figures()).ended == {"succeeded": 1}


async def test_a_canceled_job_takes_nothing_more(store: JobStore) -> None:
    job_id = await accepted(store)
    await store.begin(job_id, 60)
    await store.cancel(job_id)
    assert not await store.settle_item(job_id, 1, 0, DONE, [b"late"])
    assert not await store.finish(job_id, 1, "succeeded")
    assert await store.blobs.results(job_id, 0, 1) is None
    assert await kept_bytes(store) == 0


async def test_tries_end_and_excused_ones_do_not_count(store: JobStore) -> None:
    job_id = await accepted(store)
    answers = []
    for _ in range(2):
        answers.append((await store.begin(job_id, 60))[0])
        await store.do_not_count(job_id)
    answers += [(await store.begin(job_id, 60))[0] for _ in range(3)]
    assert answers == ["run", "run", "run", "run", "exhausted"]


async def test_a_reservation_that_is_not_filled_makes_room_again(store: JobStore) -> None:
    for _ in range(3):
        await store.reserve(new_job_id(), NewJob("me", {}, [(b"i", b"m")], "http://f"))
    with pytest.raises(Overloaded):
        await accepted(store)
    for key in await redis_clients.ask(store.redis, "KEYS", "inpaint:job:*"):
        await redis_clients.ask(store.redis, "DEL", key)  # as if their time had passed
    await accepted(store)


async def test_a_result_larger_than_what_was_reserved_must_fit_beside_the_others(store: JobStore) -> None:
    job_id = await accepted(store, size=100)
    await store.begin(job_id, 60)
    with pytest.raises(StorageFull) as raised:
        await store.settle_item(job_id, 1, 0, DONE, [b"x" * 1000])
    assert raised.value.errors[0]["setting"] == "JOBS_MAX_BYTES"
    assert await store.settle_item(job_id, 1, 0, DONE, [b"x" * 900])
    assert await kept_bytes(store) == 1000
    assert await store.finish(job_id, 1, "succeeded")
    assert await kept_bytes(store) == 900


async def test_a_job_ends_in_a_redis_without_memory(store: JobStore, redis_server: RedisServer) -> None:
    ending, canceled, withdrawn = [await accepted(store) for _ in range(3)]
    await store.begin(ending, 60)
    with redis_server.without_memory():
        with pytest.raises(StorageFull):
            await store.settle_item(ending, 1, 0, DONE, [b"picture"])
        assert await store.settle_item(ending, 1, 0, Item("failed", problem={}))
        assert await store.finish(ending, 1, "failed", StorageFull())
        assert await store.begin(canceled, 60) == ("run", 1)
        await store.cancel(canceled)
        await store.withdraw(withdrawn)
        with pytest.raises(ResponseError) as refused:
            await store.reserve(new_job_id(), NewJob("me", {}, [(b"i", b"m")], "http://f"))
        assert redis_clients.is_out_of_memory(refused.value)
    assert [(await store.get(job_id)).state for job_id in (ending, canceled)] == ["failed", "canceled"]
    assert await kept_bytes(store) == 0


async def test_withdrawing_leaves_nothing(store: JobStore) -> None:
    job_id = await accepted(store)
    await store.withdraw(job_id)
    assert await store.get(job_id) is None
    assert await store.listed("me", None, 10) == []
    assert (await kept_bytes(store), await store.position(job_id)) == (0, None)


async def test_bytes_are_bounded_over_all_jobs(store: JobStore) -> None:
    for _ in range(2):
        await accepted(store, size=500)
    with pytest.raises(Overloaded) as raised:
        await accepted(store, size=500)
    assert raised.value.errors == [{"actual": 1500, "allowed": 1024, "setting": "JOBS_MAX_BYTES"}]
    assert await kept_bytes(store) == 1000


async def test_a_hundred_jobs_at_once_respect_the_depth(store: JobStore) -> None:
    answers = await asyncio.gather(*(accepted(store, size=2) for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(answer, str) for answer in answers) == 3
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 97


async def test_items_follow_their_job(store: JobStore) -> None:
    job_id = await accepted(store, size=10, items=3)
    await store.begin(job_id, 60)
    await store.settle_item(job_id, 1, 0, DONE, [b"x"])
    job = await store.get(job_id)
    assert [item.state for item in job.items()] == ["succeeded", "running", "queued"]
    await store.cancel(job_id)
    assert [item.state for item in (await store.get(job_id)).items()] == ["succeeded", "canceled", "canceled"]


async def test_owners_see_their_own(store: JobStore) -> None:
    job_id = await accepted(store)
    assert [job.id for job in await store.listed("me", None, 10)] == [job_id]
    assert await store.listed("you", None, 10) == []


async def test_the_figures_tell_what_waits_runs_and_is_kept(store: JobStore) -> None:
    first, second = await accepted(store), await accepted(store)
    await ask(store.redis, "HINCRBYFLOAT", f"inpaint:job:{first}", "created_at", -40)
    figures = await store.figures()
    assert 40 <= figures.oldest_waiting_seconds < 70
    assert (figures.running, figures.kept_bytes, figures.limit_bytes) == (0, 200, 1024)
    assert figures.workers == {"inpaint": 0, "webhooks": 0}
    await store.begin(first, 60)
    figures = await store.figures()
    assert figures.oldest_waiting_seconds < 30
    assert figures.running == 1
    await store.begin(second, 60)
    assert (await store.figures()).oldest_waiting_seconds == 0
