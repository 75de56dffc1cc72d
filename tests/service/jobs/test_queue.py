from __future__ import annotations

import asyncio
import json
import zlib

from service.jobs.queue import JobQueue, open_queue, run_seconds
from tests.fakes.redis_server import RedisServer
from tests.fakes.server import settings

JOB_ID = "0" * 32


async def test_a_job_is_enqueued_once_with_nothing_but_its_id(redis_server: RedisServer) -> None:
    options = settings(redis_url=redis_server.url)
    with redis_server.client() as client:
        jobs = JobQueue(client, options, deadline_seconds=60)
        await asyncio.gather(*(jobs.enqueue(JOB_ID, 3) for _ in range(10)))
        assert client.lrange("rq:queue:inpaint", 0, -1) == [JOB_ID.encode()]
        stored = client.hgetall(f"rq:job:{JOB_ID}")
        assert json.loads(zlib.decompress(stored[b"data"])) == ["service.jobs.tasks.run", None, [JOB_ID], {}]
        assert int(stored[b"timeout"]) > run_seconds(options, 3, 60) == 480 > 60
        assert int(stored[b"failure_ttl"]) == 3600
        assert client.ttl(f"rq:job:{JOB_ID}") > options.jobs_queue_ttl_seconds


async def test_a_waiting_job_is_removed_and_an_unknown_one_is_no_error(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        jobs = JobQueue(client, settings(redis_url=redis_server.url), deadline_seconds=60)
        await jobs.enqueue(JOB_ID, 1)
        for _ in range(2):
            await jobs.remove(JOB_ID)
        assert client.keys("rq:job:*") == client.lrange("rq:queue:inpaint", 0, -1) == []


def test_maintenance_is_not_locked_for_long(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        queue = open_queue(client)
        assert queue.acquire_maintenance_lock()
        assert not queue.acquire_maintenance_lock()
        assert 0 < client.ttl(queue.registry_cleaning_key) <= 30
