"""A worker in a thread of the test's process: the real task over a real Redis, with an engine in memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.engine import Engine
from service.jobs.scripts import PREFIX
from service.jobs.tasks import run_once
from service.settings import Settings
from tests.fakes.redis_server import RedisServer

LOOK_SECONDS = 0.02


@contextmanager
def working(redis_server: RedisServer, options: Settings, engine: Engine) -> Iterator[None]:
    """Whatever waits is run, one job after the other, until the block ends."""
    stop = threading.Event()

    def work() -> None:
        with redis_server.client() as redis:
            while not stop.wait(LOOK_SECONDS):
                for job_id in redis.zrange(f"{PREFIX}waiting", 0, 0):
                    if not redis.exists(b"rq:job:" + job_id):
                        continue  # reserved, and not handed over yet
                    asyncio.run(run_once(job_id.decode(), options, engine))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
