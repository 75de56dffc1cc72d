"""What idle workers look for: jobs that RQ no longer knows."""

from __future__ import annotations

import time
from typing import Any, cast

from rq import Queue
from rq.job import Job

from service.jobs.queue import push
from service.jobs.redis_clients import execute_blocking
from service.jobs.scripts import PREFIX
from service.settings import Settings

LOST_SECONDS = 60.0


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
