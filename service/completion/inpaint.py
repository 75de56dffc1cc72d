"""The use case: a picture and a mask become the completed picture. HTTP calls it; it knows nothing of HTTP.

decode > find and align faces > divide the hole among them > infer each face's frame > fill the background > compose >
encode.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from service.completion.alignment import PREDICTOR, Aligner, all_or_cancel
from service.completion.attributes import by_name, names_of, refuse_attributes
from service.completion.background import fill_background
from service.completion.canvas import Canvas, frame_of, lay, mirrored, paint
from service.completion.checks import refuse_guidance, require_room
from service.completion.decoding import decode_canvas, decode_reference, missing_share
from service.completion.frame_sizes import fitted
from service.completion.guidance import Guidance
from service.completion.including import included, most_included_bytes, refuse_stages
from service.completion.messages import FaceSeen, InpaintAnswer, InpaintRequest, LandmarksAnswer, LandmarksRequest
from service.completion.pipelines import pipeline_named
from service.completion.pipelines.protocol import Completion, FaceFrame, FrameGuidance, Pipeline, SampleSeed
from service.completion.shares import Division, divide
from service.completion.targets import face_targets, faces_found, given_target, regions_filled
from service.deadline import Deadline
from service.engine import Engine
from service.errors import DeadlineExceeded, EngineUnavailable
from service.imaging.decode import ImageLimits
from service.imaging.encode import encode, most_bytes
from service.imaging.geometry import FrameTransform, roll_degrees
from service.telemetry.record import Stages
from service.threads import ImagingThreads

NAMES_SECONDS = 2.0  # for the names of attributes, when a job is checked
SEEDS = 2**31  # seeds are 0 to one less than this


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
        self._max_faces = max_faces
        self._max_holes = max_holes
        self._max_samples_pixels = max_samples_pixels
        self._aligner = Aligner(engine, threads, max_faces)

    async def inpaint(self, request: InpaintRequest, deadline: Deadline, stages: Stages) -> InpaintAnswer:
        """Raises only types of service.errors. Seconds per stage are added to `stages`."""
        pipeline = pipeline_named(request.model)
        refuse_guidance(request, pipeline)
        names = await names_of(pipeline, self._engine, deadline)
        refuse_attributes(request.guidance, pipeline, names)
        refuse_stages(request)
        with stages.timed("decode"):
            canvas = await self._threads.run(self._decode, request)
            hole_ratio = await self._threads.run(missing_share, canvas.hole)
        require_room(request, canvas.size, self._max_samples_pixels)
        deadline.check()
        with stages.timed("align"):
            targets = await face_targets(request, pipeline.frame_pixels, canvas, self._aligner, self._threads, deadline)
            targets = await fitted(targets, pipeline, self._engine)
            guides = await self._guides(request, pipeline, names, deadline)
            division = await self._threads.run(divide, canvas.rgb, canvas.hole, targets, self._max_holes)
            canvases = await self._threads.run(_mirrored, canvas, division)
            frames = await self._threads.run(_frames, canvases, division)
        deadline.check()
        seed, background = seed_of(request, pipeline), None
        with stages.timed("infer"):
            seeds = [SampleSeed(seed, sample) for sample in range(request.samples)]
            samples = await self._complete(pipeline, frames, guides, seeds, deadline)
        deadline.check()
        pictures, attributes = [], []
        for completions in samples:  # one after another: each makes a whole picture
            attributes.append([by_name(names, one.attributes) for one in completions if one.attributes is not None])
            with stages.timed("compose"):
                shares, blend, feather_pixels = division.shares, request.blend, self._feather_pixels
                paintings = await self._threads.run(paint, canvases, shares, frames, completions, blend, feather_pixels)
                if background is None:  # the first sample's; the others fade into it
                    background = await fill_background(canvas, division, paintings, self._threads, deadline)
                rgb = await self._threads.run(lay, background, shares, paintings)
            deadline.check()
            with stages.timed("encode"):
                pictures.append(await self._threads.run(encode, rgb, canvas.alpha, request.media_type, request.quality))
            deadline.check()
        with stages.timed("encode"):
            stages_shown = await included(request, samples[0], self._engine, self._threads, deadline)
        height, width = canvas.size
        return InpaintAnswer(
            model=pipeline.name,
            seed=seed,
            width=width,
            height=height,
            hole_ratio=hole_ratio,
            faces=faces_found(division, samples[0]),
            regions=regions_filled(division),
            pictures=pictures,
            media_type=request.media_type,
            attributes=attributes,
            included=stages_shown,
        )

    async def check(self, request: InpaintRequest) -> int:
        """The most bytes that the pictures of the answer can take together, if `inpaint` would take the request now.

        Raises what it would raise.
        """
        pipeline = pipeline_named(request.model)
        refuse_guidance(request, pipeline)
        refuse_stages(request)
        canvas = await self._threads.run(self._decode, request)
        require_room(request, canvas.size, self._max_samples_pixels)
        for landmarks in request.guidance.landmarks:
            given_target(landmarks, canvas.size, pipeline.frame_pixels)
        if request.guidance.reference is not None:
            await self._threads.run(decode_reference, request.guidance.reference, self._limits)
        if request.guidance.attributes:
            await self._check_attributes(request.guidance, pipeline)
        completed_bytes = request.samples * most_bytes(canvas.size, has_alpha=canvas.alpha is not None)
        return completed_bytes + most_included_bytes(request, pipeline.frame_pixels, self._max_faces)

    async def _check_attributes(self, guidance: Guidance, pipeline: Pipeline) -> None:
        """While the engine is away nobody knows the names: a job waits for it, and is checked when it runs."""
        try:
            names = await names_of(pipeline, self._engine, Deadline(NAMES_SECONDS))
        except (EngineUnavailable, DeadlineExceeded):
            return
        refuse_attributes(guidance, pipeline, names)

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

    def _decode(self, request: InpaintRequest | LandmarksRequest) -> Canvas:
        return decode_canvas(request, self._limits)

    async def _guides(
        self, request: InpaintRequest, pipeline: Pipeline, names: tuple[str, ...], deadline: Deadline
    ) -> FrameGuidance:
        """What every frame of the request is given: the reference is decoded, and aligned as the picture is, once."""
        guidance, pixels = request.guidance, pipeline.frame_pixels
        if guidance.reference is None:
            return FrameGuidance(None, guidance.attributes, names)
        rgb = await self._threads.run(decode_reference, guidance.reference, self._limits)
        if request.align == "none":
            reference = FrameTransform.identity((rgb.shape[0], rgb.shape[1]), pixels).warp_image(rgb)
        else:
            reference = await self._aligner.face_of(rgb, pixels, deadline)
        return FrameGuidance(reference, guidance.attributes, names)

    async def _complete(
        self,
        pipeline: Pipeline,
        frames: Sequence[FaceFrame],
        guides: FrameGuidance,
        seeds: Sequence[SampleSeed],
        deadline: Deadline,
    ) -> list[list[Completion]]:
        """For each seed one completion of each frame. The frames go side by side."""
        guided = [guides.added_to(frame) for frame in frames]
        of_frames = await all_or_cancel([pipeline.complete(self._engine, one, seeds, deadline) for one in guided])
        return [[of_frame[place] for of_frame in of_frames] for place in range(len(seeds))]


def _mirrored(canvas: Canvas, division: Division) -> list[Canvas]:
    return [mirrored(canvas, share.target) for share in division.shares]


def _frames(canvases: Sequence[Canvas], division: Division) -> list[FaceFrame]:
    return [frame_of(canvas, share.target) for canvas, share in zip(canvases, division.shares, strict=True)]


def seed_of(request: InpaintRequest, pipeline: Pipeline) -> int:
    """The caller's seed, or a random one; 0 where chance plays no part."""
    if request.seed is not None:
        return request.seed
    return secrets.randbelow(SEEDS) if pipeline.plural else 0
