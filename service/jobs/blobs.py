"""The pictures of jobs, under keys of their own that expire: faces are personal data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from service.jobs.redis_clients import ask
from service.jobs.scripts import PREFIX


class Blobs:
    """Inputs and results, by job and item."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def put_inputs(self, job_id: str, pairs: Sequence[tuple[bytes, bytes]], lapse_seconds: float) -> None:
        """Store (image, mask) pairs; they go by themselves after `lapse_seconds` unless the job is confirmed."""
        key = f"{PREFIX}inputs:{job_id}"
        async with self._redis.pipeline(transaction=True) as pipeline:
            for index, (image, mask) in enumerate(pairs):
                pipeline.hset(key, mapping={f"image:{index}": image, f"mask:{index}": mask})
            pipeline.pexpire(key, round(lapse_seconds * 1000))
            await pipeline.execute()

    async def input_pair(self, job_id: str, index: int) -> tuple[bytes, bytes] | None:
        """An item's (image, mask); None when they are no longer kept."""
        image, mask = await ask(self._redis, "HMGET", f"{PREFIX}inputs:{job_id}", f"image:{index}", f"mask:{index}")
        return None if image is None or mask is None else (image, mask)

    async def results(self, job_id: str, index: int, samples: int) -> list[bytes] | None:
        """An item's encoded pictures, one for each sample; None if any of them is missing or no longer kept."""
        fields = [f"{index}:{sample}" for sample in range(samples)]
        pictures = cast("list[bytes | None]", await ask(self._redis, "HMGET", f"{PREFIX}results:{job_id}", *fields))
        found = [picture for picture in pictures if picture is not None]
        return found if len(found) == samples else None
