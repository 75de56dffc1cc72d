"""/jobs: the same work, asked for now and fetched later."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.api.accept import JSON, PICTURES, negotiate
from service.api.admission import while_client_waits
from service.api.auth import principal_of
from service.api.error_groups import BUSY_ERRORS, INPAINT_ERRORS, JOB_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import JobForm, form_body, read_form
from service.api.inpaint_requests import answer_type, order_of
from service.api.job_schemas import ACCEPTED, JobBody, JobsBody, job_body
from service.api.problems import documented
from service.api.responses import answer_response
from service.api.results import ZIP, fetched, zipped
from service.api.state import record_of, service_of
from service.api.submission import IDEMPOTENCY_KEY, POLL_SECONDS, submit
from service.completion.inpaint import InpaintRequest
from service.deadline import Deadline
from service.errors import (
    BadField,
    BadWebhook,
    JobCanceled,
    JobsUnavailable,
    NotAcceptable,
    ResultExpired,
    ResultNotReady,
    UnknownJob,
)
from service.jobs.addresses import check_url
from service.jobs.request_records import answer_from_record
from service.jobs.states import Job, StoredError

router = APIRouter(tags=["jobs"])
JOB_ID = re.compile(r"[0-9a-f]{32}")
MOST_LISTED = 100


@router.post(
    "/jobs",
    status_code=202,
    summary="Fill the hole of a picture, or of many, later.",
    responses={
        202: ACCEPTED,
        **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *INPAINT_ERRORS, *JOB_ERRORS, *BUSY_ERRORS, BadWebhook),
    },
    openapi_extra={"requestBody": form_body("JobForm"), "parameters": [IDEMPOTENCY_KEY]},
)
async def create_job(request: Request) -> Response:
    """The form is that of POST /inpaint. `image` and `mask` may be repeated; they pair up in order, and the result is
    a zip. Pictures are checked now, so a bad one is refused at once. `webhook_url` is told when the job has ended."""
    service = service_of(request)
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        async with read_form(request, JobForm) as form:
            return await while_client_waits(request, _create(request, form, deadline))


async def _create(request: Request, form: JobForm, deadline: Deadline) -> Response:
    service = service_of(request)
    _check_form(form, service.settings.jobs_max_items)
    if form.webhook_url is not None:
        _check_webhook(request, form.webhook_url)
    async with service.admission.slot(deadline):
        orders = await _orders(request, form)
        record_of(request).model = orders[0].model
        return await submit(
            request, orders, deadline, webhook_url=form.webhook_url, delete_on_fetch=form.delete_on_fetch
        )


async def _orders(request: Request, form: JobForm) -> list[InpaintRequest]:
    wanted, limit = answer_type(request, form), service_of(request).settings.max_mask_dilate_pixels
    pairs = [(await image.read(), await mask.read()) for image, mask in zip(form.image, form.mask, strict=True)]
    return [order_of(form, image, mask, wanted, limit) for image, mask in pairs]


def _check_form(form: JobForm, max_items: int) -> None:
    if len(form.image) != len(form.mask):
        errors = [{"field": "mask", "actual": len(form.mask), "allowed": len(form.image)}]
        raise BadField("Every image needs its mask, in the same order.", errors=errors)
    if len(form.image) > max_items:
        errors = [{"field": "image", "actual": len(form.image), "allowed": max_items, "setting": "JOBS_MAX_ITEMS"}]
        raise BadField(f"A job has at most {max_items} pictures.", errors=errors)
    if len(form.image) > 1 and form.samples > 1:
        errors = [{"field": "samples", "actual": form.samples, "allowed": 1}]
        raise BadField("A batch gives one result a picture: samples must be 1.", errors=errors)
    if len(form.image) > 1 and form.landmarks is not None:
        raise BadField("landmarks describe one picture.", errors=[{"field": "landmarks", "actual": len(form.image)}])


def _check_webhook(request: Request, url: str) -> None:
    settings = service_of(request).settings
    if settings.webhook_secret is None:
        errors = [{"field": "webhook_url", "setting": "WEBHOOK_SECRET"}]
        raise BadWebhook("Webhooks are off here: there is no secret to sign them with.", errors=errors)
    check_url(url, settings)


@router.get("/jobs", summary="Your jobs, the newest first.", responses=documented(BadField, JobsUnavailable))
async def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 20,
    cursor: Annotated[int | None, Query(ge=1, description="`next_cursor` of the page before.")] = None,
) -> JobsBody:
    jobs = await service_of(request).jobs.store.listed(principal_of(request), cursor, limit + 1)
    page, more = jobs[:limit], len(jobs) > limit
    return JobsBody(jobs=[job_body(job) for job in page], next_cursor=str(page[-1].number) if more else None)


@router.get("/jobs/{id}", summary="How a job is.", responses=documented(UnknownJob, BadField, JobsUnavailable))
async def get_job(
    request: Request,
    id: str,
    wait: Annotated[float, Query(ge=0, description="Seconds to wait for its end; GET /limits names the most.")] = 0,
) -> JobBody:
    service = service_of(request)
    job = await _found(request, id)
    longest_seconds = min(wait, service.settings.jobs_max_wait_seconds)
    if longest_seconds and job.under_way:
        later = await while_client_waits(request, service.jobs.wait(job, longest_seconds, service.admission))
        if later is None:
            raise UnknownJob("There is no job of that id.")
        job = later
    return job_body(job, await service.jobs.store.position(job.id))


@router.delete("/jobs/{id}", summary="Cancel a job.", responses=documented(UnknownJob, JobsUnavailable))
async def cancel_job(request: Request, id: str) -> JobBody:
    """A job that waits or runs is canceled. One that has ended loses its pictures at once."""
    service = service_of(request)
    job = await _found(request, id)
    await service.jobs.cancel(job.id)
    return job_body(await service.jobs.store.get(job.id) or job)


RESULT: dict[str, Any] = {
    "description": "The completed picture; of a batch a zip with one picture an item and `job.json`.",
    "content": {
        **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in (*PICTURES, ZIP)},
        JSON: {"schema": {"$ref": "#/components/schemas/InpaintAnswerBody"}},
    },
}


@router.get(
    "/jobs/{id}/result",
    summary="What a job made.",
    response_class=Response,
    responses={
        200: RESULT,
        **documented(UnknownJob, NotAcceptable, ResultNotReady, ResultExpired, JobCanceled, JobsUnavailable),
    },
)
async def get_result(request: Request, id: str) -> Response:
    """A job that failed answers the problem that it failed with. `Accept: application/json` wraps a single picture;
    several samples of one come as JSON always."""
    job = await _found(request, id)
    _require_result(job)
    accept = ",".join(request.headers.getlist("accept")) or None
    if job.item_count > 1:
        negotiate(accept, (ZIP,))
        return zipped(request, job)
    item = job.items()[0]
    assert item.answer is not None, "a job of one item has succeeded with it"
    samples = item.answer["samples"]
    media_type = negotiate(accept, (item.answer["media_type"], JSON) if samples == 1 else (JSON,))
    pictures = await service_of(request).jobs.store.blobs.results(job.id, 0, samples)
    if pictures is None:
        raise ResultExpired("The result is no longer kept.")
    answer, stage_seconds = answer_from_record(item.answer, pictures)
    return fetched(request, job, answer_response(answer, stage_seconds, media_type))


def _require_result(job: Job) -> None:
    """Raises what stands in the way of a result."""
    if job.under_way:
        raise ResultNotReady(f"The job is {job.state}.", retry_after_seconds=POLL_SECONDS)
    if job.state == "canceled":
        raise JobCanceled()
    if job.state == "expired":
        raise ResultExpired("The result is no longer kept.", errors=[{"setting": "JOBS_RESULT_TTL_SECONDS"}])
    if job.problem is not None:
        raise StoredError(job.problem)


async def _found(request: Request, job_id: str) -> Job:
    """The caller's job. Raises UnknownJob also for somebody else's."""
    job = await service_of(request).jobs.store.get(job_id) if JOB_ID.fullmatch(job_id) else None
    if job is None or job.owner != principal_of(request):
        raise UnknownJob("There is no job of that id.")
    return job
