"""POST /inpaint: a photo and a mask in, the completed photo out."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from service.api import schemas
from service.api.accept import JSON, OFFERED, PICTURES, negotiate
from service.api.admission import while_client_waits
from service.api.forms import InpaintForm, read_form
from service.api.problems import documented
from service.api.state import ServiceState, record_of, service_of
from service.deadline import Deadline
from service.errors import (
    AnimatedImage,
    BadField,
    BadLandmarks,
    BodyTooLarge,
    BrokenUpload,
    DeadlineExceeded,
    Draining,
    EmptyHole,
    EngineContractBroken,
    EngineGarbage,
    EngineQueueFull,
    EngineUnavailable,
    FullHole,
    GuidanceNotAccepted,
    NotAcceptable,
    Overloaded,
    SideTooLong,
    SideTooShort,
    SizesDiffer,
    StorageFull,
    TooManyPixels,
    UnknownField,
    UnknownModel,
    UnsupportedImage,
    UploadTimeout,
)
from service.imaging.arrays import Points
from service.inpaint import FaceFound, InpaintAnswer, InpaintRequest

UPLOAD_ERRORS = (BrokenUpload, UploadTimeout, BodyTooLarge, UnsupportedImage, UnknownField, BadField, StorageFull)
PICTURE_ERRORS = (TooManyPixels, SideTooLong, SideTooShort, AnimatedImage, SizesDiffer, EmptyHole, FullHole)
ENGINE_ERRORS = (
    EngineContractBroken,
    EngineGarbage,
    EngineUnavailable,
    EngineQueueFull,
    Draining,
    DeadlineExceeded,
    Overloaded,
)
INPAINT_ERRORS = (UnknownModel, NotAcceptable, BadLandmarks, GuidanceNotAccepted)

router = APIRouter(tags=["inpainting"])


def form_body(name: str) -> dict[str, Any]:
    """The OpenAPI request body of a route that reads the form `name`."""
    return {"required": True, "content": {"multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


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
        **documented(*UPLOAD_ERRORS, *PICTURE_ERRORS, *INPAINT_ERRORS, *ENGINE_ERRORS),
    },
    openapi_extra={"requestBody": form_body("InpaintForm")},
)
async def inpaint(request: Request) -> Response:
    """Faces under the mask are found, aligned, completed and pasted back; what is left of the hole is filled from its
    surroundings. Outside the (dilated) mask the picture stays as it is, byte for byte when the format is lossless.
    `Accept` chooses image/png (default), image/jpeg, image/webp, or application/json with the picture in base64."""
    service = service_of(request)
    with service.admission.admitted():
        deadline = Deadline(service.settings.request_deadline_seconds)
        async with read_form(request, InpaintForm) as form:
            return await while_client_waits(request, _answer(request, form, deadline))


async def _answer(request: Request, form: InpaintForm, deadline: Deadline) -> Response:
    service, record = service_of(request), record_of(request)
    answer_type = _answer_type(request, form)
    async with service.admission.slot(deadline):
        order = await _order(form, answer_type, service)
        record.model = order.model
        answer = await service.inpainter.inpaint(order, deadline, record.stages)
    record.input_pixels = answer.width * answer.height
    record.hole_ratio, record.face_count = answer.hole_ratio, len(answer.faces)
    headers = {"X-Model": answer.model, "X-Seed": str(answer.seed)}
    if answer_type == JSON:
        return JSONResponse(_body(answer, record.stages.seconds), headers=headers)
    return Response(answer.pictures[0], media_type=answer.media_type, headers=headers)


def _answer_type(request: Request, form: InpaintForm) -> str:
    """A picture's type, or JSON. `output_format` wins over the pictures of `Accept`, not over a wish for JSON."""
    accept = ",".join(request.headers.getlist("accept")) or None
    if form.output_format is None:
        return negotiate(accept)
    picture = f"image/{form.output_format}"
    try:
        return JSON if negotiate(accept, (picture, *OFFERED)) == JSON else picture
    except NotAcceptable:
        return picture


async def _order(form: InpaintForm, answer_type: str, service: ServiceState) -> InpaintRequest:
    """The form as the use case wants it."""
    allowed = service.settings.max_mask_dilate_pixels
    if form.mask_dilate > allowed:
        errors = [{"field": "mask_dilate", "actual": form.mask_dilate, "allowed": allowed}]
        raise BadField(f"mask_dilate is at most {allowed} pixels.", errors=errors)
    return InpaintRequest(
        image=await form.image.read(),
        mask=await form.mask.read(),
        model=form.model,
        mask_mode=form.mask_mode,
        mask_invert=form.mask_invert,
        mask_dilate_pixels=form.mask_dilate,
        landmarks=None if form.landmarks is None else parse_landmarks(form.landmarks),
        guidance_sent=frozenset(name for name in ("landmarks", "reference", "attributes") if getattr(form, name)),
        samples=form.samples,
        seed=form.seed,
        align=form.align,
        blend=form.blend,
        media_type=f"image/{form.output_format or 'png'}" if answer_type == JSON else answer_type,
        quality=form.quality,
    )


def parse_landmarks(text: str) -> Points:
    """68 finite points [x, y] from JSON, [68,2]; raises BadLandmarks."""
    try:
        points = np.asarray(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _bad_landmarks("not a JSON list of points") from None
    if points.shape != (68, 2):
        raise _bad_landmarks(f"a list of shape {list(points.shape)}")
    if not np.isfinite(points).all():
        raise _bad_landmarks("numbers that are not finite")
    return points


def _bad_landmarks(actual: str) -> BadLandmarks:
    errors = [{"field": "landmarks", "actual": actual, "allowed": "68 points [x, y] in pixels of the image"}]
    return BadLandmarks(f"The landmarks must be a JSON list of 68 points [x, y]; this is {actual}.", errors=errors)


def face_body(face: FaceFound) -> schemas.Face:
    """A face as JSON, coordinates to a hundredth of a pixel."""
    return schemas.Face(
        box=[round(float(value), 2) for value in face.box],
        landmarks=np.round(face.landmarks, 2).tolist(),
    )


def _body(answer: InpaintAnswer, stage_seconds: dict[str, float]) -> dict[str, Any]:
    body = schemas.InpaintAnswerBody(
        model=answer.model,
        seed=answer.seed,
        width=answer.width,
        height=answer.height,
        hole_ratio=answer.hole_ratio,
        faces=[face_body(face) for face in answer.faces],
        images=[
            schemas.EncodedPicture(media_type=answer.media_type, data=base64.b64encode(picture).decode())
            for picture in answer.pictures
        ],
        timings={name: round(seconds, 6) for name, seconds in stage_seconds.items()},
    )
    return body.model_dump()
