import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, save
from tests.training.data.test_finding import PHOTOGRAPH
from training.data.frames import apply, frame_of_landmarks
from training.data.importers.photographs import Photographs
from training.data.importers.points import OwnPoints
from training.data.importers.source import Unusable
from training.data.landmarks import LEFT_EYE, RIGHT_EYE
from training.data.table import DataError


def test_names_are_paths_in_order(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "in/deep/c.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert Photographs(tmp_path).names() == ["a.jpg", "b.PNG", "in/deep/c.webp"]


def test_what_cannot_be_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        Photographs(tmp_path / "absent").names()
    with pytest.raises(DataError, match="holds no pictures"):
        Photographs(tmp_path).names()
    for name in ("a_b.jpg", "a/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"a/b\.png and a_b\.jpg would both be called a_b"):
        Photographs(tmp_path).names()


def test_a_face_is_found_and_aligned(tmp_path: Path) -> None:
    shutil.copy(PHOTOGRAPH, tmp_path / "one.jpg")
    (face,) = Photographs(tmp_path).faces("one.jpg", 256, MiddlePoints())
    assert face.name == "one"
    assert face.picture.shape == (256, 256, 3)
    eyes = face.landmarks[list(LEFT_EYE + RIGHT_EYE)].mean(axis=0)
    assert eyes == pytest.approx([127.5, 118], abs=12)
    expected = apply(frame_of_landmarks(face.landmarks, 256), face.landmarks)
    assert np.allclose(expected, face.landmarks, atol=0.5), "the frame is already the one of its landmarks"


def test_every_face_of_a_photograph_gets_a_name(tmp_path: Path) -> None:
    picture = cv2.imread(str(PHOTOGRAPH))
    assert picture is not None
    save(tmp_path / "two.png", np.concatenate((picture, picture), axis=1))
    faces = Photographs(tmp_path).faces("two.png", 64, MiddlePoints())
    assert [face.name for face in faces] == ["two", "two-2"]


def test_a_face_whose_landmarks_are_known_is_not_looked_for(tmp_path: Path) -> None:
    """The picture is grey: nothing could be found in it."""
    points = MiddlePoints().look(np.zeros((200, 200, 3), np.uint8)) + np.array([50, 20], np.float32)
    save(tmp_path / "one.png", np.full((300, 300, 3), 90, np.uint8))

    class Known(MiddlePoints):
        def known(self, name: str) -> np.ndarray:
            return points

    (face,) = Photographs(tmp_path).faces("one.png", 128, Known())
    assert np.allclose(face.landmarks, apply(frame_of_landmarks(points, 128), points))


def test_a_picture_without_a_face_is_left_out(tmp_path: Path) -> None:
    save(tmp_path / "one.png", np.full((300, 300, 3), 90, np.uint8))
    source = Photographs(tmp_path, smallest_pixels=50)
    with pytest.raises(Unusable, match="no face of 50 pixels or more"):
        source.faces("one.png", 64, MiddlePoints())
    with pytest.raises(Unusable, match="no landmarks of its own"):
        source.faces("one.png", 64, OwnPoints(source.own_points))


class FirstOnly(MiddlePoints):
    """Finds a face in the first frame that it sees, and none in others."""

    def __init__(self) -> None:
        self.seen = 0

    def look(self, frame: np.ndarray) -> np.ndarray:
        self.seen += 1
        if self.seen > 1:
            raise Unusable("no face")
        return super().look(frame)


def test_what_is_no_face_does_not_take_the_others_along(tmp_path: Path) -> None:
    picture = cv2.imread(str(PHOTOGRAPH))
    assert picture is not None
    save(tmp_path / "two.png", np.concatenate((picture, picture), axis=1))
    points = FirstOnly()
    assert [face.name for face in Photographs(tmp_path).faces("two.png", 64, points)] == ["two"]
    assert points.seen == 2
    with pytest.raises(Unusable, match="no face"):
        Photographs(tmp_path).faces("two.png", 64, points)
