"""POST /inpaint: a photo and a mask in, the completed photo out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.accept import JSON, PICTURES
from service.api.admission import while_client_waits
from service.api.auth import check_scope
from service.api.error_groups import ENGINE_ERRORS, INPAINT_ERRORS, JOB_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import InpaintForm, form_body, read_form
from service.api.inpaint_requests import answer_type, order_of
from service.api.job_schemas import ACCEPTED
from service.api.problems import documented
from service.api.responses import answer_response
from service.api.state import record_of, service_of
from service.api.submission import IDEMPOTENCY_KEY, PREFER, answered_once, prefers_async, submit
from service.completion.inpaint import InpaintRequest
from service.deadline import Deadline

router = APIRouter(tags=["inpainting"])


def _picture_answer() -> dict[str, Any]:
    file: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
    headers = {
        "X-Model": {"description": "The model that filled the hole.", "schema": {"type": "string"}},
        "X-Seed": {"description": "Send it again to get the same result.", "schema": {"type": "integer"}},
        "Server-Timing": {"description": "Milliseconds per stage.", "schema": {"type": "string"}},
    }
    as_json = {"schema": {"$ref": "#/components/schemas/InpaintAnswerBody"}}
    content = {**dict.fromkeys(PICTURES, file), JSON: as_json}
    return {"description": "The completed picture, upright, in its full size.", "headers": headers, "content": content}


@router.post(
    "/inpaint",
    summary="Fill the hole of a picture.",
    response_class=Response,
    responses={
        200: _picture_answer(),
        202: ACCEPTED,
        **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *INPAINT_ERRORS, *JOB_ERRORS, *ENGINE_ERRORS),
    },
    openapi_extra={"requestBody": form_body("InpaintForm"), "parameters": [PREFER, IDEMPOTENCY_KEY]},
)
async def inpaint(request: Request) -> Response:
    """Faces under the mask are found, aligned, completed and pasted back; what is left of the hole is filled from its
    surroundings. Outside the (dilated) mask the picture stays as it is, byte for byte when the format is lossless.
    `Accept` chooses image/png (default), image/jpeg, image/webp, or application/json with the picture in base64.
    `Prefer: respond-async` makes a job of it. With an `Idempotency-Key` the answer is kept for a while, and sent again
    when the same request comes again."""
    service = service_of(request)
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        async with read_form(request, InpaintForm) as form:
            return await while_client_waits(request, _answer(request, form, deadline))


async def _answer(request: Request, form: InpaintForm, deadline: Deadline) -> Response:
    service, wanted = service_of(request), answer_type(request, form)
    async with service.admission.slot(deadline):
        image, mask = await form.image.read(), await form.mask.read()
        order = order_of(form, image, mask, wanted, service.settings.max_mask_dilate_pixels)
        record_of(request).model = order.model
        if prefers_async(request):
            check_scope(service.keyring.named(record_of(request).principal), "jobs")
            response = await submit(request, [order], deadline)
            response.headers["Preference-Applied"] = "respond-async"
            return response
        return await answered_once(request, order, wanted, lambda: _complete(request, order, wanted, deadline))


async def _complete(request: Request, order: InpaintRequest, wanted: str, deadline: Deadline) -> Response:
    record = record_of(request)
    answer = await service_of(request).inpainter.inpaint(order, deadline, record.stages)
    record.input_pixels = answer.width * answer.height
    record.hole_ratio, record.face_count = answer.hole_ratio, len(answer.faces)
    return answer_response(answer, record.stages.seconds, wanted)
