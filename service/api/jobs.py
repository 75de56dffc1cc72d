"""/jobs: the same work, asked for now and fetched later."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from service.api.accept import JSON, PICTURES, file_content, negotiate
from service.api.admission import while_client_waits
from service.api.dependencies import CallerDep, ContextDep, JobFormDep, RequestContext, ServiceDep, header_of
from service.api.error_groups import BUSY_ERRORS, INPAINT_ERRORS, JOB_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import JobForm, form_body
from service.api.guidance import guidance_of
from service.api.idempotency import IDEMPOTENCY_KEY
from service.api.inpaint_requests import answer_type, inpaint_request
from service.api.job_schemas import ACCEPTED, JobBody, JobsBody, job_body
from service.api.links import link_base
from service.api.problems import documented
from service.api.responses import answer_response
from service.api.results import ZIP, fetched, zipped
from service.api.submission import POLL_SECONDS, JobWishes, submit
from service.completion.messages import InpaintRequest
from service.errors import (
    BadField,
    BadWebhook,
    JobCanceled,
    JobExpired,
    JobsUnavailable,
    NotAcceptable,
    ResultExpired,
    ResultNotReady,
    UnknownJob,
)
from service.jobs.addresses import check_url
from service.jobs.request_records import answer_from_record, pictures_of_record
from service.jobs.states import Job, StoredError
from service.settings import Settings

router = APIRouter(tags=["jobs"])
JOB_ID = re.compile(r"[0-9a-f]{32}")
MOST_LISTED = 100


@router.post(
    "/jobs",
    status_code=202,
    summary="Queue a job that fills one picture or many.",
    responses={
        202: ACCEPTED,
        **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *INPAINT_ERRORS, *JOB_ERRORS, *BUSY_ERRORS, BadWebhook),
    },
    openapi_extra={"requestBody": form_body("JobForm"), "parameters": [IDEMPOTENCY_KEY]},
)
async def create_job(context: ContextDep, form: JobFormDep) -> Response:
    """The form is that of POST /inpaint. `image` and `mask` may be repeated; they pair up in order, and the result is
    a zip. Pictures are checked now, so a bad one is refused at once. `webhook_url` is told when the job has ended."""
    return await while_client_waits(context.request, _create(context, form))


async def _create(context: RequestContext, form: JobForm) -> Response:
    settings = context.service.settings
    _check_form(form, settings.jobs_max_items)
    await context.service.readiness.require_snapshot(form.model)
    if form.priority == "high":
        context.caller.require("priority", "`priority=high`")
    if form.webhook_url is not None:
        _check_webhook(form.webhook_url, settings)
    async with context.service.admission.slot(context.deadline):
        asked = await _requests(context, form)
        context.record.model = asked[0].model
        wishes = JobWishes(form.webhook_url, form.delete_on_fetch, form.priority)
        return await submit(context, asked, wishes)


async def _requests(context: RequestContext, form: JobForm) -> list[InpaintRequest]:
    media_type = answer_type(context.header("accept"), form, zipped=len(form.image) > 1)
    settings, guidance = context.service.settings, await guidance_of(context, form)
    pairs = [(await image.read(), await mask.read()) for image, mask in zip(form.image, form.mask, strict=True)]
    return [inpaint_request(form, image, mask, guidance, media_type, settings) for image, mask in pairs]


def _check_form(form: JobForm, max_items: int) -> None:
    if len(form.image) != len(form.mask):
        errors = [{"field": "mask", "actual": len(form.mask), "allowed": len(form.image)}]
        raise BadField("Every image needs its mask, in the same order.", errors=errors)
    if len(form.image) > max_items:
        errors = [{"field": "image", "actual": len(form.image), "allowed": max_items, "setting": "JOBS_MAX_ITEMS"}]
        raise BadField(f"A job has at most {max_items} pictures.", errors=errors)
    if len(form.image) > 1 and form.samples > 1:
        errors = [{"field": "samples", "actual": form.samples, "allowed": 1}]
        raise BadField("A batch gives one result per picture: samples must be 1.", errors=errors)
    for name in ("landmarks", "faces"):
        if len(form.image) > 1 and getattr(form, name) is not None:
            raise BadField(f"{name} describe one picture.", errors=[{"field": name, "actual": len(form.image)}])


def _check_webhook(url: str, settings: Settings) -> None:
    if settings.webhook_secret is None:
        errors = [{"field": "webhook_url", "setting": "WEBHOOK_SECRET"}]
        raise BadWebhook("Webhooks are off here: there is no secret to sign them with.", errors=errors)
    check_url(url, settings)


async def owned_job(id: str, service: ServiceDep, caller: CallerDep) -> Job:
    """A dependency: the caller's job of that id. Raises UnknownJob also for somebody else's."""
    job = await service.jobs.store.get(id) if JOB_ID.fullmatch(id) else None
    if job is None or job.owner != caller.principal:
        raise UnknownJob("There is no job of that id.")
    return job


JobDep = Annotated[Job, Depends(owned_job)]


@router.get("/jobs", summary="The jobs of your key, the newest first.", responses=documented(BadField, JobsUnavailable))
async def list_jobs(
    request: Request,
    service: ServiceDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 20,
    cursor: Annotated[int | None, Query(ge=1, description="`next_cursor` of the previous page.")] = None,
) -> JobsBody:
    """Needs a key, also where others may call without one: then the id is all that protects a job."""
    caller.require_key()
    jobs = await service.jobs.store.listed(caller.principal, cursor, limit + 1)
    page, more = jobs[:limit], len(jobs) > limit
    return JobsBody(
        jobs=[job_body(job, link_base(request)) for job in page], next_cursor=str(page[-1].number) if more else None
    )


@router.get("/jobs/{id}", summary="The state of a job.", responses=documented(UnknownJob, BadField, JobsUnavailable))
async def get_job(
    request: Request,
    service: ServiceDep,
    job: JobDep,
    wait: Annotated[
        float,
        Query(
            ge=0,
            allow_inf_nan=False,
            description="Seconds to wait until it has ended; GET /limits names the longest wait.",
        ),
    ] = 0,
) -> JobBody:
    longest_seconds = min(wait, service.settings.jobs_max_wait_seconds)
    if longest_seconds and job.under_way:
        with service.metrics.waiting.labels("job").track_inprogress():
            later = await while_client_waits(request, service.jobs.wait(job, longest_seconds, service.admission))
        if later is None:
            raise UnknownJob("There is no job of that id.")
        job = later
    return job_body(job, link_base(request), await service.jobs.store.position(job.id))


@router.delete("/jobs/{id}", summary="Cancel a job.", responses=documented(UnknownJob, JobsUnavailable))
async def cancel_job(request: Request, service: ServiceDep, job: JobDep) -> JobBody:
    """A queued or running job is canceled. The pictures of a job that has ended are deleted at once."""
    await service.jobs.cancel(job.id)
    return job_body(await service.jobs.store.get(job.id) or job, link_base(request))


@router.post(
    "/jobs/{id}/webhook",
    operation_id="resend_webhook",
    status_code=202,
    summary="Send the webhook of a job again.",
    responses=documented(UnknownJob, BadWebhook, ResultNotReady, JobsUnavailable),
)
async def send_webhook_again(request: Request, service: ServiceDep, job: JobDep) -> JobBody:
    """It is due at once, with all its tries, whatever became of it before; the message and its id stay the same."""
    answer = await service.jobs.outbox.send_again(job.id)
    if answer == "none":
        raise BadWebhook("The job has no webhook_url.", errors=[{"field": "webhook_url"}])
    if answer == "early":
        raise ResultNotReady("The webhook is sent when the job has ended.", retry_after_seconds=POLL_SECONDS)
    return job_body(await service.jobs.store.get(job.id) or job, link_base(request))


RESULT: dict[str, Any] = {
    "description": "The completed picture; for a batch a zip with one picture per item (`000.png`), `job.json`, and "
    "what `include` asked for by item and face (`000/0-coarse.png`).",
    "content": {
        **file_content(*PICTURES, ZIP),
        JSON: {"schema": {"$ref": "#/components/schemas/InpaintAnswerBody"}},
    },
}


@router.get(
    "/jobs/{id}/result",
    summary="The result of a job.",
    response_class=Response,
    responses={
        200: RESULT,
        **documented(
            UnknownJob, NotAcceptable, ResultNotReady, ResultExpired, JobCanceled, JobExpired, JobsUnavailable
        ),
    },
)
async def get_result(request: Request, service: ServiceDep, job: JobDep) -> Response:
    """For a job that failed, the answer is the problem that it failed with. `Accept: application/json` wraps a single
    picture in JSON; several samples of one picture, and what `include` asked for, always come as JSON."""
    _require_result(job)
    accept = header_of(request, "accept")
    if job.item_count > 1:
        negotiate(accept, (ZIP,))
        return zipped(request, service.jobs, service.threads, job)
    item = job.items()[0]
    assert item.answer is not None, "a job of one item has succeeded with it"
    alone = item.answer["samples"] == 1 and not job.request.get("include")
    media_type = negotiate(accept, (item.answer["media_type"], JSON) if alone else (JSON,))
    pictures = await service.jobs.store.blobs.results(job.id, 0, pictures_of_record(item.answer))
    if pictures is None:
        raise ResultExpired("The result is no longer kept.")
    answer, stage_seconds = answer_from_record(item.answer, pictures)
    response = await service.threads.run(answer_response, answer, stage_seconds, media_type)
    return fetched(request, service.jobs, job, response)


def _require_result(job: Job) -> None:
    """Raises what stands in the way of a result."""
    if job.under_way:
        raise ResultNotReady(f"The job is {job.state}.", retry_after_seconds=POLL_SECONDS)
    if job.state == "canceled":
        raise JobCanceled()
    if job.state == "expired":
        raise JobExpired("The job was not finished in its time.", errors=[{"setting": "JOBS_QUEUE_TTL_SECONDS"}])
    if job.result_expired:
        raise ResultExpired("The result is no longer kept.", errors=[{"setting": "JOBS_RESULT_TTL_SECONDS"}])
    if job.problem is not None:
        raise StoredError(job.problem)
