"""The asynchronous way: a request becomes a job, by POST /jobs or by `Prefer: respond-async`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi.responses import JSONResponse, Response

from service.api.dependencies import RequestContext
from service.api.idempotency import claimed
from service.api.job_schemas import job_body
from service.api.links import full_base, link_base
from service.completion.messages import InpaintRequest
from service.errors import InputError
from service.jobs.request_records import parts_of, to_record
from service.jobs.states import Job, Priority
from service.jobs.store import NewJob, new_job_id
from service.trace import current_traceparent

POLL_SECONDS = 1
PAIR_FIELDS = frozenset({"image", "mask", "mask_mode"})  # what an error about the pictures of one pair names


@dataclass(frozen=True)
class JobWishes:
    """What a caller may ask of a job beyond its pictures."""

    webhook_url: str | None = None
    delete_on_fetch: bool = False
    priority: Priority = "normal"


PLAIN = JobWishes()

PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` turns the request into a job: the answer is 202 instead of the picture.",
    "schema": {"type": "string"},
}


def prefers_async(context: RequestContext) -> bool:
    """Whether `Prefer` (RFC 7240) asks for a job."""
    preferences = (context.header("prefer") or "").split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


async def answer_as_job(context: RequestContext, asked: InpaintRequest) -> Response:
    """What POST /inpaint answers to `Prefer: respond-async`. Raises ScopeMissing for a key that may not use jobs."""
    context.caller.require("jobs", "`Prefer: respond-async`")
    response = await submit(context, [asked])
    response.headers["Preference-Applied"] = "respond-async"
    return response


async def submit(context: RequestContext, asked: Sequence[InpaintRequest], wishes: JobWishes = PLAIN) -> Response:
    """202 with the job. The requests differ in their pictures only. Raises what the use case would raise for them."""
    new = NewJob(
        owner=context.caller.principal,
        request=to_record(asked[0]),
        pairs=[(one.image, one.mask) for one in asked],
        reference=asked[0].guidance.reference,
        base_url=full_base(context.request),
        webhook_url=wishes.webhook_url,
        delete_on_fetch=wishes.delete_on_fetch,
        priority=wishes.priority,
        caller=context.caller.namespace,
        request_id=context.record.request_id,
        traceparent=current_traceparent() or "",
    )
    key = context.request.headers.get("idempotency-key")
    if key is None:
        job = await _accept(context, asked, new, new_job_id())
    else:
        job = await _accept_once(context, asked, new, key)
    position = await context.service.jobs.store.position(job.id)
    base = link_base(context.request)
    headers = {"Location": f"{base}/jobs/{job.id}", "Retry-After": str(POLL_SECONDS)}
    return JSONResponse(job_body(job, base, position).model_dump(), status_code=202, headers=headers)


async def _accept(context: RequestContext, asked: Sequence[InpaintRequest], new: NewJob, job_id: str) -> Job:
    """Every picture is checked before the job is accepted, so that a bad one fails now and not an hour later."""
    result_bytes = 0
    for index, one in enumerate(asked):
        try:
            result_bytes += await context.service.inpainter.check(one)
        except InputError as error:
            raise _of_pair(error, index) if len(asked) > 1 else error from None
        context.deadline.check()
    return await context.service.jobs.accept(job_id, replace(new, result_bytes=result_bytes))


def _of_pair(error: InputError, index: int) -> InputError:
    """The same error, saying which pair of a batch it is about, unless it is about all of them."""
    named = [{**entry, "index": index} if entry.get("field") in PAIR_FIELDS else entry for entry in error.errors]
    if named != error.errors:
        error.errors, error.detail = named, f"Pair {index}: {error.detail}"
    return error


async def _accept_once(context: RequestContext, asked: Sequence[InpaintRequest], new: NewJob, key: str) -> Job:
    """The job of the first request with this key, or a new one."""
    settings, jobs = context.service.settings, context.service.jobs
    parts = [("route", b"jobs"), ("webhook", (new.webhook_url or "").encode())]
    parts += [("priority", new.priority.encode())]
    parts += [("delete", str(new.delete_on_fetch).encode()), *(part for one in asked for part in parts_of(one))]
    kept_seconds = settings.jobs_queue_ttl_seconds + settings.jobs_result_ttl_seconds
    async with claimed(context, key, parts, kept_seconds) as claim:
        job_id = claim.job_id if claim.known_answer is None else claim.known_answer.decode()
        job = await jobs.store.get(job_id)
        if job is None:
            job = await _accept(context, asked, new, job_id)
        claim.answer = job.id.encode()
        return job
