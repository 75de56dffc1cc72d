from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import ONE_OF_EACH, MiddlePoints, write_300w
from training.data.frames import apply, frame_of_landmarks
from training.data.importers.points import OwnPoints
from training.data.importers.source import Unusable
from training.data.importers.three_hundred_w import ThreeHundredW
from training.data.table import DataError


def test_splits_and_subsets_are_those_of_the_folders(tmp_path: Path) -> None:
    write_300w(tmp_path, ONE_OF_EACH)
    source = ThreeHundredW(tmp_path)
    assert sorted(source.names()) == sorted(ONE_OF_EACH)
    assert source.columns() == ["common", "challenging", "full"]
    faces = {name: source.faces(name, 64, OwnPoints(source.own_points))[0] for name in source.names()}
    assert {face.name for face in faces.values()} >= {"afw_1_1", "helen_trainset_2_1", "ibug_i_1"}
    training = [name for name in faces if faces[name].split == "train"]
    assert sorted(training) == ["afw/1_1", "helen/trainset/2_1", "lfpw/trainset/im_1"]
    assert [faces[name].numbers for name in training] == [(0, 0, 0)] * 3
    assert faces["helen/testset/3_1"].numbers == faces["lfpw/testset/im_2"].numbers == (1, 0, 1)
    assert (faces["ibug/i_1"].split, faces["ibug/i_1"].numbers) == ("test", (0, 1, 1))


def test_the_face_of_the_landmarks_is_cut_out(tmp_path: Path) -> None:
    drawn = write_300w(tmp_path, ONE_OF_EACH)
    source = ThreeHundredW(tmp_path)
    in_the_picture = drawn.landmarks(1) + np.float32([120, 40])
    expected = apply(frame_of_landmarks(in_the_picture, 128), in_the_picture)
    (face,) = source.faces("helen/trainset/2_1", 128, OwnPoints(source.own_points))
    assert np.allclose(face.landmarks, expected, atol=0.01)
    (other,) = source.faces("helen/trainset/2_1", 128, MiddlePoints())
    assert np.array_equal(other.picture, face.picture)
    assert np.array_equal(other.landmarks, MiddlePoints().look(face.picture))


def test_the_first_missing_folder_is_named(tmp_path: Path) -> None:
    write_300w(tmp_path, ONE_OF_EACH)
    (tmp_path / "ibug").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="ibug is missing: name the folder with the unpacked archives of 300W"):
        ThreeHundredW(tmp_path).names()
    (tmp_path / "ibug").mkdir()
    with pytest.raises(DataError, match=r"ibug holds no \.pts file"):
        ThreeHundredW(tmp_path).names()


def test_a_missing_picture_is_left_out(tmp_path: Path) -> None:
    write_300w(tmp_path, ONE_OF_EACH)
    (tmp_path / "afw" / "1_1.jpg").unlink()
    source = ThreeHundredW(tmp_path)
    with pytest.raises(Unusable, match=r"missing picture: .*afw/1_1\.jpg"):
        source.faces("afw/1_1", 64, MiddlePoints())
