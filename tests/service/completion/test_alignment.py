from __future__ import annotations

import asyncio

import numpy as np
import pytest

from service.completion.alignment import AlignedFace, Aligner, all_or_cancel, distinct, mirrored, moved, plausible
from service.deadline import Deadline
from service.errors import EngineUnavailable
from service.imaging.faces import FaceBox
from service.imaging.geometry import FrameTransform
from service.threads import ImagingThreads
from tests.fakes.engine import FakeEngine, mean_shape
from tests.fakes.pictures import scene

RGB = scene(600, 900)
NO_HOLE = np.zeros((600, 900), np.uint8)
BOXES = [FaceBox(100, 100, 250, 250, 0.5), FaceBox(500, 200, 700, 400, 0.9)]


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (points - 128) @ matrix.T + 128


def aligner(engine: FakeEngine, max_faces: int = 8) -> Aligner:
    return Aligner(engine, ImagingThreads(1), max_faces)


@pytest.mark.parametrize("degrees", [0, 30, -45, 90, 180])
def test_a_face_is_plausible_at_any_turn_and_its_mirror_image_never(degrees: float) -> None:
    face = turned(mean_shape(), degrees) * 0.7 + 38
    assert plausible(face, 256)
    assert not mirrored(face)
    swapped = turned(mean_shape() * [-1, 1] + [256, 0], degrees) * 0.7 + 38
    assert mirrored(swapped)
    assert not plausible(swapped, 256)


def test_points_in_a_heap_or_outside_the_frame_are_no_face() -> None:
    assert not plausible(mean_shape() * 0.1 + 100, 256)
    assert not plausible(mean_shape() + 120, 256)


async def test_boxes_become_aligned_faces_with_one_call_each_the_surest_first() -> None:
    engine = FakeEngine()
    faces = await aligner(engine).align(RGB, NO_HOLE, BOXES, Deadline(5), touching=False)
    assert engine.calls == {"lafin_predictor": 2}
    assert [face.box[0] for face in faces] == [500, 100]
    for face in faces:
        assert np.allclose(face.transform.to_frame(face.landmarks)[[36, 45]].mean(axis=0), [128, 121], atol=3)
        x0, y0, x1, y1 = face.box
        assert ((face.landmarks.mean(axis=0) > (x0, y0)) & (face.landmarks.mean(axis=0) < (x1, y1))).all()


async def test_no_more_faces_than_allowed() -> None:
    engine = FakeEngine()
    faces = await aligner(engine, 1).align(RGB, NO_HOLE, BOXES, Deadline(5), touching=False)
    assert [face.box[0] for face in faces] == [500]


async def test_a_face_far_from_the_hole_costs_nothing() -> None:
    engine, hole = FakeEngine(), NO_HOLE.copy()
    hole[150:200, 150:200] = 1
    faces = await aligner(engine).align(RGB, hole, BOXES, Deadline(5), touching=True)
    assert [face.box[0] for face in faces] == [100]
    assert engine.calls == {"lafin_predictor": 1}


@pytest.mark.parametrize("shape", [mean_shape() * 0.05, mean_shape() * [-1, 1] + [256, 0], np.zeros((68, 2))])
async def test_a_detection_without_a_face_in_it_is_dropped(shape: np.ndarray) -> None:
    engine = FakeEngine()
    engine.landmarks = shape
    assert await aligner(engine).align(RGB, NO_HOLE, BOXES, Deadline(5), touching=False) == []


async def test_two_detections_of_one_face_are_one() -> None:
    boxes = [FaceBox(500, 200, 700, 400, 0.9), FaceBox(510, 205, 715, 410, 0.8)]
    faces = await aligner(FakeEngine()).align(RGB, NO_HOLE, boxes, Deadline(5), touching=False)
    assert [face.box[0] for face in faces] == [500]


def test_faces_side_by_side_are_two() -> None:
    faces = [
        AlignedFace(
            (0, 0, 1, 1), mean_shape() + np.array((200 * index, 0)), FrameTransform.from_landmarks(mean_shape()), False
        )
        for index in range(2)
    ]
    assert distinct(faces) == faces


async def test_an_error_of_one_call_cancels_the_others() -> None:
    canceled = []

    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            canceled.append(True)
            raise

    async def failing() -> None:
        await asyncio.sleep(0.01)
        raise EngineUnavailable

    with pytest.raises(EngineUnavailable):
        await all_or_cancel([slow(), failing(), slow()])
    assert canceled == [True, True]


@pytest.mark.parametrize(("degrees", "again"), [(0, False), (30, True), (-60, True)])
async def test_landmarks_from_a_frame_far_from_the_aligned_one_get_a_second_look(degrees: float, again: bool) -> None:
    engine = FakeEngine()
    engine.landmarks = turned(mean_shape(), degrees)
    (face,) = await aligner(engine, 1).align(RGB, NO_HOLE, BOXES, Deadline(5), touching=False)
    assert face.needs_second_look == again


async def test_landmarks_of_a_mostly_hidden_face_get_a_second_look() -> None:
    hole = NO_HOLE.copy()
    hole[180:420, 480:720] = 1
    (face,) = await aligner(FakeEngine(), 1).align(RGB, hole, BOXES, Deadline(5), touching=True)
    assert face.needs_second_look


def test_how_far_a_frame_moved() -> None:
    first = FrameTransform.identity((256, 256))
    assert moved(first, first) == 0
    shifted = FrameTransform(first.matrix - np.array([[0, 0, 64], [0, 0, 0]]))
    assert moved(first, shifted) == pytest.approx(0.25)
