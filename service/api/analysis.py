"""POST /landmarks: what the models see in a picture."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.admission import while_client_waits
from service.api.answers import face_body
from service.api.failures import ENGINE_ERRORS, PICTURE_ERRORS, UPLOAD_ERRORS
from service.api.forms import LandmarksForm, form_body, read_form
from service.api.problems import documented
from service.api.schemas import LandmarksBody
from service.api.state import record_of, service_of
from service.deadline import Deadline
from service.inpaint import LandmarksRequest

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
        order = LandmarksRequest(
            image=await form.image.read(),
            mask=None if form.mask is None else await form.mask.read(),
            mask_mode=form.mask_mode,
            mask_invert=form.mask_invert,
            mask_dilate_pixels=form.mask_dilate,
        )
        answer = await service.inpainter.find_landmarks(order, deadline, record.stages)
    record.model, record.input_pixels, record.face_count = answer.model, answer.width * answer.height, len(answer.faces)
    faces = [face_body(face) for face in answer.faces]
    return LandmarksBody(model=answer.model, width=answer.width, height=answer.height, faces=faces)
