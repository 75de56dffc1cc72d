"""Back-pressure: how many requests are inside, how many are worked on, and what happens when a caller leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from fastapi import Request
from prometheus_client import Gauge

from service.deadline import Deadline
from service.errors import ClientGone, DeadlineExceeded, Draining, Overloaded

T = TypeVar("T")
RETRY_AFTER_SECONDS = 1.0


class Admission:
    """Two limits. `admitted`, before the body is read, refuses at once; `slot`, for the work, waits in a fair queue.

    A slow upload counts for the first limit only, so that it never keeps other requests from being worked on.
    `waiting` shows how many wait for a slot.
    """

    def __init__(self, max_concurrent: int, max_waiting: int, waiting: Gauge) -> None:
        self.draining = False
        self._max_inside = max_concurrent + max_waiting
        self._inside = 0
        self._slots = asyncio.Semaphore(max_concurrent)
        self._waiting = waiting

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """A place inside, from before the body is read until the answer is made; raises Overloaded or Draining."""
        if self.draining:
            raise Draining("The service is shutting down.", retry_after_seconds=RETRY_AFTER_SECONDS)
        if self._inside >= self._max_inside:
            raise self._overloaded()
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def slot(self, deadline: Deadline) -> AsyncIterator[None]:
        """A place to work. Waits in line until the deadline, then raises DeadlineExceeded."""
        try:
            async with asyncio.timeout(deadline.remaining_seconds):
                with self._waiting.track_inprogress():
                    await self._slots.acquire()
        except TimeoutError:
            raise DeadlineExceeded("The request waited for its turn until its deadline passed.") from None
        try:
            yield
        finally:
            self._slots.release()

    def _overloaded(self) -> Overloaded:
        settings = "MAX_CONCURRENT_REQUESTS, MAX_WAITING_REQUESTS"
        return Overloaded(
            f"{self._max_inside} requests are being worked on or waiting.",
            errors=[{"allowed": self._max_inside, "setting": settings}],
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


async def while_client_waits(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, whose request body has been read; cancel it and raise ClientGone when the client leaves."""
    task = asyncio.create_task(work)
    watch = asyncio.create_task(_departure(request))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone()
    finally:
        watch.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
