"""The API's side of jobs: one connection to Redis and everything that uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import Metric
from redis.exceptions import RedisError

from service.jobs import redis_clients
from service.jobs.idempotency import IdempotencyKeys
from service.jobs.outbox import Outbox
from service.jobs.queue import INPAINTING, JobQueue
from service.jobs.redis_watch import RedisWatch
from service.jobs.states import Job
from service.jobs.store import JobStore, NewJob
from service.jobs.waiting import JobEnds, Stopping
from service.jobs.workers import live_workers
from service.settings import Settings
from service.telemetry.jobs import shown

PING_SECONDS = 1.0

Condition = Literal["ready", "no_worker", "unavailable"]


@dataclass
class JobService:
    """Accepts jobs, and says what has become of them. Raises redis.RedisError while Redis is away."""

    store: JobStore
    queue: JobQueue
    keys: IdempotencyKeys
    ends: JobEnds
    watch: RedisWatch
    heartbeat_seconds: float
    outbox: Outbox
    max_waiters: int
    waiters: int = 0

    async def accept(self, job_id: str, new: NewJob) -> Job:
        """Keep a job and hand it to the workers. Raises Overloaded. What fails half-way leaves nothing behind."""
        await self.store.reserve(job_id, new)
        try:
            await self.store.fill(job_id, new)
            await self.queue.enqueue(job_id, len(new.pairs))
            job = await self.store.get(job_id)
            assert job is not None
            return job
        except BaseException:
            await self._withdraw(job_id)
            raise

    async def _withdraw(self, job_id: str) -> None:
        try:
            await self.store.withdraw(job_id)
        except RedisError:
            return  # it lapses by itself

    async def cancel(self, job_id: str) -> None:
        """Cancel a job, or delete the pictures of one that has ended. A running job stops within a second."""
        await self.store.cancel(job_id)
        await self.queue.remove(job_id)

    async def wait(self, job: Job, wait_seconds: float, stopping: Stopping) -> Job | None:
        """The job when it has ended, or as it is after `wait_seconds`; at once when the service stops or many wait."""
        if self.waiters >= self.max_waiters:
            return job
        self.waiters += 1
        try:
            await self.ends.wait(job.id, min(wait_seconds, job.expires_at - time.time()), stopping)
        finally:
            self.waiters -= 1
        return await self.store.get(job.id)

    async def metrics(self) -> list[Metric]:
        """The families of the figures of jobs; none while Redis is away."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                return list(shown(await self.store.figures()))
        except (RedisError, TimeoutError):
            return []

    async def condition(self) -> tuple[Condition, str | None]:
        """Whether jobs are taken and worked on, and what is wrong; at most a second old."""
        state = await self.watch.state()
        told = [f"Redis: {state}"] if str(state) else []
        if state.failures:
            return "unavailable", "; ".join(told)
        if not await self._worked_on():
            return "no_worker", "; ".join(["no worker runs (python -m service.worker)", *told])
        return "ready", "; ".join(told) or None

    async def _worked_on(self) -> bool:
        try:
            async with asyncio.timeout(PING_SECONDS):
                return await live_workers(self.store.redis, INPAINTING, self.heartbeat_seconds) > 0
        except (RedisError, TimeoutError):
            return False


@asynccontextmanager
async def open_job_service(settings: Settings) -> AsyncIterator[JobService]:
    """Connects when it is first used; Redis need not be there."""
    redis = redis_clients.asynchronous(settings.redis_url)
    blocking = redis_clients.synchronous(settings.redis_url)
    store = JobStore(redis, settings)
    ends, watch = JobEnds(redis, store), RedisWatch(redis)
    try:
        service = JobService(
            store=store,
            queue=JobQueue(blocking, settings, settings.request_deadline_seconds),
            keys=IdempotencyKeys(settings.redis_url, settings.jobs_max_bytes),
            ends=ends,
            watch=watch,
            heartbeat_seconds=settings.jobs_heartbeat_seconds,
            outbox=Outbox(redis),
            max_waiters=settings.jobs_max_waiting_requests,
        )
        async with watch.watching():
            yield service
    finally:
        await ends.close()
        await redis.aclose()
        blocking.close()
