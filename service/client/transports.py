"""The two ways to run a flow. All that differs between the clients is here."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import Any, Generic, TypeVar

import httpx

from service.client.flows import Flow, Pause, Send, Step
from service.client.time_limits import TimelyStream

J = TypeVar("J")  # the kind of job that a client hands out
T = TypeVar("T")


class Blocking:
    """Runs a flow to its end before it returns."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def run(self, flow: Flow[T]) -> T:
        """What the flow returns; raises what it raises."""
        with closing(flow):
            try:
                step = next(flow)
                while True:
                    try:
                        outcome = self._perform(step)
                    except Exception as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value

    def _perform(self, step: Step) -> Any:
        if isinstance(step, Send):
            return self._sent(step)
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        return step.function()

    def _sent(self, step: Send) -> httpx.Response:
        with self.http.stream(**step.arguments()) as response:
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = TimelyStream(response.stream, step.end_seconds)
            response.read()
        return response


class Asynchronous:
    """Runs a flow in the event loop; what takes a while goes to a thread."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def run(self, flow: Flow[T]) -> T:
        """What the flow returns; raises what it raises."""
        with closing(flow):
            try:
                step = next(flow)
                while True:
                    try:
                        outcome = await self._perform(step)
                    except Exception as error:
                        step = flow.throw(error)
                    else:
                        step = flow.send(outcome)
            except StopIteration as end:
                value: T = end.value
                return value

    async def _perform(self, step: Step) -> Any:
        if isinstance(step, Send):
            return await self._sent(step)
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        return await asyncio.to_thread(step.function)

    async def _sent(self, step: Send) -> httpx.Response:
        try:
            async with asyncio.timeout(step.end_seconds - time.monotonic()):
                return await self.http.request(**step.arguments())
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer takes too long") from error


class BlockingWithJobs(Blocking, Generic[J]):
    """Its calls about jobs return a J."""


class AsynchronousWithJobs(Asynchronous, Generic[J]):
    """Its calls about jobs return a J, when they are awaited."""
