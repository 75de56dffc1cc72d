"""The API's side of jobs: one connection to Redis and everything that uses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError

from service.deadline import Deadline
from service.jobs import redis_clients
from service.jobs.idempotency import IdempotencyKeys
from service.jobs.queue import JobQueue
from service.jobs.redis_clients import ask
from service.jobs.states import Job
from service.jobs.store import JobStore, NewJob
from service.settings import Settings
from service.telemetry.jobs import text

FIRST_LOOK_SECONDS = 0.05
LONGEST_LOOK_SECONDS = 0.5
PING_SECONDS = 1.0


class Stopping(Protocol):
    """Knows whether the service is told to stop."""

    @property
    def draining(self) -> bool: ...


@dataclass
class JobService:
    """Accepts jobs, and says what has become of them. Raises redis.RedisError while Redis is away."""

    store: JobStore
    queue: JobQueue
    keys: IdempotencyKeys
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
            return await self._watch(job, wait_seconds, stopping)
        finally:
            self.waiters -= 1

    async def _watch(self, job: Job | None, wait_seconds: float, stopping: Stopping) -> Job | None:
        wait, pause_seconds = Deadline(wait_seconds), FIRST_LOOK_SECONDS
        while job is not None and job.under_way and not stopping.draining and wait.remaining_seconds > 0:
            await asyncio.sleep(min(pause_seconds, max(0.0, wait.remaining_seconds)))
            pause_seconds = min(1.5 * pause_seconds, LONGEST_LOOK_SECONDS)
            job = await self.store.get(job.id)
        return job

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
    try:
        yield JobService(
            store=JobStore(redis, settings),
            queue=JobQueue(blocking, settings, settings.request_deadline_seconds),
            keys=IdempotencyKeys(settings.redis_url, settings.jobs_max_bytes),
            max_waiters=settings.jobs_max_waiting_requests,
        )
    finally:
        await redis.aclose()
        blocking.close()
