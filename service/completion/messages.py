"""What is asked of the use cases, and what they answer. Pictures go in and come out as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.completion.guidance import NO_GUIDANCE, Guidance
from service.completion.pipelines import DEFAULT_PIPELINE
from service.completion.shares import Box
from service.imaging.arrays import Points
from service.imaging.compose import Blend
from service.imaging.masks import MaskMode


@dataclass(frozen=True)
class InpaintRequest:
    image: bytes
    mask: bytes
    model: str = DEFAULT_PIPELINE
    mask_mode: MaskMode = "luminance"
    mask_invert: bool = False
    mask_dilate_pixels: int = 0
    guidance: Guidance = NO_GUIDANCE
    samples: int = 1
    seed: int | None = None  # None: a new one each time, where chance plays a part
    align: Literal["auto", "none"] = "auto"
    blend: Blend = "feather"
    include: tuple[str, ...] = ()  # what the answer is to hold of the pipeline's stages
    media_type: str = "image/png"
    quality: int | None = None  # 1..100; None: the format's own


@dataclass(frozen=True)
class LandmarksRequest:
    image: bytes
    mask: bytes | None = None
    mask_mode: MaskMode = "luminance"
    mask_invert: bool = False
    mask_dilate_pixels: int = 0


@dataclass(frozen=True)
class FaceFound:
    box: Box
    landmarks: Points  # [68,2] canvas pixels


@dataclass(frozen=True)
class FaceSeen(FaceFound):
    """A face of POST /landmarks."""

    roll_degrees: float  # clockwise, -180..180; 0 is upright
    score: float  # how sure the finder is, 0..1


@dataclass(frozen=True)
class RegionFilled:
    """A part of the hole: who filled it, and the rectangle that holds it."""

    kind: Literal["face", "background"]
    box: Box


@dataclass(frozen=True)
class InpaintAnswer:
    model: str
    seed: int  # that gives these pictures again
    width: int
    height: int
    hole_ratio: float  # missing share of the picture, 0..1
    faces: list[FaceFound]  # those that were completed
    regions: list[RegionFilled]
    pictures: list[bytes]  # encoded, one for each sample
    media_type: str
    attributes: list[list[Mapping[str, float]]] = field(default_factory=list)  # of each sample, of each face: obeyed
    included: list[dict[str, bytes]] = field(default_factory=list)  # of each completed face: stage -> its frame as PNG


@dataclass(frozen=True)
class LandmarksAnswer:
    model: str
    width: int
    height: int
    faces: list[FaceSeen]
