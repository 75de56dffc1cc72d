"""The use case: a picture and a mask become the completed picture. HTTP calls it; it knows nothing of HTTP.

decode > find and align faces > divide the hole among them > infer each face's frame > fill the background > compose >
encode.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from service.completion.alignment import PREDICTOR, AlignedFace, Aligner, all_or_cancel, mirrored, same_place
from service.completion.background import fill_background
from service.completion.canvas import Canvas, frame_of, lay, paint
from service.completion.guidance import NO_GUIDANCE, Guidance
from service.completion.pipelines import pipeline_named
from service.completion.pipelines.protocol import Completion, FaceFrame, FrameGuidance, Pipeline, SampleSeed
from service.completion.plan import reaches_beyond
from service.completion.shares import Box, Division, Target, divide
from service.deadline import Deadline
from service.engine import Engine
from service.errors import BadField, BadLandmarks, GuidanceNotAccepted, TooManyPixels
from service.imaging.arrays import Hole, Points, Rgb, Size
from service.imaging.compose import Blend
from service.imaging.decode import ImageLimits, decode_image, decode_mask
from service.imaging.encode import encode, most_bytes
from service.imaging.faces import FaceBox
from service.imaging.geometry import FrameTransform, roll_degrees
from service.imaging.holes import Region
from service.imaging.masks import MaskMode
from service.telemetry.record import Stages
from service.threads import ImagingThreads

SURE = math.inf  # the score of a box that the caller gives
SEEDS = 2**31  # seeds are 0 to one less than this


@dataclass(frozen=True)
class InpaintRequest:
    image: bytes
    mask: bytes
    model: str = "lafin"
    mask_mode: MaskMode = "luminance"
    mask_invert: bool = False
    mask_dilate_pixels: int = 0
    guidance: Guidance = NO_GUIDANCE
    samples: int = 1
    seed: int | None = None  # None: a new one each time, where chance plays a part
    align: Literal["auto", "none"] = "auto"
    blend: Blend = "feather"
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


@dataclass(frozen=True)
class LandmarksAnswer:
    model: str
    width: int
    height: int
    faces: list[FaceSeen]


class Inpainter:
    """Made once; holds no state of a request."""

    def __init__(
        self,
        engine: Engine,
        threads: ImagingThreads,
        limits: ImageLimits,
        *,
        feather_pixels: int,
        max_faces: int,
        max_holes: int,
        max_samples_pixels: int,
    ) -> None:
        self._engine = engine
        self._threads = threads
        self._limits = limits
        self._feather_pixels = feather_pixels
        self._max_holes = max_holes
        self._max_samples_pixels = max_samples_pixels
        self._aligner = Aligner(engine, threads, max_faces)

    async def inpaint(self, request: InpaintRequest, deadline: Deadline, stages: Stages) -> InpaintAnswer:
        """Raises only types of service.errors. Seconds per stage are added to `stages`."""
        pipeline = pipeline_named(request.model)
        refuse_guidance(request, pipeline)
        with stages.timed("decode"):
            canvas = await self._threads.run(self._decode, request)
            hole_ratio = await self._threads.run(missing_share, canvas.hole)
        self._require_room(request, canvas.size)
        deadline.check()
        with stages.timed("align"):
            targets = await self._face_targets(request, pipeline, canvas, deadline)
            guides = await self._guides(request.guidance, pipeline.frame_pixels, deadline)
            division = await self._threads.run(divide, canvas.rgb, canvas.hole, targets, self._max_holes)
            frames = await self._threads.run(_frames, canvas, division)
        deadline.check()
        seed, background = seed_of(request, pipeline), None
        pictures = []
        for sample in range(request.samples):  # one after another: each holds a whole picture
            with stages.timed("infer"):
                sample_seed = SampleSeed(seed, sample)
                completions = await self._complete(pipeline, frames, guides, sample_seed, deadline)
            deadline.check()
            with stages.timed("compose"):
                shares, feather_pixels = division.shares, self._feather_pixels
                paintings = await self._threads.run(paint, canvas, shares, completions, request.blend, feather_pixels)
                if background is None:  # the first sample's; the others fade into it
                    background = await fill_background(canvas, division, paintings, self._threads, deadline)
                rgb = await self._threads.run(lay, background, shares, paintings)
            deadline.check()
            with stages.timed("encode"):
                pictures.append(await self._threads.run(encode, rgb, canvas.alpha, request.media_type, request.quality))
            deadline.check()
        height, width = canvas.size
        return InpaintAnswer(
            model=pipeline.name,
            seed=seed,
            width=width,
            height=height,
            hole_ratio=hole_ratio,
            faces=faces_found(division, completions),
            regions=regions_filled(division),
            pictures=pictures,
            media_type=request.media_type,
        )

    async def check(self, request: InpaintRequest) -> int:
        """The most bytes that the pictures of the answer can take together, if `inpaint` would take the request now.

        Raises what it would raise.
        """
        pipeline = pipeline_named(request.model)
        refuse_guidance(request, pipeline)
        canvas = await self._threads.run(self._decode, request)
        self._require_room(request, canvas.size)
        for landmarks in request.guidance.landmarks:
            given_target(landmarks, canvas.size, pipeline.frame_pixels)
        if request.guidance.reference is not None:
            await self._threads.run(decode_reference, request.guidance.reference, self._limits)
        return request.samples * most_bytes(canvas.size, has_alpha=canvas.alpha is not None)

    async def find_landmarks(self, request: LandmarksRequest, deadline: Deadline, stages: Stages) -> LandmarksAnswer:
        """The faces of a picture, each seen in its aligned frame. Raises as `inpaint`."""
        with stages.timed("decode"):
            canvas = await self._threads.run(self._decode, request)
        deadline.check()
        with stages.timed("align"):
            aligned = await self._aligner.faces(canvas.rgb, canvas.hole, deadline, touching=False)
        deadline.check()
        with stages.timed("infer"):
            landmarks = await all_or_cancel(
                [self._aligner.predict(canvas.rgb, canvas.hole, face.transform, deadline) for face in aligned]
            )
        faces = [
            FaceSeen(face.box, points, roll_degrees(points), face.score)
            for face, points in zip(aligned, landmarks, strict=True)
        ]
        return LandmarksAnswer(PREDICTOR, canvas.size[1], canvas.size[0], faces)

    def _require_room(self, request: InpaintRequest, size: Size) -> None:
        """Raises TooManyPixels when the samples of a request are too large together."""
        pixels, allowed = request.samples * size[0] * size[1], self._max_samples_pixels
        if request.samples > 1 and pixels > allowed:
            errors = [{"field": "samples", "actual": pixels, "allowed": allowed, "setting": "MAX_SAMPLES_PIXELS"}]
            raise TooManyPixels(f"{request.samples} samples of this picture have too many pixels.", errors=errors)

    def _decode(self, request: InpaintRequest | LandmarksRequest) -> Canvas:
        return decode_canvas(request, self._limits)

    async def _face_targets(
        self, request: InpaintRequest, pipeline: Pipeline, canvas: Canvas, deadline: Deadline
    ) -> list[Target]:
        """The frames to fill first: the caller's own face, and the faces that are found on the rest of the hole."""
        pixels, guidance = pipeline.frame_pixels, request.guidance
        given = [given_target(landmarks, canvas.size, pixels) for landmarks in guidance.landmarks]
        if request.align == "none":
            height, width = canvas.size
            whole = (0.0, 0.0, float(width), float(height))
            landmarks = guidance.landmarks[0] if guidance.landmarks else None
            return [Target(FrameTransform.identity(canvas.size, pixels), whole, landmarks, fills_frame=True)]
        if given and not await self._threads.run(reaches_beyond, canvas.hole, [face.transform for face in given]):
            return given
        found = await self._found(guidance, canvas, deadline)
        return given + [found_target(face, pixels) for face in found if not is_given(face, guidance.landmarks)]

    async def _found(self, guidance: Guidance, canvas: Canvas, deadline: Deadline) -> list[AlignedFace]:
        """The faces at the hole: where the caller says that they are, else those that are found."""
        if not guidance.faces:
            return await self._aligner.faces(canvas.rgb, canvas.hole, deadline, touching=True)
        boxes = [FaceBox(*face.box, SURE, face.roll_degrees) for face in guidance.faces]
        return await self._aligner.align(canvas.rgb, canvas.hole, boxes, deadline, touching=True)

    async def _guides(self, guidance: Guidance, frame_pixels: int, deadline: Deadline) -> FrameGuidance:
        """What every frame of the request is given: the reference is decoded and aligned once."""
        if guidance.reference is None:
            return FrameGuidance(None, guidance.attributes)
        rgb = await self._threads.run(decode_reference, guidance.reference, self._limits)
        return FrameGuidance(await self._aligner.face_of(rgb, frame_pixels, deadline), guidance.attributes)

    async def _complete(
        self,
        pipeline: Pipeline,
        frames: Sequence[FaceFrame],
        guides: FrameGuidance,
        sample_seed: SampleSeed,
        deadline: Deadline,
    ) -> list[Completion]:
        """All frames side by side."""
        guided = [guides.added_to(frame) for frame in frames]
        return await all_or_cancel([pipeline.complete(self._engine, frame, sample_seed, deadline) for frame in guided])


def _frames(canvas: Canvas, division: Division) -> list[FaceFrame]:
    return [frame_of(canvas, share.target) for share in division.shares]


def decode_canvas(request: InpaintRequest | LandmarksRequest, limits: ImageLimits) -> Canvas:
    """The picture upright, and the hole; without a mask nothing is missing."""
    picture = decode_image(request.image, limits)
    if request.mask is None:
        return Canvas(picture.rgb, picture.alpha, np.zeros(picture.size, np.uint8))
    hole = decode_mask(
        request.mask,
        limits,
        mode=request.mask_mode,
        invert=request.mask_invert,
        dilate_pixels=request.mask_dilate_pixels,
        size=picture.size,
    )
    return Canvas.emptied(picture.rgb, picture.alpha, hole)


def decode_reference(reference: bytes, limits: ImageLimits) -> Rgb:
    """The picture that guides, upright, [H,W,3]. Raises as for any picture."""
    return decode_image(reference, limits).rgb


def missing_share(hole: Hole) -> float:
    """0..1 of the picture."""
    return float(hole.mean())


def refuse_guidance(request: InpaintRequest, pipeline: Pipeline) -> None:
    """Raises GuidanceNotAccepted for a field that the pipeline would have to ignore, BadField for a useless number."""
    guidance = request.guidance
    for name in guidance.given:
        if name not in pipeline.guidance:
            refused = {"field": name, "model": pipeline.name, "allowed": sorted(pipeline.guidance)}
            raise GuidanceNotAccepted(f"The model {pipeline.name!r} does not take {name!r}.", errors=[refused])
    for attribute in sorted(set(guidance.attributes or ()) - set(pipeline.attributes)):
        unknown = {"field": "attributes", "actual": attribute[:40], "allowed": list(pipeline.attributes)}
        raise BadField(f"The model {pipeline.name!r} knows no such attribute.", errors=[unknown])
    if request.align == "none" and (guidance.faces or len(guidance.landmarks) > 1):
        useless = {"field": "align", "actual": "none", "allowed": ["auto"]}
        raise BadField("With align=none the picture is one face: no faces, landmarks of one.", errors=[useless])
    if request.samples > 1 and not pipeline.plural:
        too_many = {"field": "samples", "model": pipeline.name, "actual": request.samples, "allowed": 1}
        raise BadField(f"The model {pipeline.name!r} gives one result: samples must be 1.", errors=[too_many])


def seed_of(request: InpaintRequest, pipeline: Pipeline) -> int:
    """The caller's seed, or a random one; 0 where chance plays no part."""
    if request.seed is not None:
        return request.seed
    return secrets.randbelow(SEEDS) if pipeline.plural else 0


def given_target(landmarks: Points, size: Size, frame_pixels: int) -> Target:
    """The caller's face; raises BadLandmarks when the points cannot be a face on this canvas."""
    height, width = size
    limit = np.array([width, height])
    if ((landmarks < -limit) | (landmarks > 2 * limit)).any():
        raise _bad("landmarks lie far outside the image", "pixels of the upright image")
    transform = FrameTransform.from_landmarks(landmarks, frame_pixels)
    if mirrored(landmarks):
        raise _bad("left and right are swapped", "iBUG order: points 36-41 are the eye on the left of an upright face")
    low, high = landmarks.min(axis=0), landmarks.max(axis=0)
    return Target(transform, (float(low[0]), float(low[1]), float(high[0]), float(high[1])), landmarks)


def _bad(actual: str, allowed: str) -> BadLandmarks:
    errors = [{"field": "landmarks", "actual": actual, "allowed": allowed}]
    return BadLandmarks(f"The landmarks cannot be used: {actual}.", errors=errors)


def found_target(face: AlignedFace, frame_pixels: int) -> Target:
    transform = FrameTransform.from_landmarks(face.landmarks, frame_pixels)
    return Target(transform, face.box, None if face.needs_second_look else face.landmarks, face.landmarks)


def is_given(face: AlignedFace, described: Sequence[Points]) -> bool:
    """Whether a found face is one that the caller described."""
    return any(same_place(face.landmarks, landmarks) for landmarks in described)


def faces_found(division: Division, completions: Sequence[Completion]) -> list[FaceFound]:
    """What the answer says of the faces that were filled; nothing where nobody saw landmarks."""
    pairs = zip(division.shares, completions, strict=True)
    return [face for share, completion in pairs if (face := _face_found(share.target, completion)) is not None]


def _face_found(target: Target, completion: Completion) -> FaceFound | None:
    landmarks = target.seen if target.landmarks is None else target.landmarks
    if target.landmarks is None and completion.landmarks is not None:
        landmarks = target.transform.to_canvas(completion.landmarks)
    return None if landmarks is None else FaceFound(target.box, landmarks)


def regions_filled(division: Division) -> list[RegionFilled]:
    """The faces' parts of the hole, then the background's."""
    faces = [RegionFilled("face", _box(share.region)) for share in division.shares]
    return faces + [RegionFilled("background", _box(region)) for region in division.background_regions]


def _box(region: Region) -> Box:
    return float(region.x0), float(region.y0), float(region.x1), float(region.y1)
