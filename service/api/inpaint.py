"""POST /inpaint: a photo and a mask in, the completed photo out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from service.api.accept import JSON, PICTURES, file_content
from service.api.admission import while_client_waits
from service.api.dependencies import ContextDep, InpaintFormDep, RequestContext
from service.api.error_groups import ENGINE_ERRORS, INPAINT_ERRORS, JOB_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import InpaintForm, form_body
from service.api.guidance import guidance_of
from service.api.idempotency import IDEMPOTENCY_KEY, answered_once
from service.api.inpaint_requests import answer_type, inpaint_request
from service.api.job_schemas import ACCEPTED
from service.api.pieces import PiecesResponse
from service.api.problems import documented
from service.api.responses import answer_response
from service.api.submission import PREFER, answer_as_job, prefers_async
from service.completion.messages import InpaintRequest

router = APIRouter(tags=["inpainting"])


def _picture_answer() -> dict[str, Any]:
    headers = {
        "X-Model": {"description": "The model that filled the hole.", "schema": {"type": "string"}},
        "X-Seed": {
            "description": "Send this number as `seed` to get the same result again.",
            "schema": {"type": "integer"},
        },
        "X-Faces": {"description": "How many faces were completed.", "schema": {"type": "integer"}},
        "X-Regions": {
            "description": "The parts of the hole by what filled them, for example `face=1, background=2`.",
            "schema": {"type": "string"},
        },
        "Server-Timing": {"description": "Milliseconds per stage.", "schema": {"type": "string"}},
    }
    as_json = {"schema": {"$ref": "#/components/schemas/InpaintAnswerBody"}}
    content = {**file_content(*PICTURES), JSON: as_json}
    return {"description": "The completed picture, upright and in full size.", "headers": headers, "content": content}


@router.post(
    "/inpaint",
    summary="Fill the masked part of a picture.",
    response_class=Response,
    responses={
        200: _picture_answer(),
        202: ACCEPTED,
        **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *INPAINT_ERRORS, *JOB_ERRORS, *ENGINE_ERRORS),
    },
    openapi_extra={"requestBody": form_body("InpaintForm"), "parameters": [PREFER, IDEMPOTENCY_KEY]},
)
async def inpaint(context: ContextDep, form: InpaintFormDep) -> Response:
    """Faces under the mask are found, aligned, completed and pasted back; the rest of the hole is background and filled
    from its surroundings, without a network. What the image holds under the mask is never looked at. Outside the
    (dilated) mask the picture stays as it is, byte for byte when the format is lossless.
    `Accept` chooses image/png (default), image/jpeg, image/webp, or application/json with the picture in base64.
    `Prefer: respond-async` makes a job of it. With an `Idempotency-Key` the answer is kept for a while, and sent again
    when the same request comes again."""
    return await while_client_waits(context.request, _answer(context, form))


async def _answer(context: RequestContext, form: InpaintForm) -> Response:
    media_type = answer_type(context.header("accept"), form)
    await context.service.readiness.require_snapshot(form.model)
    async with context.service.admission.slot(context.deadline):
        image, mask = await form.image.read(), await form.mask.read()
        settings, guidance = context.service.settings, await guidance_of(context, form)
        asked = inpaint_request(form, image, mask, guidance, media_type, settings)
        context.record.model = asked.model
        if prefers_async(context):
            return await answer_as_job(context, asked)
        return await answered_once(context, asked, media_type, lambda: _complete(context, asked, media_type))


async def _complete(context: RequestContext, asked: InpaintRequest, media_type: str) -> PiecesResponse:
    record = context.record
    answer = await context.service.inpainter.inpaint(asked, context.deadline, record.stages)
    record.input_pixels = answer.width * answer.height
    record.hole_ratio, record.face_count = answer.hole_ratio, len(answer.faces)
    return await context.service.threads.run(answer_response, answer, record.stages.seconds, media_type)
