"""Drawn faces: deterministic, exact, and readable as a prepared folder."""

import cv2
import numpy as np
import pytest

from training.data import landmarks as order
from training.data.drawn import DrawnFaces, write_folder
from training.data.drawn_paint import HAIR, INNER_MOUTH, LEFT_EYE, RIGHT_EYE, SKIN, draw_face
from training.data.faces import FaceFolder


def test_same_seed_draws_the_same_face():
    first, second = draw_face((3, 1), 64), draw_face((3, 1), 64)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.landmarks, second.landmarks)
    assert np.array_equal(first.parsing, second.parsing)


def test_other_seed_draws_another_face():
    assert not np.array_equal(draw_face((3, 1), 64).image, draw_face((3, 2), 64).image)


def test_landmarks_scale_with_the_size():
    small, large = draw_face(5, 64), draw_face(5, 128)
    assert np.allclose((small.landmarks + 0.5) * 2, large.landmarks + 0.5, atol=1e-3)


def test_arrays_have_the_documented_shapes():
    face = draw_face(0, 96)
    assert (face.image.shape, face.image.dtype) == ((96, 96, 3), np.uint8)
    assert (face.landmarks.shape, face.landmarks.dtype) == ((68, 2), np.float32)
    assert (face.parsing.shape, face.parsing.dtype) == ((96, 96), np.uint8)
    assert {SKIN, HAIR, LEFT_EYE, RIGHT_EYE} <= set(np.unique(face.parsing)) <= set(range(11))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("group", "parsing"), [(order.LEFT_EYE, RIGHT_EYE), (order.RIGHT_EYE, LEFT_EYE)])
def test_eye_landmarks_outline_the_eye_of_the_subjects_side(seed: int, group: tuple[int, ...], parsing: int):
    face = draw_face(seed, 256)
    rows, columns = np.nonzero(face.parsing == parsing)
    points = face.landmarks[list(group)]
    assert np.abs(points.min(0) - [columns.min(), rows.min()]).max() < 2.5
    assert np.abs(points.max(0) - [columns.max(), rows.max()]).max() < 2.5


@pytest.mark.parametrize("seed", range(6))
def test_jaw_landmarks_lie_on_the_edge_of_the_skin(seed: int):
    face = draw_face(seed, 256)
    skin = ((face.parsing >= SKIN) & (face.parsing < HAIR)).astype(np.uint8)
    outline = max(cv2.findContours(skin, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    distances = [abs(cv2.pointPolygonTest(outline, tuple(map(float, p)), True)) for p in face.landmarks[2:15]]
    assert max(distances) < 1.5


def test_open_and_closed_mouths_both_occur():
    opened = [bool((draw_face(seed, 64).parsing == INNER_MOUTH).any()) for seed in range(12)]
    assert 0 < sum(opened) < 12


def test_set_of_faces_keeps_what_it_drew():
    faces = DrawnFaces(3, 64, seed=7)
    assert len(faces) == 3
    assert faces.image(2) is faces.image(2)
    assert np.array_equal(faces.image(2), draw_face((7, 2), 64).image)
    with pytest.raises(IndexError):
        faces.image(3)


def test_written_folder_is_a_prepared_folder(tmp_path):
    write_folder(tmp_path, count=3, size=64, seed=7)
    folder, faces = FaceFolder(tmp_path), DrawnFaces(3, 64, seed=7)
    assert len(folder) == 3
    for index in range(3):
        assert np.array_equal(folder.image(index), faces.image(index))
        assert np.array_equal(folder.landmarks(index), faces.landmarks(index))
        assert np.array_equal(folder.parsing(index), faces.parsing(index))
