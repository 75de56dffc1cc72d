"""The pictures of jobs, under keys of their own that expire: faces are personal data.

They go over the wire in threads, each time on a connection of its own: megabytes would hold up the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr

from service.jobs import redis_clients
from service.jobs.scripts import PREFIX


class Blobs:
    """Inputs and results, by job and item. Raises redis.RedisError while Redis is away for longer than `tries`."""

    def __init__(self, url: SecretStr, tries: int = 1) -> None:
        self._url = url
        self._tries = tries

    async def put_inputs(
        self, job_id: str, pairs: Sequence[tuple[bytes, bytes]], reference: bytes | None, lapse_seconds: float
    ) -> None:
        """Store (image, mask) pairs and the picture that guides them all, if there is one.

        They go by themselves after `lapse_seconds` unless the job is confirmed.
        """
        await asyncio.to_thread(self._put_inputs, job_id, pairs, reference, lapse_seconds)

    def _put_inputs(
        self, job_id: str, pairs: Sequence[tuple[bytes, bytes]], reference: bytes | None, lapse_seconds: float
    ) -> None:
        key = f"{PREFIX}inputs:{job_id}"
        with redis_clients.synchronous(self._url) as redis, redis.pipeline(transaction=True) as pipeline:
            for index, (image, mask) in enumerate(pairs):
                pipeline.hset(key, mapping={f"image:{index}": image, f"mask:{index}": mask})
            if reference is not None:
                pipeline.hset(key, "reference", reference)
            pipeline.pexpire(key, round(lapse_seconds * 1000))
            pipeline.execute()

    async def inputs(self, job_id: str, index: int) -> tuple[bytes, bytes, bytes | None] | None:
        """An item's (image, mask, reference or None); None when they are no longer kept."""
        fields = [f"image:{index}", f"mask:{index}", "reference"]
        image, mask, reference = await asyncio.to_thread(self._fetch, f"{PREFIX}inputs:{job_id}", fields)
        return None if image is None or mask is None else (image, mask, reference)

    async def results(self, job_id: str, index: int, count: int) -> list[bytes] | None:
        """An item's encoded pictures, in the order of its record; None if any is missing or no longer kept."""
        fields = [f"{index}:{place}" for place in range(count)]
        pictures = await asyncio.to_thread(self._fetch, f"{PREFIX}results:{job_id}", fields)
        found = [picture for picture in pictures if picture is not None]
        return found if len(found) == count else None

    def _fetch(self, key: str, fields: Sequence[str]) -> list[bytes | None]:
        with redis_clients.synchronous(self._url, tries=self._tries) as redis:
            fetched: Any = redis_clients.execute_blocking(redis, "HMGET", key, *fields)
        return list(fetched)
