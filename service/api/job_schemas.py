"""The JSON bodies of answers about jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from service.api.problems import stored_problem_body
from service.jobs.states import Delivery, DeliveryState, Job, Priority, State


class ItemBody(BaseModel):
    """One pair of image and mask."""

    index: int = Field(description="In the order of the upload, from 0.")
    state: State
    problem: dict[str, Any] | None = Field(description="Why it failed, as a problem object.")


class WebhookBody(BaseModel):
    """How far the webhook of a job is."""

    url: str
    state: DeliveryState = Field(
        description="pending: the job has not ended, or a try is due. refused: the receiver said 410, or its address "
        "may not be called. given_up: no try was answered with 2xx."
    )
    tries: int = Field(description="Since the end of the job, or since it was last sent again.")
    last_status: int | None = Field(description="What the receiver answered to the last try.")
    last_error: str | None = Field(
        description="Why the last try got no answer: certificate, tls, name_not_found, connection_refused, timeout, "
        "connection_broken or forbidden_address."
    )
    last_try_at: str | None
    next_try_at: str | None


class JobBody(BaseModel):
    """A job. Times are ISO 8601, in UTC."""

    id: str
    state: State = Field(description="queued and running: not finished yet. expired: its pictures have been deleted.")
    model: str
    priority: Priority
    queue_position: int | None = Field(description="1 is next; null unless queued.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str = Field(description="When its pictures are deleted.")
    tries: int = Field(description="How often it was started; more than 1 after a worker died.")
    items: list[ItemBody]
    problem: dict[str, Any] | None = Field(description="Why it failed, as a problem object.")
    webhook: WebhookBody | None = Field(description="null without `webhook_url`.")
    url: str = Field(description="Ask here. `?wait=30` answers as soon as the job has ended, or after 30 seconds.")
    result_url: str | None = Field(
        description="The path of the picture, or of the zip for a batch; null until the job has succeeded."
    )


class JobsBody(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobBody]
    next_cursor: str | None = Field(description="For `?cursor=`; null on the last page.")


ACCEPTED: dict[str, Any] = {
    "description": "The job was accepted. `Location` says where to ask for it.",
    "headers": {
        "Location": {"description": "The path of the job.", "schema": {"type": "string"}},
        "Retry-After": {"description": "Seconds to wait before the first question.", "schema": {"type": "integer"}},
    },
    "model": JobBody,
}


def job_body(job: Job, position: int | None = None) -> JobBody:
    """What the owner of a job is shown of it."""
    items = [
        ItemBody(index=index, state=item.state, problem=_problem(item.problem, job.id))
        for index, item in enumerate(job.items())
    ]
    return JobBody(
        id=job.id,
        state=job.state,
        model=job.request["model"],
        priority=job.priority,
        queue_position=position if job.state == "queued" else None,
        created_at=_iso(job.created_at),
        started_at=None if job.started_at is None else _iso(job.started_at),
        finished_at=None if job.finished_at is None else _iso(job.finished_at),
        expires_at=_iso(job.expires_at),
        tries=job.tries,
        items=items,
        problem=_problem(job.problem, job.id),
        webhook=None if job.delivery is None else _webhook(job.delivery),
        url=f"/jobs/{job.id}",
        result_url=f"/jobs/{job.id}/result" if job.state == "succeeded" else None,
    )


def _webhook(delivery: Delivery) -> WebhookBody:
    return WebhookBody(
        url=delivery.url,
        state=delivery.state,
        tries=delivery.tries,
        last_status=delivery.status,
        last_error=delivery.error,
        last_try_at=None if delivery.tried_at is None else _iso(delivery.tried_at),
        next_try_at=None if delivery.next_at is None else _iso(delivery.next_at),
    )


def _problem(problem: dict[str, Any] | None, job_id: str) -> dict[str, Any] | None:
    return None if problem is None else stored_problem_body(problem, job_id)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
