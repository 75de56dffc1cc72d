"""The two clients and their jobs. calls.py and jobs.py say what they can do, transports.py how it is done."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

import httpx

from service.client.calls import Calls
from service.client.connection import DEFAULT_URL, TIMEOUT_SECONDS, options
from service.client.jobs import POLL_SECONDS, JobCalls, JobStatus, leave
from service.client.retries import Retries
from service.client.transports import Asynchronous, AsynchronousWithJobs, Blocking, BlockingWithJobs


class Job(JobCalls, Blocking):
    """A job of a Client. As a context it is canceled on the way out, unless its end is known."""

    def __init__(self, http: httpx.Client, status: JobStatus, poll_seconds: float, retries: Retries) -> None:
        super().__init__(http)
        self.status, self.poll_seconds, self.retries = status, poll_seconds, retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.status.ended:
            self.status = self.run(leave(self.status, error))


class AsyncJob(JobCalls, Asynchronous):
    """A job of an AsyncClient. As a context it is canceled on the way out, unless its end is known."""

    def __init__(self, http: httpx.AsyncClient, status: JobStatus, poll_seconds: float, retries: Retries) -> None:
        super().__init__(http)
        self.status, self.poll_seconds, self.retries = status, poll_seconds, retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.status.ended:
            self.status = await self.run(leave(self.status, error))


class Client(Calls, BlockingWithJobs[Job]):
    """Talks to a face inpainting service. Close it, or use it as a context; threads may share it.

    >>> with Client("http://127.0.0.1:8000") as client:
    ...     answer = client.inpaint("photo.jpg", "mask.png", seed=7)
    ...     Path("completed.png").write_bytes(answer.picture)
    ...     with client.submit("photo.jpg", "mask.png") as job:
    ...         answer = job.result()

    A call raises `service.errors.ServiceError` (service/client/errors.py draws the tree), and OSError, TypeError or
    ValueError for a picture that cannot be read or is none. `timeout_seconds` is for a whole call, with every attempt;
    one that is given up closes its connection, so that the service stops working on it.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(httpx.Client(**options(url, key, timeout_seconds), transport=transport))
        self.retries = replace(retries or Retries(), call_seconds=timeout_seconds)
        self._poll_seconds = min(POLL_SECONDS, timeout_seconds / 2)

    def job_from(self, status: JobStatus) -> Job:
        """A handle on a job whose status is known."""
        return Job(self.http, status, self._poll_seconds, self.retries)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(Calls, AsynchronousWithJobs[AsyncJob]):
    """Talks to a face inpainting service from one event loop. Close it, or use it as an asynchronous context.

    >>> async with AsyncClient("http://127.0.0.1:8000") as client:
    ...     answer = await client.inpaint("photo.jpg", "mask.png", seed=7)
    ...     async with await client.submit("photo.jpg", "mask.png") as job:
    ...         answer = await job.result()

    It raises what Client raises. A canceled call closes its connection, so that the service stops working on it.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(httpx.AsyncClient(**options(url, key, timeout_seconds), transport=transport))
        self.retries = replace(retries or Retries(), call_seconds=timeout_seconds)
        self._poll_seconds = min(POLL_SECONDS, timeout_seconds / 2)

    def job_from(self, status: JobStatus) -> AsyncJob:
        """A handle on a job whose status is known."""
        return AsyncJob(self.http, status, self._poll_seconds, self.retries)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
