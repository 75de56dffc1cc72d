import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, write_ffhq
from training.data.importers.ffhq import FFHQ
from training.data.importers.points import OwnPoints
from training.data.importers.source import Unusable
from training.data.table import DataError


def test_pictures_and_their_own_landmarks_at_any_size(tmp_path: Path) -> None:
    faces = write_ffhq(tmp_path, [0, 1])
    source = FFHQ(tmp_path)
    assert source.names() == ["00000", "00001"]
    points = OwnPoints(source.own_points)
    for index, name in enumerate(source.names()):
        (face,) = source.faces(name, 128, points)
        assert face.name == name
        assert np.array_equal(face.picture, faces.image(index))
        assert np.allclose(face.landmarks, faces.landmarks(index), atol=0.01)
        (half,) = source.faces(name, 64, points)
        assert np.allclose(half.landmarks, (faces.landmarks(index) + 0.5) / 2 - 0.5, atol=0.01)
    assert source.lists() == [tmp_path / "ffhq-dataset-v2.json"]


def test_large_pictures_come_before_thumbnails(tmp_path: Path) -> None:
    write_ffhq(tmp_path, [0])
    (tmp_path / "thumbnails128x128").rename(tmp_path / "images1024x1024")
    source = FFHQ(tmp_path)
    source.names()
    assert source.own_points("00000")[0, 0] == pytest.approx(
        json.loads((tmp_path / "ffhq-dataset-v2.json").read_text())["0"]["image"]["face_landmarks"][0][0]
    )


def test_a_number_without_a_picture_is_known_to_be_missing(tmp_path: Path) -> None:
    write_ffhq(tmp_path, [0, 1003], listed=False)
    source = FFHQ(tmp_path)
    assert len(source.names()) == 1004
    with pytest.raises(Unusable, match=r"missing picture: .*thumbnails128x128/00000/00007\.png"):
        source.faces("00007", 64, MiddlePoints())
    with pytest.raises(Unusable, match="no landmarks of its own"):
        source.own_points("01003")
    assert source.lists() == []


def test_another_folder_and_another_list_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="images1024x1024 is missing"):
        FFHQ(tmp_path).names()
    (tmp_path / "images1024x1024").mkdir()
    with pytest.raises(DataError, match=r"images1024x1024/00000/00000\.png is missing"):
        FFHQ(tmp_path).names()
    write_ffhq(tmp_path / "other", [0])
    (tmp_path / "other" / "ffhq-dataset-v2.json").write_text('{"0": {}}')
    with pytest.raises(DataError, match=r"ffhq-dataset-v2\.json is not FFHQ's list: KeyError 'image'"):
        FFHQ(tmp_path / "other").names()
    (tmp_path / "other" / "ffhq-dataset-v2.json").write_text('{"0": {"image": {"face_landmarks": [[1, 2]]}}}')
    with pytest.raises(Unusable, match="not 68 points"):
        FFHQ(tmp_path / "other").own_points("00000")
