"""What both doors share: jobs are accepted here, and answers to an Idempotency-Key are kept here."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from service.api.auth import principal_of
from service.api.job_schemas import job_body
from service.api.state import record_of, service_of
from service.completion.inpaint import InpaintRequest
from service.deadline import Deadline
from service.jobs.idempotency import fingerprint
from service.jobs.request_records import to_record
from service.jobs.states import Job
from service.jobs.store import NewJob, new_job_id
from service.trace import current_traceparent

POLL_SECONDS = 1
HOLD_MARGIN_SECONDS = 10.0  # beyond its deadline a request cannot be under way

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Yours to choose. The same key with the same payload gets the same answer and does the work once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
PREFER: dict[str, Any] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async` makes a job of the request: 202 instead of the picture.",
    "schema": {"type": "string"},
}


def prefers_async(request: Request) -> bool:
    """Whether `Prefer` (RFC 7240) asks for a job."""
    wishes = ",".join(request.headers.getlist("prefer")).split(",")
    return any(wish.partition(";")[0].strip().lower() == "respond-async" for wish in wishes)


async def submit(
    request: Request,
    orders: Sequence[InpaintRequest],
    deadline: Deadline,
    *,
    webhook_url: str | None = None,
    delete_on_fetch: bool = False,
) -> Response:
    """202 with the job. `orders` differ in their pictures only. Raises what the use case would raise for them."""
    new = NewJob(
        owner=principal_of(request),
        order=to_record(orders[0]),
        pairs=[(order.image, order.mask) for order in orders],
        base_url=service_of(request).settings.public_url or str(request.base_url).rstrip("/"),
        webhook_url=webhook_url,
        delete_on_fetch=delete_on_fetch,
        request_id=record_of(request).request_id,
        traceparent=current_traceparent() or "",
    )
    key = request.headers.get("idempotency-key")
    job = await _accept(request, orders, new, new_job_id(), deadline) if key is None else None
    return await _answer(request, job or await _accept_once(request, orders, new, key or "", deadline))


async def _answer(request: Request, job: Job) -> Response:
    position = await service_of(request).jobs.store.position(job.id)
    headers = {"Location": f"/jobs/{job.id}", "Retry-After": str(POLL_SECONDS)}
    return JSONResponse(job_body(job, position).model_dump(), status_code=202, headers=headers)


async def _accept(
    request: Request, orders: Sequence[InpaintRequest], new: NewJob, job_id: str, deadline: Deadline
) -> Job:
    """Every picture is looked at before the job is accepted: a bad one fails here, and not an hour later."""
    service = service_of(request)
    for order in orders:
        await service.inpainter.check(order)
        deadline.check()
    return await service.jobs.accept(job_id, new)


async def _accept_once(
    request: Request, orders: Sequence[InpaintRequest], new: NewJob, key: str, deadline: Deadline
) -> Job:
    service = service_of(request)
    settings, jobs = service.settings, service.jobs
    parts = [("door", b"jobs"), ("order", json.dumps(new.order).encode())]
    parts += [("webhook", (new.webhook_url or "").encode()), ("delete", str(new.delete_on_fetch).encode())]
    parts += [part for image, mask in new.pairs for part in (("image", image), ("mask", mask))]
    kept_seconds = settings.jobs_queue_ttl_seconds + settings.jobs_result_ttl_seconds
    hold_seconds = settings.request_deadline_seconds + HOLD_MARGIN_SECONDS
    async with jobs.keys.claimed(
        new.owner, key, fingerprint(parts), hold_seconds=hold_seconds, kept_seconds=kept_seconds
    ) as claim:
        job_id = claim.job_id if claim.known_answer is None else claim.known_answer.decode()
        job = await jobs.store.get(job_id)
        if job is None:
            job = await _accept(request, orders, new, job_id, deadline)
        claim.answer = job.id.encode()
        return job


async def answered_once(
    request: Request, order: InpaintRequest, wanted: str, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """`answer()`, or with an Idempotency-Key the answer that an equal request got before."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return await answer()
    service = service_of(request)
    parts = [("door", wanted.encode()), ("order", json.dumps(to_record(order)).encode())]
    parts += [("image", order.image), ("mask", order.mask)]
    async with service.jobs.keys.claimed(
        principal_of(request),
        key,
        fingerprint(parts),
        hold_seconds=service.settings.request_deadline_seconds + HOLD_MARGIN_SECONDS,
        kept_seconds=service.settings.idempotency_ttl_seconds,
    ) as claim:
        if claim.known_answer is not None:
            return _unpacked(claim.known_answer)
        response = await answer()
        claim.answer = _packed(response)
        return response


def _packed(response: Response) -> bytes:
    return json.dumps(dict(response.headers)).encode() + b"\n" + bytes(response.body)


def _unpacked(kept: bytes) -> Response:
    headers, _, body = kept.partition(b"\n")
    return Response(body, headers=json.loads(headers))
