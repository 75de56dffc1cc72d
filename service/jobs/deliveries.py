"""The worker of webhooks: several deliveries at once, of one receiver only some, so that a slow one delays no other.

They wait for receivers, so one process with one event loop does for all. SIGTERM lets those under way end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
import uuid
from collections import Counter
from datetime import UTC, datetime

from redis.exceptions import RedisError
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from service.jobs import redis_clients
from service.jobs.outbox import Outbox
from service.jobs.queue import WEBHOOKS
from service.jobs.redis_clients import ask
from service.jobs.redis_state import reason
from service.jobs.store import JobStore
from service.jobs.webhooks import deliver
from service.settings import Settings, traces_endpoint
from service.telemetry.exporting import exporting

LOOK_SECONDS = 1.0  # how often due ones are looked for
REDIS_TRIES = 10
SHARE_OF_ONE_RECEIVER = 0.25
SIGN_SECONDS = 5.0  # how often it says that it is alive
FORGOTTEN_SECONDS = 60
SIGNS = WORKERS_BY_QUEUE_KEY % WEBHOOKS

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT."""
    with exporting(traces_endpoint()):
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    redis = redis_clients.asynchronous(settings.redis_url, tries=REDIS_TRIES)
    print(f"worker of the queue {WEBHOOKS} ready (process {os.getpid()})", flush=True)
    try:
        await Deliveries(JobStore(redis, settings), settings).run(stop)
    finally:
        await redis.aclose()


class Deliveries:
    """Those that are under way, each a task."""

    def __init__(self, store: JobStore, settings: Settings) -> None:
        self._store, self._outbox, self._settings = store, Outbox(store.redis), settings
        self._most = settings.webhook_max_connections
        self._most_of_one = max(1, int(self._most * SHARE_OF_ONE_RECEIVER))
        self._tasks: dict[asyncio.Task[None], str] = {}  # and whom they call
        self._sign, self._signed_seconds = f"rq:worker:{uuid.uuid4().hex}", float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; then those under way have WORKER_GRACE_SECONDS, and what is left comes due again."""
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            try:
                await self._give_sign()
                await self._begin_due()
            except RedisError as error:
                logger.warning("Redis cannot be used: %s", reason(error))
            await asyncio.wait({stopped, *self._tasks}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._tasks = {task: receiver for task, receiver in self._tasks.items() if not task.done()}
        await self._end()

    async def _give_sign(self) -> None:
        """Stand among the workers of the queue, as RQ's own do."""
        if time.monotonic() < self._signed_seconds + SIGN_SECONDS:
            return
        async with self._store.redis.pipeline() as pipeline:
            pipeline.hset(self._sign, "last_heartbeat", datetime.now(UTC).isoformat())
            pipeline.hset(self._sign, "hostname", socket.gethostname())
            pipeline.expire(self._sign, FORGOTTEN_SECONDS)
            pipeline.sadd(SIGNS, self._sign)
            await pipeline.execute()
        self._signed_seconds = time.monotonic()

    async def _begin_due(self) -> None:
        free = self._most - len(self._tasks)
        if not free:
            return
        busy, seconds = Counter(self._tasks.values()), self._settings.webhook_timeout_seconds
        for job_id, receiver in await self._outbox.claim(free, self._most_of_one, busy, seconds):
            self._tasks[asyncio.create_task(self._deliver(job_id))] = receiver

    async def _deliver(self, job_id: str) -> None:
        """What fails here comes due again when its claim lapses."""
        try:
            await deliver(job_id, self._store, self._outbox, self._settings)
        except RedisError as error:
            logger.warning("webhook of job %s: %s", job_id, type(error).__name__)
        except Exception:
            logger.exception("webhook of job %s: unexpected error", job_id)

    async def _end(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.worker_grace_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(RedisError):  # it lapses by itself
            await ask(self._store.redis, "SREM", SIGNS, self._sign)
            await ask(self._store.redis, "DEL", self._sign)
