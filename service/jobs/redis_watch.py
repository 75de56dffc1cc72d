"""Looks at Redis at the start and every few seconds, so that the log and /readyz know what is wrong with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis

from service.jobs.redis_state import AWAY, SLOW, Noted, RedisState, look

LOOK_SECONDS = 10.0
KEPT_SECONDS = 1.0
ANSWER_SECONDS = 1.0
START_SECONDS = 5.0  # in which a Redis that starts at the same time may still be away


class RedisWatch:
    """The state of Redis. However many ask at once, Redis is asked once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._noted = Noted()
        self._state = RedisState()
        self._asked_seconds = float("-inf")
        self._asking = asyncio.Lock()
        self._began_seconds = time.monotonic()

    async def state(self) -> RedisState:
        """At most a second old."""
        async with self._asking:
            if time.monotonic() - self._asked_seconds >= KEPT_SECONDS:
                self._state = await self._look()
                self._asked_seconds = time.monotonic()
                if not self._starting():
                    self._noted.note(self._state)
        return self._state

    async def _look(self) -> RedisState:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await look(self._redis)
        except TimeoutError:
            return RedisState(failures=(SLOW,))

    def _starting(self) -> bool:
        return self._state.failures == (AWAY,) and time.monotonic() < self._began_seconds + START_SECONDS

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look again and again while the block runs. A client of Redis may swallow a cancellation: it is also told."""
        over = asyncio.Event()
        watch = asyncio.create_task(self._watch(over))
        try:
            yield
        finally:
            over.set()
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.state()
            with suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS if self._starting() else LOOK_SECONDS):
                    await over.wait()
