"""The faces that a request is about: described by the caller or found, and what the answer says of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from service.completion.alignment import AlignedFace, Aligner, mirrored, same_place
from service.completion.canvas import Canvas
from service.completion.guidance import Guidance
from service.completion.messages import FaceFound, InpaintRequest, RegionFilled
from service.completion.pipelines.protocol import Completion
from service.completion.plan import reaches_beyond
from service.completion.shares import Box, Division, Target
from service.deadline import Deadline
from service.errors import BadLandmarks
from service.imaging.arrays import Points, Size
from service.imaging.faces import FaceBox
from service.imaging.geometry import FrameTransform
from service.imaging.holes import Region
from service.threads import ImagingThreads

SURE = math.inf  # the score of a box that the caller gives


async def face_targets(
    request: InpaintRequest,
    frame_pixels: int,
    canvas: Canvas,
    aligner: Aligner,
    threads: ImagingThreads,
    deadline: Deadline,
) -> list[Target]:
    """The frames to fill first: the caller's own face, and the faces that are found on the rest of the hole."""
    guidance = request.guidance
    given = [given_target(landmarks, canvas.size, frame_pixels) for landmarks in guidance.landmarks]
    if request.align == "none":
        height, width = canvas.size
        whole = (0.0, 0.0, float(width), float(height))
        landmarks = guidance.landmarks[0] if guidance.landmarks else None
        return [Target(FrameTransform.identity(canvas.size, frame_pixels), whole, landmarks, fills_frame=True)]
    if given and not await threads.run(reaches_beyond, canvas.hole, [face.transform for face in given]):
        return given
    found = await _faces_at_hole(guidance, canvas, aligner, deadline)
    return given + [found_target(face, frame_pixels) for face in found if not is_given(face, guidance.landmarks)]


async def _faces_at_hole(guidance: Guidance, canvas: Canvas, aligner: Aligner, deadline: Deadline) -> list[AlignedFace]:
    """Where the caller says that they are, else those that are found."""
    if not guidance.faces:
        return await aligner.faces(canvas.rgb, canvas.hole, deadline, touching=True)
    boxes = [FaceBox(*face.box, SURE, face.roll_degrees) for face in guidance.faces]
    return await aligner.align(canvas.rgb, canvas.hole, boxes, deadline, touching=True)


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
