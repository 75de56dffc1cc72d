"""From what the use case answers to HTTP."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi.responses import JSONResponse, Response

from service.api import schemas
from service.api.accept import JSON
from service.inpaint import FaceFound, InpaintAnswer


def answer_response(answer: InpaintAnswer, stage_seconds: dict[str, float], media_type: str) -> Response:
    """The picture, or JSON that holds it."""
    headers = {"X-Model": answer.model, "X-Seed": str(answer.seed)}
    if media_type == JSON:
        return JSONResponse(_body(answer, stage_seconds), headers=headers)
    return Response(answer.pictures[0], media_type=answer.media_type, headers=headers)


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
