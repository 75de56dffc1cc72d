"""A request and its answer as JSON in the record of a job, without the pictures."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np

from service.completion.guidance import Guidance
from service.completion.messages import FaceFound, InpaintAnswer, InpaintRequest, RegionFilled

PICTURES = frozenset({"image", "mask"})


def to_record(request: InpaintRequest) -> dict[str, Any]:
    """Every field but the pictures."""
    fields = [field.name for field in dataclasses.fields(request) if field.name not in PICTURES]
    return {name: getattr(request, name) for name in fields} | {"guidance": request.guidance.to_record()}


def from_record(record: dict[str, Any], image: bytes, mask: bytes, reference: bytes | None) -> InpaintRequest:
    """The request as it was accepted."""
    guidance = Guidance.from_record(record["guidance"], reference)
    plain = {**record, "include": tuple(record.get("include", ()))}  # records of an older version have none
    return InpaintRequest(**{**plain, "image": image, "mask": mask, "guidance": guidance})


def parts_of(request: InpaintRequest) -> list[tuple[str, bytes]]:
    """Everything that makes one request another: names and contents."""
    reference = request.guidance.reference
    pictures = [("image", request.image), ("mask", request.mask), *([("reference", reference)] if reference else [])]
    return [("request", json.dumps(to_record(request)).encode()), *pictures]


def answer_to_record(answer: InpaintAnswer, stage_seconds: dict[str, float]) -> dict[str, Any]:
    """Everything but the pictures, of which `samples` is the number."""
    record = {name: getattr(answer, name) for name in ("model", "seed", "width", "height", "hole_ratio", "media_type")}
    faces = [
        {"box": [float(value) for value in face.box], "landmarks": face.landmarks.tolist()} for face in answer.faces
    ]
    regions = [{"kind": region.kind, "box": list(region.box)} for region in answer.regions]
    return {
        **record,
        "faces": faces,
        "regions": regions,
        "samples": len(answer.pictures),
        "attributes": [[dict(face) for face in sample] for sample in answer.attributes],
        "stage_seconds": stage_seconds,
    }


def answer_from_record(record: dict[str, Any], pictures: list[bytes]) -> tuple[InpaintAnswer, dict[str, float]]:
    """The answer and its seconds per stage."""
    faces = [FaceFound(tuple(face["box"]), np.asarray(face["landmarks"])) for face in record["faces"]]
    regions = [RegionFilled(region["kind"], tuple(region["box"])) for region in record.get("regions", [])]
    plain = {name: record[name] for name in ("model", "seed", "width", "height", "hole_ratio", "media_type")}
    told = {"faces": faces, "regions": regions, "attributes": record.get("attributes", [])}
    return InpaintAnswer(**plain, **told, pictures=pictures), record["stage_seconds"]
