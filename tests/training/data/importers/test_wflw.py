from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import WFLW_LISTS, MiddlePoints, write_wflw
from training.data.frames import apply, frame_of_landmarks
from training.data.importers.points import OwnPoints
from training.data.importers.wflw import SUBSETS, WFLW
from training.data.landmarks import to_68
from training.data.table import DataError


def test_every_line_is_a_face_with_its_attributes(tmp_path: Path) -> None:
    drawn = write_wflw(tmp_path, 3, 2)
    source = WFLW(tmp_path)
    assert source.names() == ["train-00001", "train-00002", "train-00003", "test-00001", "test-00002"]
    assert source.columns() == list(SUBSETS)
    for index, name in enumerate(source.names()):
        (face,) = source.faces(name, 96, OwnPoints(source.own_points))
        assert (face.name, face.split) == (name, name.partition("-")[0])
        assert face.numbers == tuple(int(digit) for digit in f"{index:06b}")
        points = drawn.landmarks(index) + np.float32([10 + 110 * (index % 2), 40])
        assert np.allclose(face.landmarks, apply(frame_of_landmarks(points, 96), points), atol=0.01)
        assert face.landmarks.shape == (98, 2)


def test_68_of_the_98(tmp_path: Path) -> None:
    write_wflw(tmp_path, 1, 1)
    many, few = WFLW(tmp_path), WFLW(tmp_path, count=68)
    faces = []
    for source in (many, few):
        source.names()
        faces += source.faces("train-00001", 64, OwnPoints(source.own_points))
    assert np.array_equal(faces[0].picture, faces[1].picture)
    assert np.array_equal(to_68(faces[0].landmarks), faces[1].landmarks)


def test_other_landmarks_are_looked_for_in_the_same_frame(tmp_path: Path) -> None:
    write_wflw(tmp_path, 1, 1)
    source = WFLW(tmp_path)
    source.names()
    (face,) = source.faces("test-00001", 64, MiddlePoints())
    assert np.array_equal(face.landmarks, MiddlePoints().look(face.picture))


@pytest.mark.parametrize("missing", ["WFLW_images", WFLW_LISTS.format("train"), WFLW_LISTS.format("test")])
def test_the_first_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_wflw(tmp_path, 1, 1)
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{missing} is missing"):
        WFLW(tmp_path).names()


@pytest.mark.parametrize("line", ["", "1 2 3 a.jpg", "x " * 206 + "a.jpg", "1 " * 206])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    write_wflw(tmp_path, 1, 1)
    file = tmp_path / WFLW_LISTS.format("test")
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(DataError, match=r"test\.txt, line 2: expected 206 numbers and the path of a picture"):
        WFLW(tmp_path).names()
