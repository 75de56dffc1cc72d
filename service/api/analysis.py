"""POST /landmarks and POST /parsing: what the models see in a picture."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.accept import JSON, negotiate
from service.api.admission import while_client_waits
from service.api.error_groups import ENGINE_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import LandmarksForm, ParsingForm, form_body, read_form
from service.api.problems import documented
from service.api.responses import face_body, parsing_response
from service.api.schemas import LandmarksBody
from service.api.state import record_of, service_of
from service.completion.inpaint import LandmarksRequest
from service.completion.parsing import MEDIA_TYPE, ParsingRequest
from service.deadline import Deadline
from service.errors import NotAcceptable

PARSING_TYPES = (MEDIA_TYPE, JSON)

router = APIRouter(tags=["analysis"])


@router.post(
    "/landmarks",
    summary="Find the faces of a picture and their landmarks.",
    responses=documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *ENGINE_ERRORS),
    openapi_extra={"requestBody": form_body("LandmarksForm")},
)
async def landmarks(request: Request) -> LandmarksBody:
    """Send the faces back to POST /inpaint in the field `landmarks`, edited or not. With a mask, the landmarks under it
    are guessed from what is left."""
    service = service_of(request)
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        async with read_form(request, LandmarksForm) as form:
            return await while_client_waits(request, _answer(request, form, deadline))


async def _answer(request: Request, form: LandmarksForm, deadline: Deadline) -> LandmarksBody:
    service, record = service_of(request), record_of(request)
    async with service.admission.slot(deadline):
        order = LandmarksRequest(**await _picture_fields(form))
        answer = await service.inpainter.find_landmarks(order, deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    faces = [face_body(face) for face in answer.faces]
    return LandmarksBody(model=answer.model, width=answer.width, height=answer.height, faces=faces)


async def _picture_fields(form: LandmarksForm) -> dict[str, Any]:
    """The picture and its mask, as the use cases take them."""
    return {
        "image": await form.image.read(),
        "mask": None if form.mask is None else await form.mask.read(),
        "mask_mode": form.mask_mode,
        "mask_invert": form.mask_invert,
        "mask_dilate_pixels": form.mask_dilate,
    }


def _map_answer() -> dict[str, Any]:
    headers = {
        "X-Model": {"description": "The model that parsed the picture.", "schema": {"type": "string"}},
        "Server-Timing": {"description": "Milliseconds per stage.", "schema": {"type": "string"}},
    }
    content = {
        MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
        JSON: {"schema": {"$ref": "#/components/schemas/ParsingBody"}},
    }
    return {"description": "The parsing map, upright, as large as the picture.", "headers": headers, "content": content}


@router.post(
    "/parsing",
    summary="Say of every pixel which part of a face it is.",
    response_class=Response,
    responses={200: _map_answer(), **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, NotAcceptable, *ENGINE_ERRORS)},
    openapi_extra={"requestBody": form_body("ParsingForm")},
)
async def parsing(request: Request) -> Response:
    """Faces are found, aligned and parsed, and their maps laid on the picture; a pixel that two faces claim belongs to
    the nearer one, and what lies outside every face's square is background. Without a face the square in the middle is
    parsed. `Accept` chooses an indexed PNG, whose values are the classes and whose palette gives each a colour
    (default), or application/json with names, colours and shares of the classes, and the PNG in base64. A mask says
    where the picture cannot be trusted when faces are looked for; what lies under it is parsed as it is."""
    service = service_of(request)
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        async with read_form(request, ParsingForm) as form:
            return await while_client_waits(request, _parsed(request, form, deadline))


async def _parsed(request: Request, form: ParsingForm, deadline: Deadline) -> Response:
    service, record = service_of(request), record_of(request)
    wanted = negotiate(",".join(request.headers.getlist("accept")) or None, PARSING_TYPES)
    async with service.admission.slot(deadline):
        order = ParsingRequest(**await _picture_fields(form), align=form.align)
        answer = await service.picture_parser.parse(order, deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    return parsing_response(answer, record.stages.seconds, wanted)
