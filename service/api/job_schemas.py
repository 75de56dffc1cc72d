"""The JSON bodies of answers about jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from service.api.problems import Problem, stored_problem_body
from service.jobs.states import Delivery, DeliveryState, Job, Priority, State

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class ItemBody(BaseModel):
    """One pair of image and mask."""

    index: int = Field(description="In the order of the upload, from 0.")
    state: State
    problem: Problem | None = Field(description="Why it failed, as a problem object.")


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
    last_try_at: Time | None
    next_try_at: Time | None


class JobBody(BaseModel):
    """A job. Times are ISO 8601, in UTC."""

    id: str
    state: State = Field(
        description="queued and running: not finished yet. expired: it was not finished in its time, and never will be."
    )
    model: str
    priority: Priority
    queue_position: int | None = Field(description="1 is next; null unless queued.")
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time = Field(description="When its pictures are deleted.")
    tries: int = Field(description="How often it was started; more than 1 after a worker died.")
    items: list[ItemBody]
    problem: Problem | None = Field(description="Why it failed, as a problem object.")
    result_expired: bool = Field(description="Whether it has succeeded and its result is no longer kept.")
    webhook: WebhookBody | None = Field(description="null without `webhook_url`.")
    url: str = Field(
        description="Ask here; a path, or an address if PUBLIC_URL is set. `?wait=30` answers as soon as the job has "
        "ended, or after 30 seconds."
    )
    result_url: str | None = Field(
        description="Where the picture is, or the zip of a batch; null before the job has succeeded, and when the "
        "result is no longer kept."
    )


class JobsBody(BaseModel):
    """A page of jobs, the newest first."""

    jobs: list[JobBody]
    next_cursor: str | None = Field(description="For `?cursor=`; null on the last page.")


class EndedJob(BaseModel):
    """What a webhook tells of a job."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: Literal["succeeded", "failed", "canceled", "expired"]
    url: str = Field(description="The address of the job.")
    result_url: str | None = Field(description="The address of the result; null unless the job has succeeded.")
    code: str | None = Field(description="The stable name of the problem that it failed with.")


class WebhookMessage(BaseModel):
    """What `webhook_url` is sent when a job has ended. Every attempt says the same."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["job.succeeded", "job.failed", "job.canceled", "job.expired"]
    timestamp: Time = Field(description="When the job ended.")
    data: EndedJob


ACCEPTED: dict[str, Any] = {
    "description": "The job was accepted. `Location` says where to ask for it.",
    "headers": {
        "Location": {
            "description": "Where the job is: its path, or its address if PUBLIC_URL is set.",
            "schema": {"type": "string"},
        },
        "Retry-After": {"description": "Seconds to wait before the first question.", "schema": {"type": "integer"}},
    },
    "model": JobBody,
}


def job_body(job: Job, base: str, position: int | None = None) -> JobBody:
    """What the owner of a job is shown of it. `base` stands before the paths of links (links.py)."""
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
        started_at=_iso_or_null(job.started_at),
        finished_at=_iso_or_null(job.finished_at),
        expires_at=_iso(job.expires_at),
        tries=job.tries,
        items=items,
        problem=_problem(job.problem, job.id),
        result_expired=job.result_expired,
        webhook=None if job.delivery is None else _webhook(job.delivery),
        url=f"{base}/jobs/{job.id}",
        result_url=f"{base}/jobs/{job.id}/result" if job.state == "succeeded" and not job.result_expired else None,
    )


def _webhook(delivery: Delivery) -> WebhookBody:
    return WebhookBody(
        url=delivery.url,
        state=delivery.state,
        tries=delivery.tries,
        last_status=delivery.status,
        last_error=delivery.error,
        last_try_at=_iso_or_null(delivery.tried_at),
        next_try_at=_iso_or_null(delivery.next_at),
    )


def _problem(problem: dict[str, Any] | None, job_id: str) -> Problem | None:
    return None if problem is None else Problem(**stored_problem_body(problem, job_id))


def _iso_or_null(seconds: float | None) -> str | None:
    return None if seconds is None else _iso(seconds)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
