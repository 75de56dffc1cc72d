from __future__ import annotations

import pytest
from pydantic import SecretStr

from service.jobs import redis_clients
from service.jobs.histograms import observe
from tests.fakes.redis_server import RedisServer


async def test_values_lie_in_the_bucket_whose_bound_they_do_not_exceed(redis_server: RedisServer) -> None:
    async with redis_clients.asynchronous(SecretStr(redis_server.url)) as redis:
        for seconds in (0.1, 0.11, 2.5, 3600, 3601):
            await observe(redis, "x", seconds)
    with redis_server.client() as client:
        counted = client.hgetall("inpaint:histogram:x")
    assert float(counted.pop(b"sum")) == pytest.approx(7203.71)
    assert counted == {b"0.1": b"1", b"0.25": b"1", b"2.5": b"1", b"3600": b"1", b"+Inf": b"1"}
