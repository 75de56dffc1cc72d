from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.importers.writing import MiddlePoints, write_helen, write_pts
from training.data.drawn import DrawnFaces
from training.data.frames import FrameError
from training.data.importers.helen import Helen
from training.data.importers.points import OwnPoints
from training.data.importers.source import Unusable
from training.data.parsing import HELEN, IGNORE
from training.data.table import DataError


def test_the_surest_class_wins_and_the_lists_give_the_order(tmp_path: Path) -> None:
    faces = write_helen(tmp_path, ["100_1", "20_1", "3_1"])
    source = Helen(tmp_path)
    assert source.names() == ["100_1", "20_1", "3_1"]
    parsing = source.parsing("20_1")
    assert (parsing[40:136, 120:216] == faces.parsing(1)).mean() > 0.98


def test_the_lists_are_splits(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1", "2_1", "3_1"])
    (tmp_path / "tuning.txt").write_text("1 , 2_1\n")
    (tmp_path / "exemplars.txt").write_text("1 , 1_1\n")
    source = Helen(tmp_path)
    splits = {name: source.faces(name, 64, MiddlePoints())[0].split for name in source.names()}
    assert splits == {"1_1": "train", "2_1": "validation", "3_1": "test"}


def test_landmarks_of_300w_lie_beside_the_pictures(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1"])
    source = Helen(tmp_path)
    in_the_picture = DrawnFaces(1, 96).landmarks(0) + np.array([120, 40], np.float32)
    write_pts(tmp_path / "images" / "1_1.pts", in_the_picture)
    (face,) = source.faces("1_1", 128, OwnPoints(source.own_points))
    eyes = face.landmarks[36:48].mean(axis=0)
    assert eyes == pytest.approx([63.5, 59], abs=8)
    eye = face.parsing[tuple(np.rint(face.landmarks[36:42].mean(axis=0)).astype(int)[::-1])]
    assert eye in (HELEN.index("left_eye"), HELEN.index("right_eye")), "points and map went the same way"


def test_what_no_mask_is_sure_of_is_ignored(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1"])
    for label in range(11):
        path = tmp_path / "labels" / "1_1" / f"1_1_lbl{label:02d}.png"
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        mask[:10] = 20
        cv2.imwrite(str(path), mask)
    assert (Helen(tmp_path).parsing("1_1")[:10] == IGNORE).all()


def test_faces_are_cut_out_with_eyes_and_mouth_in_their_place(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1", "2_1"])
    for name in ("1_1", "2_1"):
        (face,) = Helen(tmp_path).faces(name, 128, MiddlePoints())
        assert face.picture.shape == (128, 128, 3)
        assert face.parsing.shape == (128, 128)
        eyes = np.argwhere(np.isin(face.parsing, [HELEN.index("left_eye"), HELEN.index("right_eye")])).mean(axis=0)
        mouth = np.argwhere(np.isin(face.parsing, [7, 8, 9])).mean(axis=0)
        assert eyes == pytest.approx([59, 63.5], abs=8)
        assert mouth[0] > eyes[0] + 15
        lips = face.picture[face.parsing == HELEN.index("lower_lip")].mean(axis=0)
        assert lips[0] > lips[1], "lips are red: picture and map went the same way"


def test_a_face_without_eyes_is_left_out(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1"])
    for label in (4, 5):
        cv2.imwrite(str(tmp_path / "labels" / "1_1" / f"1_1_lbl{label:02d}.png"), np.zeros((160, 240), np.uint8))
    with pytest.raises(FrameError, match="no left_eye"):
        Helen(tmp_path).faces("1_1", 64, MiddlePoints())


def test_another_folder_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has none of exemplars\.txt"):
        Helen(tmp_path).names()
    write_helen(tmp_path, ["1_1"])
    (tmp_path / "labels" / "1_1" / "1_1_lbl03.png").unlink()
    with pytest.raises(Unusable, match=r"missing mask: .*1_1_lbl03\.png"):
        Helen(tmp_path).faces("1_1", 64, MiddlePoints())
    write_helen(tmp_path, ["1_1"])
    cv2.imwrite(str(tmp_path / "images" / "1_1.jpg"), np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(Unusable, match=r"the labels have \[160, 240\], the picture \[50, 50\]"):
        Helen(tmp_path).faces("1_1", 64, MiddlePoints())
