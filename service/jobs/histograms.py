"""Histograms in Redis, for what a process observes that ends with its job. The scripts keep theirs in the same way."""

from __future__ import annotations

from bisect import bisect_left

from redis.asyncio import Redis

from service.jobs.scripts import PREFIX
from service.telemetry.jobs import BOUNDS, JOB_SECONDS_BUCKETS


async def observe(redis: Redis, name: str, seconds: float) -> None:
    """Count one value of the histogram `name`."""
    key, bucket = f"{PREFIX}histogram:{name}", BOUNDS[bisect_left(JOB_SECONDS_BUCKETS, seconds)]
    async with redis.pipeline() as pipeline:
        pipeline.execute_command("HINCRBY", key, bucket, 1)
        pipeline.execute_command("HINCRBYFLOAT", key, "sum", repr(max(0.0, seconds)))
        await pipeline.execute()
