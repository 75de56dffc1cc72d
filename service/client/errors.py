"""What a call can raise: the service's own errors (service/errors.py), found by code, and those of the client itself.

ServiceError
├── Unreachable             no connection, or it broke                       retryable
├── TimedOut                the call was not answered in `timeout_seconds`   retryable
├── Garbled                 an answer that is not what the service promises
└── OtherProblem            an error that service/errors.py does not know: its status and code are the answer's

`status` is 0 where no answer came. The answer's headers stand in `headers`, `X-Request-Id` among them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

import service.errors
from service.errors import ServiceError

PROBLEM = "application/problem+json"
RETRYABLE_STATUSES = frozenset({408, 429, 502, 503, 504})  # of answers without a known code: proxies send them too
MOST_DETAIL = 200


class Unreachable(ServiceError):
    status, code, title, retryable = 0, "unreachable", "The service cannot be reached", True


class TimedOut(ServiceError):
    status, code, title, retryable = 0, "timed_out", "The service did not answer in time", True


class Garbled(ServiceError):
    status, code, title = 0, "garbled", "The answer is not what the service promises"


class OtherProblem(ServiceError):
    """An error answer whose code is not one of service/errors.py, or that has none."""

    status, code, title = 0, "other_problem", "An error that this client does not know"

    def __init__(self, status: int, code: str, title: str, detail: str, **particulars: Any) -> None:
        self.status, self.code, self.title = status, code, title  # type: ignore[misc]  # here they are the instance's
        self.retryable = status in RETRYABLE_STATUSES  # type: ignore[misc]  # the same
        super().__init__(detail, **particulars)


def _known() -> dict[str, type[ServiceError]]:
    """{code: type} of every error that the service names."""
    kinds = (kind for kind in vars(service.errors).values() if isinstance(kind, type))
    return {kind.code: kind for kind in kinds if issubclass(kind, ServiceError)}


KNOWN = _known()


def error_of(response: httpx.Response) -> ServiceError:
    """The error that an answer with a status of 300 or more stands for."""
    problem = _problem(response)
    if problem is None:
        return _foreign(response)
    error = error_of_problem(
        problem,
        status=response.status_code,
        retry_after_seconds=retry_after_seconds(response.headers),
        headers=dict(response.headers),
    )
    if request_id := response.headers.get("x-request-id"):
        error.add_note(f"request id: {request_id}")
    return error


def error_of_problem(problem: Mapping[str, Any], *, status: int, **particulars: Any) -> ServiceError:
    """A problem object (RFC 9457) as an error. `particulars`: `retry_after_seconds` and `headers` of the answer."""
    code, detail = str(problem.get("code", "")), str(problem.get("detail", ""))
    errors = problem.get("errors")
    listed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if code in KNOWN:
        return _made(KNOWN[code], detail, errors=listed, **particulars)
    title = str(problem.get("title", "")) or f"HTTP status {status}"
    return OtherProblem(status, code or f"http_{status}", title, detail or title, errors=listed, **particulars)


def _made(kind: type[ServiceError], detail: str, **particulars: Any) -> ServiceError:
    """An instance that is filled with what the answer said, whatever the type's own constructor adds at the service."""
    error = kind.__new__(kind, detail)
    ServiceError.__init__(error, detail, **particulars)
    return error


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long `Retry-After` asks to wait, written in seconds or as a date; None without one that can be read."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _problem(response: httpx.Response) -> dict[str, Any] | None:
    if response.headers.get("content-type", "").partition(";")[0].strip() != PROBLEM:
        return None
    try:
        problem = response.json()
    except ValueError:
        return None
    return problem if isinstance(problem, dict) else None


def _foreign(response: httpx.Response) -> ServiceError:
    """Not the service's own words: a proxy's, or another program's at this address."""
    status = response.status_code
    detail = f"{response.url.copy_with(query=None)} answered with status {status}, which is not this service's answer."
    if response.has_redirect_location:
        detail = f"{response.url.copy_with(query=None)} redirects to {response.headers['location'][:MOST_DETAIL]}."
    waiting = retry_after_seconds(response.headers)
    title = response.reason_phrase or f"HTTP status {status}"
    return OtherProblem(status, f"http_{status}", title, detail, retry_after_seconds=waiting)
