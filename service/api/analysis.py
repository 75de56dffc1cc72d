"""POST /landmarks, POST /attributes and POST /parsing: what the models see in a picture."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from service.api.accept import JSON, file_content, negotiate
from service.api.admission import while_client_waits
from service.api.dependencies import ContextDep, LandmarksFormDep, ParsingFormDep, RequestContext
from service.api.error_groups import ENGINE_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import LandmarksForm, ParsingForm, form_body
from service.api.problems import documented
from service.api.responses import attributes_body, parsing_response, seen_face_body
from service.api.schemas import AttributesBody, LandmarksBody
from service.completion.messages import LandmarksRequest
from service.completion.parsing import MEDIA_TYPE, ParsingRequest
from service.errors import ModelWithoutSnapshot, NotAcceptable

REFERENCE = "reference"  # the pipeline whose extractor reads attributes
PARSING_TYPES = (MEDIA_TYPE, JSON)

router = APIRouter(tags=["analysis"])


@router.post(
    "/landmarks",
    operation_id="find_landmarks",
    summary="Find the faces of a picture and their landmarks.",
    responses=documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *ENGINE_ERRORS),
    openapi_extra={"requestBody": form_body("LandmarksForm")},
)
async def landmarks(context: ContextDep, form: LandmarksFormDep) -> LandmarksBody:
    """The landmarks of a face can be edited and sent to POST /inpaint in the field `landmarks`. With a mask, the
    landmarks under it are guessed from what is visible."""
    return await while_client_waits(context.request, _landmarks(context, form))


async def _landmarks(context: RequestContext, form: LandmarksForm) -> LandmarksBody:
    service, record = context.service, context.record
    async with service.admission.slot(context.deadline):
        asked = LandmarksRequest(**await _picture_fields(form))
        answer = await service.inpainter.find_landmarks(asked, context.deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    faces = [seen_face_body(face) for face in answer.faces]
    return LandmarksBody(model=answer.model, width=answer.width, height=answer.height, faces=faces)


@router.post(
    "/attributes",
    operation_id="read_attributes",
    summary="Read the attributes of the faces of a picture.",
    responses=documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, ModelWithoutSnapshot, *ENGINE_ERRORS),
    openapi_extra={"requestBody": form_body("LandmarksForm")},
)
async def attributes(context: ContextDep, form: LandmarksFormDep) -> AttributesBody:
    """What the model `reference` would take from this picture as a reference. The attributes can be changed and sent to
    POST /inpaint in the field `attributes`. With a mask, they are read from what is visible."""
    return await while_client_waits(context.request, _attributes(context, form))


async def _attributes(context: RequestContext, form: LandmarksForm) -> AttributesBody:
    service, record = context.service, context.record
    await service.readiness.require_snapshot(REFERENCE)
    async with service.admission.slot(context.deadline):
        asked = LandmarksRequest(**await _picture_fields(form))
        answer = await service.attribute_reader.read(asked, context.deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    return attributes_body(answer)


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
        **file_content(MEDIA_TYPE),
        JSON: {"schema": {"$ref": "#/components/schemas/ParsingBody"}},
    }
    return {
        "description": "The parsing map, upright and as large as the picture.",
        "headers": headers,
        "content": content,
    }


@router.post(
    "/parsing",
    operation_id="parse_faces",
    summary="Label every pixel with the part of the face that it shows.",
    response_class=Response,
    responses={200: _map_answer(), **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, NotAcceptable, *ENGINE_ERRORS)},
    openapi_extra={"requestBody": form_body("ParsingForm")},
)
async def parsing(context: ContextDep, form: ParsingFormDep) -> Response:
    """Faces are found, aligned and parsed, and their maps laid on the picture; a pixel that two faces claim belongs to
    the nearer one, and what lies outside every face's square is background. Without a face the square in the middle is
    parsed. `Accept` chooses an indexed PNG, whose values are the classes and whose palette gives each a colour
    (default), or application/json with names, colours and shares of the classes, and the PNG in base64. A mask says
    where the picture cannot be trusted when faces are looked for; what lies under it is parsed as it is."""
    return await while_client_waits(context.request, _parsing(context, form))


async def _parsing(context: RequestContext, form: ParsingForm) -> Response:
    service, record = context.service, context.record
    media_type = negotiate(context.header("accept"), PARSING_TYPES)
    async with service.admission.slot(context.deadline):
        asked = ParsingRequest(**await _picture_fields(form), align=form.align)
        answer = await service.picture_parser.parse(asked, context.deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    return await service.threads.run(parsing_response, answer, record.stages.seconds, media_type)
