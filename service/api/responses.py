"""From the answers of the use case to HTTP responses."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi.responses import JSONResponse, Response

from service.api import schemas
from service.api.accept import JSON
from service.completion.inpaint import FaceFound, InpaintAnswer
from service.completion.parsing import ParsingAnswer


def answer_response(answer: InpaintAnswer, stage_seconds: dict[str, float], media_type: str) -> Response:
    """The picture, or JSON that holds it."""
    headers = {"X-Model": answer.model, "X-Seed": str(answer.seed)}
    if media_type == JSON:
        return JSONResponse(_body(answer, stage_seconds), headers=headers)
    return Response(answer.pictures[0], media_type=answer.media_type, headers=headers)


def parsing_response(answer: ParsingAnswer, stage_seconds: dict[str, float], media_type: str) -> Response:
    """The indexed PNG, or JSON that holds it."""
    headers = {"X-Model": answer.model}
    if media_type == JSON:
        return JSONResponse(_parsing_body(answer, stage_seconds), headers=headers)
    return Response(answer.picture, media_type=answer.media_type, headers=headers)


def face_body(face: FaceFound) -> schemas.Face:
    """A face as JSON, coordinates to a hundredth of a pixel."""
    return schemas.Face(
        box=[round(float(value), 2) for value in face.box],
        landmarks=np.round(face.landmarks, 2).tolist(),
    )


def _parsing_body(answer: ParsingAnswer, stage_seconds: dict[str, float]) -> dict[str, Any]:
    area = answer.width * answer.height
    body = schemas.ParsingBody(
        model=answer.model,
        width=answer.width,
        height=answer.height,
        classes=[
            schemas.ParsingClass(
                index=one.index,
                name=one.name,
                colour="#{:02x}{:02x}{:02x}".format(*one.colour),
                pixels=one.pixels,
                share=one.pixels / area,
            )
            for one in answer.classes
        ],
        faces=[face_body(face) for face in answer.faces],
        images=[_encoded(answer.media_type, answer.picture)],
        timings=_rounded(stage_seconds),
    )
    return body.model_dump()


def _encoded(media_type: str, picture: bytes) -> schemas.EncodedPicture:
    return schemas.EncodedPicture(media_type=media_type, data=base64.b64encode(picture).decode())


def _rounded(stage_seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 6) for name, seconds in stage_seconds.items()}


def _body(answer: InpaintAnswer, stage_seconds: dict[str, float]) -> dict[str, Any]:
    body = schemas.InpaintAnswerBody(
        model=answer.model,
        seed=answer.seed,
        width=answer.width,
        height=answer.height,
        hole_ratio=answer.hole_ratio,
        faces=[face_body(face) for face in answer.faces],
        images=[_encoded(answer.media_type, picture) for picture in answer.pictures],
        timings=_rounded(stage_seconds),
    )
    return body.model_dump()
