"""The JSON bodies of the service's answers as dataclasses, so that the client needs no other package for them.

Names, fields and types are those of service/api/schemas.py, which describes every field; a test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(kw_only=True)
class Face:
    box: list[float]
    landmarks: list[list[float]]


@dataclass(kw_only=True)
class SeenFace(Face):
    roll_degrees: float
    score: float


@dataclass(kw_only=True)
class Region:
    kind: Literal["face", "background"]
    box: list[float]


@dataclass(kw_only=True)
class EncodedPicture:
    media_type: str
    data: str


@dataclass(kw_only=True)
class InpaintAnswerBody:
    model: str
    seed: int
    width: int
    height: int
    hole_ratio: float
    faces: list[Face]
    regions: list[Region] = field(default_factory=list)
    images: list[EncodedPicture]
    attributes: list[list[dict[str, float]]] = field(default_factory=list)
    included: list[dict[str, EncodedPicture]] = field(default_factory=list)
    timings: dict[str, float]


@dataclass(kw_only=True)
class LandmarksBody:
    model: str
    width: int
    height: int
    faces: list[SeenFace]


@dataclass(kw_only=True)
class FaceAttributes(Face):
    attributes: dict[str, float]


@dataclass(kw_only=True)
class AttributesBody:
    model: str
    width: int
    height: int
    faces: list[FaceAttributes]


@dataclass(kw_only=True)
class ParsingClass:
    index: int
    name: str
    colour: str
    pixels: int
    share: float


@dataclass(kw_only=True)
class ParsingBody:
    model: str
    width: int
    height: int
    classes: list[ParsingClass]
    faces: list[Face]
    images: list[EncodedPicture]
    timings: dict[str, float]


@dataclass(kw_only=True)
class FrameSize:
    frame_pixels: int
    ready: bool


@dataclass(kw_only=True)
class ModelBody:
    name: str
    summary: str
    route: str = "/inpaint"
    guidance: list[str]
    attributes: list[str] = field(default_factory=list)
    plural: bool
    frame_pixels: int
    frame_sizes: list[FrameSize] = field(default_factory=list)
    deployed_models: list[str]
    precision: dict[str, str] = field(default_factory=dict)
    ready: bool


@dataclass(kw_only=True)
class ModelWithCardBody(ModelBody):
    card: str | None


@dataclass(kw_only=True)
class ModelsBody:
    models: list[ModelBody]


@dataclass(kw_only=True)
class LimitsBody:
    max_body_bytes: int
    max_image_pixels: int
    max_samples_pixels: int
    max_side_pixels: int
    min_side_pixels: int
    max_mask_dilate_pixels: int
    max_faces: int
    max_concurrent_requests: int
    max_waiting_requests: int
    request_deadline_seconds: float
    upload_timeout_seconds: float
    jobs_max_items: int
    jobs_queue_depth: int
    jobs_max_wait_seconds: float
    jobs_result_ttl_seconds: float
    image_media_types: list[str]
    output_media_types: list[str]
