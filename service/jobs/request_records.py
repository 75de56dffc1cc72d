"""A request and its answer as JSON in the record of a job, without the pictures."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from service.completion.inpaint import FaceFound, InpaintAnswer, InpaintRequest, RegionFilled

PICTURES = frozenset({"image", "mask"})


def to_record(request: InpaintRequest) -> dict[str, Any]:
    """Every field but the pictures."""
    record = {
        field.name: getattr(request, field.name) for field in dataclasses.fields(request) if field.name not in PICTURES
    }
    record["guidance_sent"] = sorted(request.guidance_sent)
    record["landmarks"] = None if request.landmarks is None else request.landmarks.tolist()
    return record


def from_record(record: dict[str, Any], image: bytes, mask: bytes) -> InpaintRequest:
    """The request as it was accepted."""
    landmarks = record["landmarks"]
    return InpaintRequest(
        **{
            **record,
            "image": image,
            "mask": mask,
            "guidance_sent": frozenset(record["guidance_sent"]),
            "landmarks": None if landmarks is None else np.asarray(landmarks, np.float64),
        }
    )


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
        "stage_seconds": stage_seconds,
    }


def answer_from_record(record: dict[str, Any], pictures: list[bytes]) -> tuple[InpaintAnswer, dict[str, float]]:
    """The answer and its seconds per stage."""
    faces = [FaceFound(tuple(face["box"]), np.asarray(face["landmarks"])) for face in record["faces"]]
    regions = [RegionFilled(region["kind"], tuple(region["box"])) for region in record.get("regions", [])]
    plain = {name: record[name] for name in ("model", "seed", "width", "height", "hole_ratio", "media_type")}
    return InpaintAnswer(**plain, faces=faces, regions=regions, pictures=pictures), record["stage_seconds"]
