"""The JSON answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Face(BaseModel):
    box: list[float] = Field(description="[x0, y0, x1, y1] in pixels of the upright image.")
    landmarks: list[list[float]] = Field(description="68 points [x, y] in pixels of the upright image, iBUG order.")


class EncodedPicture(BaseModel):
    media_type: str = Field(description="image/png, image/jpeg or image/webp.")
    data: str = Field(description="The file's bytes in base64.")


class InpaintAnswerBody(BaseModel):
    """A completed picture with what was found on the way."""

    model: str = Field(description="The model that filled the hole.")
    seed: int = Field(description="Send it again to get the same result.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    hole_ratio: float = Field(description="Missing share of the picture, 0..1.")
    faces: list[Face] = Field(description="The faces that were completed; empty when no hole lay on a face.")
    images: list[EncodedPicture] = Field(description="The completed picture; several when several samples were asked.")
    timings: dict[str, float] = Field(description="Seconds per stage.")


class LandmarksBody(BaseModel):
    """The faces of a picture."""

    model: str = Field(description="The model that predicted the landmarks.")
    width: int = Field(description="Pixels of the upright picture.")
    height: int = Field(description="Pixels of the upright picture.")
    faces: list[Face] = Field(description="The surest first.")


class ParsingClass(BaseModel):
    index: int = Field(description="The value of the class in the PNG.")
    name: str = Field(description="left and right are the person's own.")
    colour: str = Field(description="#rrggbb, as in the PNG's palette.")
    pixels: int = Field(description="How many pixels of the picture it has.")
    share: float = Field(description="Of the picture, 0..1.")


class ParsingBody(BaseModel):
    """A parsing map with what was found on the way."""

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
    faces: list[Face] = Field(description="The faces that were parsed, the surest first; empty when none was found.")
    images: list[EncodedPicture] = Field(min_length=1, description="The parsing map, an indexed PNG.")
    timings: dict[str, float] = Field(description="Seconds per stage.")


class ModelBody(BaseModel):
    """What a model takes and whether it can answer now."""

    name: str = Field(description="The value of the form field `model`.")
    summary: str
    route: str = Field(default="/inpaint", description="The path that it answers: /inpaint, or one of its own.")
    guidance: list[str] = Field(description="The optional form fields that guide it.")
    plural: bool = Field(description="Whether `samples` may be more than 1.")
    frame_pixels: int = Field(description="Side of the aligned square that the networks see.")
    deployed_models: list[str] = Field(description="What the engine must have for it.")
    ready: bool = Field(description="Whether the engine has all of it now.")


class ModelWithCardBody(ModelBody):
    card: str | None = Field(description="The model's card: data, figures, limits (Markdown).")


class ModelsBody(BaseModel):
    models: list[ModelBody]


class LimitsBody(BaseModel):
    """What a request may be. The names in capitals are the settings."""

    max_body_bytes: int
    max_image_pixels: int
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
    image_media_types: list[str] = Field(description="What is read, found by decoding.")
    output_media_types: list[str] = Field(description="What `Accept` may name.")


class ProbeBody(BaseModel):
    status: Literal["alive", "started"]


class ReadyBody(BaseModel):
    status: Literal["ready"]
    jobs: Literal["ready", "unavailable"] = Field(description="Whether jobs can be taken: whether Redis answers.")
