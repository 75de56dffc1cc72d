"""What idle workers look for: webhooks that are due, and jobs that RQ no longer knows."""

from __future__ import annotations

import time
from typing import Any, cast

from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job

from service.jobs.queue import DELIVER, RQ_RESULT_SECONDS, push
from service.jobs.redis_clients import execute_blocking
from service.jobs.scripts import PREFIX
from service.settings import Settings

LEASE_SECONDS = 60.0  # a delivery that has not settled its webhook by then is begun again
DELIVERY_SECONDS = 45
BATCH = 100
LOST_SECONDS = 60.0


def enqueue_due(queue: Queue) -> None:
    """Put the webhooks that are due into their queue. One that is under way comes due again after its lease."""
    now = time.time()
    due = cast(
        "list[bytes]",
        execute_blocking(queue.connection, "ZRANGEBYSCORE", f"{PREFIX}webhooks", "-inf", now, "LIMIT", 0, BATCH),
    )
    for job_id in map(bytes.decode, due):
        execute_blocking(queue.connection, "ZADD", f"{PREFIX}webhooks", "XX", now + LEASE_SECONDS, job_id)
        try:
            queue.enqueue(
                DELIVER,
                job_id,
                job_id=f"{job_id}-webhook",
                unique=True,
                job_timeout=DELIVERY_SECONDS,
                ttl=round(LEASE_SECONDS),
                result_ttl=0,
                failure_ttl=RQ_RESULT_SECONDS,
            )
        except DuplicateJobError:
            continue


def enqueue_lost(queue: Queue, settings: Settings) -> None:
    """Put jobs that should wait or run, but that RQ does not know, into the queue again.

    That happens when Redis lost its last second, or when a process ended between two steps.
    """
    for job_id in _under_way(queue):
        if Job.exists(job_id, connection=queue.connection):
            continue
        state, created_at, items = _record(queue, job_id)
        if state in (b"queued", b"running") and float(created_at) < time.time() - LOST_SECONDS:
            push(queue, job_id, int(items), settings, settings.request_deadline_seconds)
        elif state not in (b"queued", b"running"):
            for key in ("waiting", "running"):
                execute_blocking(queue.connection, "ZREM", f"{PREFIX}{key}", job_id)
            execute_blocking(queue.connection, "HDEL", f"{PREFIX}waiting:facts", job_id)


def _under_way(queue: Queue) -> list[str]:
    ids = [
        cast("list[bytes]", execute_blocking(queue.connection, "ZRANGE", f"{PREFIX}{key}", 0, -1))
        for key in ("waiting", "running")
    ]
    return [job_id.decode() for some in ids for job_id in some]


def _record(queue: Queue, job_id: str) -> tuple[Any, Any, Any]:
    fields = "state", "created_at", "item_count"
    state, created_at, items = execute_blocking(queue.connection, "HMGET", f"{PREFIX}job:{job_id}", *fields)
    return state, created_at, items
