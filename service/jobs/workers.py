"""Who works: RQ's record of the workers of a queue, without those that have fallen silent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from service.jobs.redis_clients import ask

SILENT_SECONDS = 30.0  # at least; an idle worker speaks every 5 seconds
MISSED_HEARTBEATS = 3


async def live_workers(redis: Redis, queue: str, heartbeat_seconds: float) -> int:
    """How many workers of `queue` have given a sign of life of late."""
    keys = await ask(redis, "SMEMBERS", WORKERS_BY_QUEUE_KEY % queue)
    silent_seconds = max(SILENT_SECONDS, MISSED_HEARTBEATS * heartbeat_seconds)
    return sum(seconds > time.time() - silent_seconds for seconds in await _heartbeats(redis, sorted(keys)))


async def _heartbeats(redis: Redis, keys: Sequence[bytes]) -> list[float]:
    """Seconds since 1970 of each worker's last sign of life; 0 for one that is forgotten."""
    async with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.execute_command("HGET", key, "last_heartbeat")
        said = await pipeline.execute()
    return [datetime.fromisoformat(text.decode()).timestamp() if text else 0.0 for text in said]
