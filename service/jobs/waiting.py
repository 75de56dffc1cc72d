"""Waiting for the end of jobs: one subscription for the whole process, however many requests wait."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.deadline import Deadline
from service.jobs.scripts import ENDED
from service.jobs.states import UNDER_WAY
from service.jobs.store import JobStore

LISTEN_SECONDS = 1.0
LOOK_SECONDS = 5.0  # messages can be lost while Redis is away; so often the state itself is read
DRAINING_SECONDS = 0.25  # how soon a waiter notices that the service stops


class Stopping(Protocol):
    """Knows whether the service is told to stop."""

    @property
    def draining(self) -> bool: ...


class JobEnds:
    """Wakes those who wait for a job when it ends."""

    def __init__(self, redis: Redis, store: JobStore) -> None:
        self._redis = redis
        self._store = store
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening = asyncio.Event()  # while the subscription stands
        self._listener: asyncio.Task[None] | None = None

    async def wait(self, job_id: str, wait_seconds: float, stopping: Stopping) -> None:
        """Until the job has ended, `wait_seconds` have passed, or the service stops."""
        ended, wait = asyncio.Event(), Deadline(wait_seconds)
        self._waiting[job_id].add(ended)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        try:
            await self._until_listening(wait)
            while wait.remaining_seconds > 0 and not stopping.draining and await self._is_under_way(job_id):
                if await self._woken(ended, Deadline(min(LOOK_SECONDS, wait.remaining_seconds)), stopping):
                    return
        finally:
            self._leave(job_id, ended)

    async def close(self) -> None:
        """Stop listening."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    def _leave(self, job_id: str, ended: asyncio.Event) -> None:
        self._waiting[job_id].discard(ended)
        if not self._waiting[job_id]:
            del self._waiting[job_id]
        if not self._waiting and self._listener is not None:
            self._listener.cancel()
            self._listener = None
            self._listening.clear()

    async def _until_listening(self, wait: Deadline) -> None:
        """An end before the subscription stands would be missed; without Redis the state is read all the same."""
        try:
            async with asyncio.timeout(min(LISTEN_SECONDS, wait.remaining_seconds)):
                await self._listening.wait()
        except TimeoutError:
            return

    async def _is_under_way(self, job_id: str) -> bool:
        state, _ = await self._store.state(job_id)
        return state in UNDER_WAY

    async def _woken(self, ended: asyncio.Event, wait: Deadline, stopping: Stopping) -> bool:
        """Whether the job has ended before `wait` is over."""
        while wait.remaining_seconds > 0 and not stopping.draining:
            try:
                async with asyncio.timeout(min(DRAINING_SECONDS, wait.remaining_seconds)):
                    await ended.wait()
                    return True
            except TimeoutError:
                continue
        return False

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(ENDED)
                    self._listening.set()
                    while True:
                        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
                        if message is not None:
                            self._wake(message["data"].decode())
            except (RedisError, OSError):
                self._listening.clear()
                await asyncio.sleep(LISTEN_SECONDS)

    def _wake(self, job_id: str) -> None:
        for ended in self._waiting.get(job_id, ()):
            ended.set()
