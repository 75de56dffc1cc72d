from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from service.jobs import redis_clients
from service.jobs.workers import live_workers
from tests.fakes.redis_server import RedisServer


async def test_those_that_have_fallen_silent_do_not_count(redis_server: RedisServer) -> None:
    ages_seconds = {"a": 0, "b": 20, "c": 50, "d": 500}
    with redis_server.client() as client:
        for name, seconds in ages_seconds.items():
            said = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            client.sadd("rq:workers:inpaint", f"rq:worker:{name}")
            client.hset(f"rq:worker:{name}", "last_heartbeat", said)
        client.sadd("rq:workers:inpaint", "rq:worker:forgotten")
    async with redis_clients.asynchronous(SecretStr(redis_server.url)) as redis:
        assert await live_workers(redis, "inpaint", 10) == 2
        assert await live_workers(redis, "inpaint", 20) == 3
        assert await live_workers(redis, "webhooks", 10) == 0
