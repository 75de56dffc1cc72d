"""From a picture to aligned faces: finder's box > first frame > landmarks > the frame that the networks know."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from service.completion.finding import Finder
from service.completion.pipelines.protocol import FaceFrame, as_tensors
from service.deadline import Deadline
from service.engine import Engine
from service.errors import BadLandmarks, NoFaceInReference
from service.imaging.arrays import Hole, Points, Rgb
from service.imaging.faces import FaceBox
from service.imaging.geometry import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE, FrameTransform
from service.threads import ImagingThreads

PREDICTOR = "lafin_predictor"
LEAST_EYE_DISTANCE = 0.05  # of the frame's side; even a face in profile has more
MOST_OUTSIDE = 0.25  # share of landmarks that may lie outside the first frame

# A second look, in the aligned frame, betters the landmarks only where the first frame lay far from it or showed
# little. On validation faces under 40-60 % holes it takes the error from 9.7 to 7.7 % of the eye distance; under
# smaller holes, in frames that moved less than this, it changes less than 0.2 %.
MOST_MOVED = 0.15  # of the frame's side, any corner
MOST_HIDDEN = 0.4  # of the first frame

T = TypeVar("T")


@dataclass(frozen=True)
class AlignedFace:
    """A face on the canvas: where it is, its landmarks [68,2] in canvas pixels, and its frame."""

    box: tuple[float, float, float, float]
    landmarks: Points
    transform: FrameTransform
    needs_second_look: bool
    score: float = 1.0  # of the finder, 0..1; infinite where the caller says that there is a face


class Aligner:
    """Finds and aligns faces, with one call of the predictor each. The pipeline, or `predict`, may call it again."""

    def __init__(self, engine: Engine, threads: ImagingThreads, max_faces: int) -> None:
        self._engine = engine
        self._threads = threads
        self._max_faces = max_faces
        self._finder = Finder(engine, threads)

    async def faces(self, rgb: Rgb, hole: Hole, deadline: Deadline, *, touching: bool) -> list[AlignedFace]:
        """The faces of a picture, the surest first. `touching` leaves out those far from every hole pixel."""
        boxes = await self._finder.find(rgb, hole, deadline)
        deadline.check()
        return await self.align(rgb, hole, boxes, deadline, touching=touching)

    async def align(
        self, rgb: Rgb, hole: Hole, boxes: Sequence[FaceBox], deadline: Deadline, *, touching: bool
    ) -> list[AlignedFace]:
        """The faces in a finder's boxes; boxes that hold no face, or one that another box holds, are left out."""
        frames = await self._threads.run(_first_frames, rgb, hole, boxes, touching, self._max_faces)
        deadline.check()
        aligned = await all_or_cancel([self._align_one(*found, deadline) for found in frames])
        return distinct([face for face in aligned if face is not None])

    async def face_of(self, rgb: Rgb, frame_pixels: int, deadline: Deadline) -> Rgb:
        """The aligned frame [F,F,3] of a picture's most certain face. Raises NoFaceInReference."""
        hole = np.zeros(rgb.shape[:2], np.uint8)
        faces = await self.faces(rgb, hole, deadline, touching=False)
        if not faces:
            errors = [{"field": "reference", "actual": "no face was found"}]
            raise NoFaceInReference("There is no face to be found in the reference.", errors=errors)
        transform = FrameTransform.from_landmarks(faces[0].landmarks, frame_pixels)
        return (await self._threads.run(cut, rgb, hole, transform)).image

    async def predict(self, rgb: Rgb, hole: Hole, transform: FrameTransform, deadline: Deadline) -> Points:
        """Landmarks [68,2] in canvas pixels, as seen in the frame of `transform`."""
        frame = await self._threads.run(cut, rgb, hole, transform)
        return transform.to_canvas(await self._predict(frame, deadline))

    async def _align_one(
        self, box: FaceBox, transform: FrameTransform, frame: FaceFrame, deadline: Deadline
    ) -> AlignedFace | None:
        landmarks = await self._predict(frame, deadline)
        if not plausible(landmarks, transform.frame_pixels):
            return None
        on_canvas = transform.to_canvas(landmarks)
        try:
            aligned = FrameTransform.from_landmarks(on_canvas)
        except BadLandmarks:  # the predictor's, not the caller's: the find was no face
            return None
        again = bool(frame.hole.mean() > MOST_HIDDEN or moved(transform, aligned) > MOST_MOVED)
        return AlignedFace((box.x0, box.y0, box.x1, box.y1), on_canvas, aligned, again, box.score)

    async def _predict(self, frame: FaceFrame, deadline: Deadline) -> Points:
        outputs = await self._engine.infer(PREDICTOR, as_tensors(frame), deadline=deadline)
        landmarks: Points = outputs["landmarks"][0].astype(np.float64)
        return landmarks


def cut(rgb: Rgb, hole: Hole, transform: FrameTransform) -> FaceFrame:
    """The face frame of a canvas, without landmarks."""
    return FaceFrame(transform.warp_image(rgb), transform.warp_hole(hole))


def moved(first: FrameTransform, second: FrameTransform) -> float:
    """How far the corner that moved most is from its place in the first frame, in sides of the frame."""
    end = first.frame_pixels - 1
    corners = np.array([[0, 0], [end, 0], [0, end], [end, end]], dtype=np.float64)
    shifts = first.to_frame(second.to_canvas(corners)) - corners
    return float(np.hypot(*shifts.T).max() / first.frame_pixels)


def plausible(landmarks: Points, frame_pixels: int) -> bool:
    """Whether landmarks in frame pixels can be a face: eyes apart, mostly inside, left and right not swapped."""
    outside = ((landmarks < 0) | (landmarks > frame_pixels - 1)).any(axis=1).mean()
    across = landmarks[RIGHT_EYE].mean(axis=0) - landmarks[LEFT_EYE].mean(axis=0)
    eyes_apart = float(np.hypot(*across)) >= LEAST_EYE_DISTANCE * frame_pixels
    return bool(eyes_apart and outside <= MOST_OUTSIDE and not mirrored(landmarks))


def mirrored(landmarks: Points) -> bool:
    """Whether the mouth lies on the wrong side of the line from the left eye to the right one, at any turn."""
    left, right = landmarks[LEFT_EYE].mean(axis=0), landmarks[RIGHT_EYE].mean(axis=0)
    across, down = right - left, landmarks[MOUTH_CORNERS].mean(axis=0) - (left + right) / 2
    return bool(across[0] * down[1] - across[1] * down[0] <= 0)


def distinct(faces: Sequence[AlignedFace]) -> list[AlignedFace]:
    """Without later faces that lie on an earlier one: two finds may be drawn to the same face."""
    kept: list[AlignedFace] = []
    for face in faces:
        if not any(same_place(face.landmarks, other.landmarks) for other in kept):
            kept.append(face)
    return kept


def same_place(one: Points, other: Points) -> bool:
    """Whether the middles of two faces are nearer than the larger one's eyes are apart."""
    apart = max(float(np.hypot(*(p[RIGHT_EYE].mean(axis=0) - p[LEFT_EYE].mean(axis=0)))) for p in (one, other))
    return float(np.hypot(*(one.mean(axis=0) - other.mean(axis=0)))) < apart


async def all_or_cancel(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run calls side by side; when one fails, cancel the others and raise its error."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _first_frames(
    rgb: Rgb, hole: Hole, boxes: Sequence[FaceBox], touching: bool, max_faces: int
) -> list[tuple[FaceBox, FrameTransform, FaceFrame]]:
    found: list[tuple[FaceBox, FrameTransform, FaceFrame]] = []
    for box in sorted(boxes, key=lambda box: -box.score):
        transform = FrameTransform.from_box(box)
        frame = cut(rgb, hole, transform)
        if frame.hole.any() or not touching:
            found.append((box, transform, frame))
        if len(found) == max_faces:
            break
    return found
