"""Rate limits: token buckets for each key, in Redis, so that all processes of the service count together. One is for
work (POST), another, ten times as large, for questions about it, so that polling takes nothing from the work.

One script, one round trip. While Redis is away, requests pass unchecked, and a metric counts them.
"""

from __future__ import annotations

import asyncio
import math
import time

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.errors import RateLimited
from service.keys import Rate
from service.telemetry.metrics import Metrics

REDIS_SECONDS = 1.0
CONNECTIONS = 8
QUESTIONS = 10  # so many for each request for work
AWAY_SECONDS = 2.0  # how long Redis is left alone after it did not answer

# KEYS: the bucket. ARGV: most tokens, tokens a second. Answers: taken (1 or 0), whole tokens left, milliseconds until
# there is a token, milliseconds until the bucket is full. Redis' own clock counts, so all processes agree.
TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local most, speed = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'seconds')
local rested = math.max(0, now - (tonumber(kept[2]) or now))
local tokens = math.min(most, (tonumber(kept[1]) or most) + rested * speed)
local taken = tokens >= 1
if taken then tokens = tokens - 1 end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'seconds', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(most / speed) + 1)
local next = taken and 0 or math.ceil((1 - tokens) / speed * 1000)
return {taken and 1 or 0, math.floor(tokens), next, math.ceil((most - tokens) / speed * 1000)}
"""


class RateLimiter:
    """Takes one token a request. `default` is the rate of a caller without one of its own; None: no limit."""

    def __init__(self, redis_url: str, default: Rate | None, metrics: Metrics, *, send_headers: bool) -> None:
        pool = BlockingConnectionPool.from_url(
            redis_url,
            max_connections=CONNECTIONS,
            timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(TAKE)
        self._default = default
        self._metrics = metrics
        self._send_headers = send_headers
        self._away_until_seconds = float("-inf")

    async def take(self, principal: str, own: Rate | None, *, work: bool = True) -> dict[str, str]:
        """Count one request of `principal`; return the headers of its answer. Raises RateLimited."""
        rate = own or self._default
        if rate is None:
            return {}
        bucket, policy = principal, "key"
        if not work:
            rate, bucket, policy = Rate(rate.requests * QUESTIONS, rate.seconds), f"{principal}:questions", "questions"
        answer = await self._ask(bucket, rate)
        if answer is None:
            self._metrics.rate_unchecked.inc()
            return {}
        taken, left, next_milliseconds, full_milliseconds = answer
        headers = rate_headers(rate, left, full_milliseconds / 1000, policy) if self._send_headers else {}
        if not taken:
            whose, setting = (", the rate of its own key", "API_KEYS") if own else ("", "RATE_LIMIT")
            raise RateLimited(
                f"{principal!r} may send {rate.requests} requests in {rate.seconds} seconds{whose}.",
                errors=[{"allowed_requests": rate.requests, "seconds": rate.seconds, "setting": setting}],
                retry_after_seconds=next_milliseconds / 1000,
                headers=headers,
            )
        return headers

    async def close(self) -> None:
        await self._redis.aclose()

    async def _ask(self, principal: str, rate: Rate) -> list[int] | None:
        """What the script answers; None when Redis does not."""
        if time.monotonic() < self._away_until_seconds:
            return None
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                answer: list[int] = await self._script(
                    keys=[f"inpaint:rate:{principal}"], args=[rate.requests, rate.requests / rate.seconds]
                )
        except (RedisError, OSError, TimeoutError):
            self._away_until_seconds = time.monotonic() + AWAY_SECONDS
            return None
        return answer


def rate_headers(rate: Rate, left: int, full_seconds: float, policy: str = "key") -> dict[str, str]:
    """RateLimit and RateLimit-Policy, as the IETF's draft writes them."""
    return {
        "RateLimit-Policy": f'"{policy}";q={rate.requests};w={rate.seconds}',
        "RateLimit": f'"{policy}";r={left};t={math.ceil(full_seconds)}',
    }
