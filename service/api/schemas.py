"""The JSON bodies of answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Face(BaseModel):
    box: list[float] = Field(description="[x0, y0, x1, y1] in pixels of the upright image.")
    landmarks: list[list[float]] = Field(description="68 points [x, y] in pixels of the upright image, iBUG order.")


class SeenFace(Face):
    roll_degrees: float = Field(description="How far the face is turned in the picture, clockwise; 0 is upright.")
    score: float = Field(description="How sure it is that this is a face, 0..1.")


class Region(BaseModel):
    kind: Literal["face", "background"] = Field(
        description="face: completed by the model. background: filled from its surroundings, without a network."
    )
    box: list[float] = Field(
        description="[x0, y0, x1, y1] in pixels of the upright image, around this part of the hole."
    )


class EncodedPicture(BaseModel):
    media_type: str = Field(description="image/png, image/jpeg or image/webp.")
    data: str = Field(description="The file's bytes in base64.")


class InpaintAnswerBody(BaseModel):
    """A completed picture, and the faces that were found in it."""

    model: str = Field(description="The model that filled the hole.")
    seed: int = Field(description="Send this number as `seed` to get the same result again.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    hole_ratio: float = Field(description="Missing share of the picture, 0..1.")
    faces: list[Face] = Field(description="The faces that were completed; empty when no hole lay on a face.")
    regions: list[Region] = Field(
        default_factory=list, description="The parts of the hole, faces first: what filled them, and where they lie."
    )
    images: list[EncodedPicture] = Field(description="The completed picture; one for each sample that was asked for.")
    attributes: list[list[dict[str, float]]] = Field(
        default_factory=list,
        description="Of each image, and in it of each completed face: the attributes that it obeys, -1..1. Empty for a "
        "model that obeys none.",
    )
    included: list[dict[str, EncodedPicture]] = Field(
        default_factory=list,
        description="Of each completed face what `include` asked for, as PNG of its aligned frame. The pixels of "
        "`parsing` are class indexes of POST /parsing.",
    )
    timings: dict[str, float] = Field(description="Seconds per stage.")


class LandmarksBody(BaseModel):
    """The faces of a picture."""

    model: str = Field(description="The model that predicted the landmarks.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    faces: list[SeenFace] = Field(description="The most certain one first.")


class FaceAttributes(Face):
    attributes: dict[str, float] = Field(description="Attribute name -> -1..1.")


class AttributesBody(BaseModel):
    """The attributes of the faces of a picture."""

    model: str = Field(description="The model that read the attributes.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    faces: list[FaceAttributes] = Field(description="The most certain one first.")


class ParsingClass(BaseModel):
    index: int = Field(description="The value of the class in the PNG.")
    name: str = Field(description="left and right as the person in the picture would say it.")
    colour: str = Field(description="#rrggbb, as in the PNG's palette.")
    pixels: int = Field(description="How many pixels belong to the class.")
    share: float = Field(description="The share of the picture that belongs to the class, 0..1.")


class ParsingBody(BaseModel):
    """A parsing map, and the faces that were found in the picture."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "model": "parser",
                "width": 512,
                "height": 512,
                "classes": [
                    {"index": 0, "name": "background", "colour": "#000000", "pixels": 196608, "share": 0.75},
                    {"index": 1, "name": "skin", "colour": "#ecbc96", "pixels": 65536, "share": 0.25},
                ],
                "faces": [],
                "images": [{"media_type": "image/png", "data": "iVBORw0KGgo..."}],
                "timings": {"decode": 0.004, "align": 0.051, "infer": 0.033, "compose": 0.002, "encode": 0.003},
            }
        }
    )

    model: str = Field(description="The model that parsed the picture.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    classes: list[ParsingClass] = Field(description="All classes that the model knows, in the order of their index.")
    faces: list[Face] = Field(
        description="The faces that were parsed, the most certain one first; empty when none was found."
    )
    images: list[EncodedPicture] = Field(min_length=1, description="The parsing map, an indexed PNG.")
    timings: dict[str, float] = Field(description="Seconds per stage.")


class FrameSize(BaseModel):
    """A side of the aligned square that a model's networks can be given."""

    frame_pixels: int
    ready: bool = Field(description="Whether the engine has the network of this size loaded now.")


class ModelBody(BaseModel):
    """What a model takes and whether it can answer now."""

    name: str = Field(description="The value of the form field `model`.")
    summary: str
    route: str = Field(default="/inpaint", description="The path that uses it: /inpaint, or a path of its own.")
    guidance: list[str] = Field(description="The optional form fields that guide it.")
    attributes: list[str] = Field(default=[], description="The names that its form field `attributes` may hold.")
    plural: bool = Field(description="Whether `samples` may be more than 1.")
    frame_pixels: int = Field(description="Side of the aligned square that the networks are given, in pixels.")
    frame_sizes: list[FrameSize] = Field(
        default_factory=list,
        description="All its sizes; a larger one is for squares in the photograph of more than twice the side before.",
    )
    deployed_models: list[str] = Field(description="The models that the engine must have for it.")
    precision: dict[str, str] = Field(
        default_factory=dict,
        description="What each of them computes in: float32, bfloat16 or float16; none without its file.",
    )
    ready: bool = Field(description="Whether the engine has all of them loaded now; never without their snapshots.")


class ModelWithCardBody(ModelBody):
    card: str | None = Field(description="The model's card: data, figures, limits (Markdown).")


class ModelsBody(BaseModel):
    models: list[ModelBody]


class LimitsBody(BaseModel):
    """The limits of a request. Each is a setting of the same name, in capitals."""

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
    image_media_types: list[str] = Field(description="The formats that are accepted, recognised by decoding.")
    output_media_types: list[str] = Field(description="The types that `Accept` may name.")


class ProbeBody(BaseModel):
    status: Literal["alive", "started"]


class ReadyBody(BaseModel):
    status: Literal["ready"]
    jobs: Literal["ready", "no_worker", "unavailable"] = Field(
        description="no_worker: jobs are accepted, and nobody works on them. unavailable: Redis does not take them."
    )
    jobs_detail: str | None = Field(description="What is wrong with workers or Redis, also while jobs are accepted.")
    models_without_snapshot: list[str] = Field(
        default_factory=list, description="The models that the engine does not have: nobody has trained them here."
    )
