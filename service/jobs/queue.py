"""RQ's queue. It holds only ids, as JSON: RQ fetches the arguments again at every poll, so no pictures go there."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from service.jobs.scripts import PRELUDE, SCRIPTS
from service.settings.jobs import JobSettings

INPAINTING = "inpaint"
WEBHOOKS = "webhooks"  # not RQ's: outbox.py
RUN_JOB = "service.jobs.tasks.run"

MARGIN_SECONDS = 60
MAINTENANCE_SECONDS = 30
RQ_RETRIES = 20  # the store counts the attempts; RQ only has to bring a job back
RQ_RESULT_SECONDS = 60
RQ_FAILURE_SECONDS = 3600


class ShortLockQueue(Queue):
    """RQ's queue with a shorter lock for maintenance. RQ's own lasts a quarter of an hour: a worker that is killed
    while it holds the lock would stop all maintenance for that long."""

    def acquire_maintenance_lock(self) -> bool:
        return bool(self.connection.set(self.registry_cleaning_key, 1, nx=True, ex=MAINTENANCE_SECONDS))


def open_queue(connection: redis.Redis) -> Queue:
    """The queue of jobs."""
    return ShortLockQueue(INPAINTING, connection=connection, serializer=JSONSerializer)


def run_seconds(settings: JobSettings, item_count: int, deadline_seconds: float) -> float:
    """The longest that an attempt may take: the deadline of every item, and the wait for an engine that is away."""
    return item_count * deadline_seconds + settings.jobs_engine_wait_seconds


def push(queue: Queue, job_id: str, item_count: int, settings: JobSettings, deadline_seconds: float) -> None:
    """Hand a job to the workers, at its place in line (turns.py); nothing happens when they have it already."""
    timeout_seconds = round(run_seconds(settings, item_count, deadline_seconds)) + MARGIN_SECONDS
    try:
        queue.enqueue(
            RUN_JOB,
            job_id,
            job_id=job_id,
            unique=True,
            job_timeout=timeout_seconds,
            ttl=round(settings.jobs_queue_ttl_seconds) + 2 * timeout_seconds,
            result_ttl=RQ_RESULT_SECONDS,
            failure_ttl=RQ_FAILURE_SECONDS,
            retry=Retry(max=RQ_RETRIES, enqueue_at_front=True),
        )
    except DuplicateJobError:
        return
    script: Any = queue.connection.eval
    script(PRELUDE + SCRIPTS["arrange"], 0, job_id, repr(time.time()))


class JobQueue:
    """RQ for the API. RQ blocks, so it is called in threads."""

    def __init__(self, connection: redis.Redis, settings: JobSettings, deadline_seconds: float) -> None:
        self._queue = open_queue(connection)
        self._settings = settings
        self._deadline_seconds = deadline_seconds

    async def enqueue(self, job_id: str, item_count: int) -> None:
        """Hand a job to the workers; nothing happens when they have it already."""
        await asyncio.to_thread(push, self._queue, job_id, item_count, self._settings, self._deadline_seconds)

    async def remove(self, job_id: str) -> None:
        """Take a job that has not begun out of the queue."""
        await asyncio.to_thread(self._remove, job_id)

    def _remove(self, job_id: str) -> None:
        try:
            job = Job.fetch(job_id, connection=self._queue.connection, serializer=JSONSerializer)
        except NoSuchJobError:
            return
        if job.is_queued:
            job.delete()
