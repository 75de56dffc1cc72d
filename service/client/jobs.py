"""What is known of a job, and the flows about jobs."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any, Literal
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile

import httpx

from service.client.answers import InpaintAnswer, body_of, require_success
from service.client.endpoints import endpoint
from service.client.errors import Garbled, TimedOut, error_of_problem
from service.client.flows import Call, Flow, Pause, exchange
from service.client.forms import AS_JSON
from service.client.retries import Retries
from service.errors import JobCanceled, JobExpired, ResultExpired, ServiceError, UnknownJob

POLL_SECONDS = 25.0  # the service answers a poll when the job has ended, or after this time
QUICK_SECONDS = 1.0  # a poll that came back sooner was not held; the next one waits as long
LEAVING = Retries(max_attempts=2, max_seconds=5, call_seconds=10)
ANSWER_SECONDS = 5.0  # for the answer to a poll, beyond the time that it is held
PAGE = 100
PICTURE_SUFFIXES = ("png", "jpg", "webp")
State = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]


@dataclass(kw_only=True)
class ItemStatus:
    """One pair of image and mask of a job."""

    index: int
    state: State
    problem: dict[str, Any] | None


@dataclass(kw_only=True)
class WebhookStatus:
    """How far the webhook of a job is."""

    url: str
    state: Literal["pending", "delivered", "refused", "given_up"]
    tries: int
    last_status: int | None
    last_error: str | None  # why the last try got no answer
    last_try_at: datetime | None
    next_try_at: datetime | None


@dataclass(kw_only=True)
class JobStatus:
    """A job as the service last described it."""

    id: str
    state: State
    model: str
    priority: Literal["normal", "high"] = "normal"
    queue_position: int | None  # 1 is next
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime  #        when its pictures are deleted
    tries: int
    items: list[ItemStatus]
    problem: dict[str, Any] | None
    result_expired: bool = False  # it has succeeded, and its result is no longer kept
    webhook: WebhookStatus | None = None
    url: str
    result_url: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state not in ("queued", "running")


@dataclass(kw_only=True)
class JobPage:
    jobs: list[JobStatus]
    next_cursor: str | None


def _status(response: httpx.Response) -> JobStatus:
    return body_of(response, JobStatus)


def submit(form: Mapping[str, Any], key: str | None, retries: Retries) -> Flow[JobStatus]:
    """POST /jobs. However often it is sent, one job comes of it: every attempt carries the same Idempotency-Key."""
    call = Call("POST", "/jobs", form=form, headers={"Idempotency-Key": key or uuid.uuid4().hex})
    return exchange(call, _status, retries)


def status(job_id: str, retries: Retries, wait_seconds: float = 0) -> Flow[JobStatus]:
    """GET /jobs/{id}; with `wait_seconds` the service holds the answer until the job has ended."""
    query = {"wait": f"{wait_seconds:g}"} if wait_seconds else {}
    return exchange(Call("GET", _path(job_id), query=query), _status, retries)


def listed(most: int, retries: Retries) -> Flow[list[JobStatus]]:
    """GET /jobs, page after page, the newest first."""
    jobs: list[JobStatus] = []
    cursor: str | None = None
    while len(jobs) < most:
        query = {"limit": str(min(PAGE, most - len(jobs))), **({"cursor": cursor} if cursor else {})}
        page = yield from exchange(
            Call("GET", "/jobs", query=query), lambda response: body_of(response, JobPage), retries
        )
        jobs += page.jobs
        cursor = page.next_cursor
        if cursor is None:
            break
    return jobs


def cancel(job_id: str, retries: Retries) -> Flow[JobStatus]:
    """DELETE /jobs/{id}: a job under way is canceled, one that has ended loses its pictures."""
    return exchange(Call("DELETE", _path(job_id)), _status, retries)


def end(known: JobStatus, timeout_seconds: float | None, poll_seconds: float, retries: Retries) -> Flow[JobStatus]:
    """Wait until the job has ended. Raises TimedOut after `timeout_seconds`; the job goes on then."""
    end_seconds = math.inf if timeout_seconds is None else time.monotonic() + timeout_seconds
    while not known.ended:
        asked_seconds = time.monotonic()
        left_seconds = end_seconds - asked_seconds
        if left_seconds <= 0:
            raise TimedOut(f"The job has not ended within {timeout_seconds:g} seconds; it is {known.state}.")
        held_seconds = min(poll_seconds, left_seconds)
        bounded = replace(retries, call_seconds=min(retries.call_seconds, left_seconds + ANSWER_SECONDS))
        known = yield from status(known.id, bounded, held_seconds)
        if not known.ended and time.monotonic() - asked_seconds < min(QUICK_SECONDS, left_seconds):
            yield Pause(min(QUICK_SECONDS, left_seconds))
    return known


def result(ended: JobStatus, retries: Retries) -> Flow[InpaintAnswer]:
    """What a job of one picture made. Raises its own error, JobCanceled, JobExpired or ResultExpired."""
    require_result(ended)
    call = Call("GET", f"{_path(ended.id)}/result", headers=AS_JSON)
    return exchange(call, lambda response: body_of(response, InpaintAnswer), retries)


def results(ended: JobStatus, retries: Retries) -> Flow[list[bytes | ServiceError]]:
    """For each pair of a batch the completed picture's file, or the error that it ended with. Stages are left out.

    Of a single pair with several samples it is the first; `result` has them all.
    """
    require_result(ended)
    if len(ended.items) == 1:
        return [(yield from result(ended, retries)).picture]
    call = Call("GET", f"{_path(ended.id)}/result")
    files = yield from exchange(call, _files, retries)
    return [files[item.index] if item.index in files else _item_error(item) for item in ended.items]


def require_result(known: JobStatus) -> None:
    """Raise why an ended job has no result."""
    if known.state == "failed":
        problem = known.problem or {}
        raise error_of_problem(problem, status=_int(problem.get("status")))
    if known.state == "canceled":
        raise JobCanceled()
    if known.state == "expired":
        raise JobExpired()
    if known.result_expired:
        raise ResultExpired()


def _files(response: httpx.Response) -> dict[int, bytes]:
    """{index: completed picture's file} of the zip of a batch; stages lie in folders."""
    require_success(response)
    try:
        with ZipFile(BytesIO(response.content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(PICTURE_SUFFIXES) and "/" not in name]
            return {int(name.partition(".")[0]): archive.read(name) for name in names}
    except (BadZipFile, ValueError) as error:
        raise Garbled(f"The result is no zip of pictures ({error}).") from None


def _item_error(item: ItemStatus) -> ServiceError:
    if item.problem is None:
        return Garbled(f"The result holds no picture of pair {item.index}, which is {item.state}.")
    return error_of_problem(item.problem, status=_int(item.problem.get("status")))


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"


def leave(known: JobStatus, raised: BaseException | None) -> Flow[JobStatus]:
    """What leaving the context of a job under way does: cancel it. A failure to do so does not hide what was raised."""
    try:
        return (yield from cancel(known.id, LEAVING))
    except UnknownJob:
        return known
    except ServiceError as error:
        if raised is None:
            raise
        raised.add_note(f"job {known.id} could not be canceled: {error}")
        return known


class JobCalls:
    """A job at the service. `status` is what was last heard of it."""

    status: JobStatus
    poll_seconds: float
    retries: Retries

    @property
    def id(self) -> str:
        """The name by which the service knows it."""
        return self.status.id

    @endpoint
    def refresh(self) -> Flow[JobStatus]:
        """Ask how it is now."""
        self.status = yield from status(self.id, self.retries)
        return self.status

    @endpoint
    def wait(self, timeout_seconds: float | None = None) -> Flow[JobStatus]:
        """How it ended. Raises TimedOut when it has not within `timeout_seconds`; it goes on all the same."""
        self.status = yield from end(self.status, timeout_seconds, self.poll_seconds, self.retries)
        return self.status

    @endpoint
    def result(self, timeout_seconds: float | None = None) -> Flow[InpaintAnswer]:
        """What it made, when it has ended. Raises its own error, JobCanceled, JobExpired, ResultExpired or TimedOut."""
        self.status = yield from end(self.status, timeout_seconds, self.poll_seconds, self.retries)
        return (yield from result(self.status, self.retries))

    @endpoint
    def results(self, timeout_seconds: float | None = None) -> Flow[list[bytes | ServiceError]]:
        """For each pair of a batch, when it has ended, the completed picture's file or the error of that pair."""
        self.status = yield from end(self.status, timeout_seconds, self.poll_seconds, self.retries)
        return (yield from results(self.status, self.retries))

    @endpoint
    def cancel(self) -> Flow[JobStatus]:
        """End it. The service lets go of its pictures at once, also of a result that is there already."""
        self.status = yield from cancel(self.id, self.retries)
        return self.status
