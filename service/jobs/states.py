"""The record of a job, and the states that it goes through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from service.errors import ServiceError

State = Literal["queued", "running", "succeeded", "failed", "canceled", "expired"]
Priority = Literal["normal", "high"]
UNDER_WAY: frozenset[State] = frozenset({"queued", "running"})
WITH_RESULT: frozenset[State] = frozenset({"succeeded", "failed"})


class StoredError(ServiceError):
    """A failure that was kept with its job: the same status, code and text. Fetching it again changes nothing, so it is
    not retryable; a new job may do better, and Retry-After says when to ask for one."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["detail"], errors=problem["errors"])
        self.status = problem["status"]  # type: ignore[misc]  # here they belong to the instance
        self.code = problem["code"]  # type: ignore[misc]
        self.title = problem["title"]  # type: ignore[misc]


def problem_of(error: ServiceError) -> dict[str, Any]:
    """What is kept of an error."""
    return {
        "status": error.status,
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
        "errors": error.errors,
    }


@dataclass(frozen=True)
class Item:
    """One pair of image and mask of a job. `answer` is what the use case said, without the picture."""

    state: State
    answer: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


DeliveryState = Literal["pending", "delivered", "refused", "given_up"]


@dataclass(frozen=True)
class Delivery:
    """How far a job's webhook is. Times are seconds since 1970."""

    url: str
    state: DeliveryState = "pending"
    tries: int = 0
    status: int | None = None  # of the last answer
    error: str | None = None  # why the last try got none
    tried_at: float | None = None
    next_at: float | None = None


@dataclass(frozen=True)
class Job:
    """A job's record. Times are seconds since 1970."""

    id: str
    owner: str
    number: int  # in the order of acceptance
    state: State
    request: dict[str, Any]  # what was asked, without the pictures: service/jobs/request_records.py
    item_count: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float  # the pictures are gone then
    tries: int
    problem: dict[str, Any] | None
    delete_on_fetch: bool
    base_url: str
    webhook_url: str | None
    request_id: str  # of the request that asked for it
    traceparent: str  # the trace that it belongs to
    settled: dict[int, Item] = field(default_factory=dict)
    result_expired: bool = False  # it succeeded, and its pictures are gone
    priority: Priority = "normal"
    delivery: Delivery | None = None

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY

    def items(self) -> list[Item]:
        """Every item in order. An item that has not ended shares the fate of its job."""
        other = Item(self.state) if self.state != "running" else Item("queued")
        items = [self.settled.get(index, other) for index in range(self.item_count)]
        if self.state == "running" and other in items:
            items[items.index(other)] = Item("running")
        return items


def read_job(job_id: str, fields: Mapping[bytes, bytes], now: float) -> Job:
    """The record from its hash. A job that has outlived its time before its end is expired; one that had succeeded has
    lost its result."""
    known = {name.decode(): value for name, value in fields.items()}
    state: State = known["state"].decode()  # type: ignore[assignment]  # written by scripts.py alone
    expires_at = float(known["expires_at"])
    if expires_at <= now and state in UNDER_WAY:
        state = "expired"
    settled = {int(name[5:]): Item(**json.loads(value)) for name, value in known.items() if name.startswith("item:")}
    return Job(
        id=job_id,
        owner=known["owner"].decode(),
        number=int(known["number"]),
        state=state,
        request=json.loads(known["order"]),
        item_count=int(known["item_count"]),
        created_at=float(known["created_at"]),
        started_at=_time(known.get("started_at")),
        finished_at=_time(known.get("finished_at")),
        expires_at=expires_at,
        tries=int(known["tries"]),
        problem=json.loads(known["problem"]) if known.get("problem") else None,
        delete_on_fetch=known["delete_on_fetch"] == b"1",
        base_url=known["base_url"].decode(),
        webhook_url=known["webhook_url"].decode() if known.get("webhook_url") else None,
        request_id=known["request_id"].decode(),
        traceparent=known["traceparent"].decode(),
        settled=settled,
        result_expired=state == "succeeded" and expires_at <= now,
        priority="high" if known.get("priority") == b"high" else "normal",
        delivery=_delivery(known) if known.get("webhook_url") else None,
    )


def _delivery(known: Mapping[str, bytes]) -> Delivery:
    state: DeliveryState = known.get("webhook_state", b"pending").decode()  # type: ignore[assignment]  # by outbox.py
    return Delivery(
        url=known["webhook_url"].decode(),
        state=state,
        tries=int(known.get("webhook_tries", 0)),
        status=int(known["webhook_status"]) if known.get("webhook_status") else None,
        error=known["webhook_error"].decode() if known.get("webhook_error") else None,
        tried_at=_time(known.get("webhook_at")),
        next_at=_time(known.get("webhook_next_at") or None),
    )


def _time(value: bytes | None) -> float | None:
    return None if value is None else float(value)
