"""The API's side of jobs: one connection to Redis and everything that uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.exceptions import RedisError

from service.jobs import redis_clients
from service.jobs.idempotency import IdempotencyKeys
from service.jobs.outbox import Outbox
from service.jobs.queue import JobQueue
from service.jobs.redis_clients import ask
from service.jobs.states import Job
from service.jobs.store import JobStore, NewJob
from service.jobs.waiting import JobEnds, Stopping
from service.settings import Settings
from service.telemetry.jobs import text

PING_SECONDS = 1.0


@dataclass
class JobService:
    """Accepts jobs, and says what has become of them. Raises redis.RedisError while Redis is away."""

    store: JobStore
    queue: JobQueue
    keys: IdempotencyKeys
    ends: JobEnds
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

    async def metrics(self) -> bytes:
        """The figures of jobs in Prometheus' text format; nothing while Redis is away."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                return text(await self.store.figures())
        except (RedisError, TimeoutError):
            return b""

    async def reachable(self) -> bool:
        """Whether jobs can be taken now."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                return bool(await ask(self.store.redis, "PING"))
        except (RedisError, TimeoutError):
            return False


@asynccontextmanager
async def open_job_service(settings: Settings) -> AsyncIterator[JobService]:
    """Connects when it is first used; Redis need not be there."""
    redis = redis_clients.asynchronous(settings.redis_url)
    blocking = redis_clients.synchronous(settings.redis_url)
    store = JobStore(redis, settings)
    ends = JobEnds(redis, store)
    try:
        yield JobService(
            store=store,
            queue=JobQueue(blocking, settings, settings.request_deadline_seconds),
            keys=IdempotencyKeys(settings.redis_url, settings.jobs_max_bytes),
            ends=ends,
            outbox=Outbox(redis),
            max_waiters=settings.jobs_max_waiting_requests,
        )
    finally:
        await ends.close()
        await redis.aclose()
        blocking.close()
