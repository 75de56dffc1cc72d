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
    """Everything but the pictures: `samples` counts the completed ones, `included` names the stages of each face."""
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
        "included": [list(face) for face in answer.included],
        "stage_seconds": stage_seconds,
    }


def pictures_to_keep(answer: InpaintAnswer) -> list[bytes]:
    """The completed pictures, then the stages of each face: what is kept beside the record, in this order."""
    return [*answer.pictures, *(picture for face in answer.included for picture in face.values())]


def included_in(record: dict[str, Any]) -> list[list[str]]:
    """The stages of each face; records of an older version have none."""
    included: list[list[str]] = record.get("included", [])
    return included


def pictures_of_record(record: dict[str, Any]) -> int:
    """How many pictures are kept beside it."""
    return int(record["samples"]) + sum(map(len, included_in(record)))


def answer_from_record(record: dict[str, Any], pictures: list[bytes]) -> tuple[InpaintAnswer, dict[str, float]]:
    """The answer and its seconds per stage, from the record and what is kept beside it."""
    faces = [FaceFound(tuple(face["box"]), np.asarray(face["landmarks"])) for face in record["faces"]]
    regions = [RegionFilled(region["kind"], tuple(region["box"])) for region in record.get("regions", [])]
    plain = {name: record[name] for name in ("model", "seed", "width", "height", "hole_ratio", "media_type")}
    told = {"faces": faces, "regions": regions, "attributes": record.get("attributes", [])}
    completed, stages = pictures[: record["samples"]], iter(pictures[record["samples"] :])
    included = [{name: next(stages) for name in face} for face in included_in(record)]
    return InpaintAnswer(**plain, **told, pictures=completed, included=included), record["stage_seconds"]
