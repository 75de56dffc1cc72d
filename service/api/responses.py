"""From the answers of the use case to HTTP responses. It takes longer for larger pictures: call it in a thread."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pydantic import BaseModel

from service.api import schemas
from service.api.accept import JSON
from service.api.pieces import PiecesResponse, cut, encoded
from service.completion.attribute_reading import AttributesAnswer
from service.completion.including import MEDIA_TYPE
from service.completion.messages import FaceFound, FaceSeen, InpaintAnswer, RegionFilled
from service.completion.parsing import ParsingAnswer

LATER = [schemas.EncodedPicture(media_type="", data="")]  # the pictures are put into the JSON when it is written


def answer_response(answer: InpaintAnswer, stage_seconds: dict[str, float], media_type: str) -> PiecesResponse:
    """The picture, or JSON that holds all of them."""
    headers = {
        "X-Model": answer.model,
        "X-Seed": str(answer.seed),
        "X-Faces": str(len(answer.faces)),
        "X-Regions": _counted(answer.regions),
    }
    if media_type == JSON:
        body = _inpaint_body(answer, stage_seconds)
        return PiecesResponse(_json(body, answer.pictures, answer.media_type), JSON, headers)
    return PiecesResponse(cut(answer.pictures[0]), answer.media_type, headers)


def parsing_response(answer: ParsingAnswer, stage_seconds: dict[str, float], media_type: str) -> PiecesResponse:
    """The indexed PNG, or JSON that holds it."""
    headers = {"X-Model": answer.model}
    if media_type == JSON:
        body = _parsing_body(answer, stage_seconds)
        return PiecesResponse(_json(body, [answer.picture], answer.media_type), JSON, headers)
    return PiecesResponse(cut(answer.picture), answer.media_type, headers)


def face_body(face: FaceFound) -> schemas.Face:
    """A face as JSON, coordinates to a hundredth of a pixel."""
    return schemas.Face(
        box=[round(float(value), 2) for value in face.box],
        landmarks=np.round(face.landmarks, 2).tolist(),
    )


def seen_face_body(face: FaceSeen) -> schemas.SeenFace:
    """A face of POST /landmarks as JSON."""
    found = face_body(face).model_dump()
    return schemas.SeenFace(**found, roll_degrees=round(face.roll_degrees, 2), score=round(face.score, 4))


def attributes_body(answer: AttributesAnswer) -> schemas.AttributesBody:
    """The answer of POST /attributes."""
    faces = [
        schemas.FaceAttributes(**face_body(face).model_dump(), attributes=_values(face.attributes))
        for face in answer.faces
    ]
    return schemas.AttributesBody(model=answer.model, width=answer.width, height=answer.height, faces=faces)


def _counted(regions: Sequence[RegionFilled]) -> str:
    """How many regions of each kind."""
    kinds = [region.kind for region in regions]
    return ", ".join(f"{kind}={kinds.count(kind)}" for kind in ("face", "background"))


def _json(body: BaseModel, pictures: Sequence[bytes], media_type: str) -> Iterator[bytes]:
    """`body` with the pictures as its `images`."""
    fields = body.model_dump(exclude={"images"})
    yield json.dumps(fields, separators=(",", ":")).encode().removesuffix(b"}") + b',"images":['
    for number, picture in enumerate(pictures):
        yield b',{"media_type":' if number else b'{"media_type":'
        yield json.dumps(media_type).encode() + b',"data":"'
        yield from encoded(picture)
        yield b'"}'
    yield b"]}"


def _inpaint_body(answer: InpaintAnswer, stage_seconds: dict[str, float]) -> schemas.InpaintAnswerBody:
    return schemas.InpaintAnswerBody(
        model=answer.model,
        seed=answer.seed,
        width=answer.width,
        height=answer.height,
        hole_ratio=answer.hole_ratio,
        faces=[face_body(face) for face in answer.faces],
        regions=[schemas.Region(kind=region.kind, box=list(region.box)) for region in answer.regions],
        images=LATER,
        attributes=[[_values(face) for face in sample] for sample in answer.attributes],
        included=[{name: _encoded(picture) for name, picture in face.items()} for face in answer.included],
        timings=_rounded(stage_seconds),
    )


def _values(attributes: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in attributes.items()}


def _encoded(picture: bytes) -> schemas.EncodedPicture:
    """A small picture, of one frame."""
    return schemas.EncodedPicture(media_type=MEDIA_TYPE, data=b64encode(picture).decode())


def _parsing_body(answer: ParsingAnswer, stage_seconds: dict[str, float]) -> schemas.ParsingBody:
    area = answer.width * answer.height
    return schemas.ParsingBody(
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
        images=LATER,
        timings=_rounded(stage_seconds),
    )


def _rounded(stage_seconds: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds, 6) for name, seconds in stage_seconds.items()}
