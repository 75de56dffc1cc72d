from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.importers.writing import write_helen
from training.data.faces import DataError
from training.data.frames import FrameError, frame_of_face
from training.data.importers.helen import Helen
from training.data.parsing import HELEN, IGNORE


def test_the_surest_class_wins_and_the_lists_give_the_order(tmp_path: Path) -> None:
    faces = write_helen(tmp_path, ["100_1", "20_1", "3_1"])
    source = Helen(tmp_path)
    assert source.names() == ["100_1", "20_1", "3_1"]
    parsing = source.parsing("20_1")
    assert (parsing[40:136, 120:216] == faces.parsing(1)).mean() > 0.98


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
        face = Helen(tmp_path).face(name, 128)
        assert face is not None
        assert face.picture.shape == (128, 128, 3)
        assert face.parsing.shape == (128, 128)
        eyes = np.argwhere(np.isin(face.parsing, [HELEN.index("left_eye"), HELEN.index("right_eye")])).mean(axis=0)
        mouth = np.argwhere(np.isin(face.parsing, [7, 8, 9])).mean(axis=0)
        assert eyes == pytest.approx([59, 63.5], abs=8)
        assert mouth[0] > eyes[0] + 15
        lips = face.picture[face.parsing == HELEN.index("lower_lip")].mean(axis=0)
        assert lips[0] > lips[1], "lips are red: picture and map went the same way"


def test_a_tilted_face_stands_upright_in_its_frame() -> None:
    parsing = np.zeros((200, 200), np.uint8)
    parsing[80, 120], parsing[100, 80] = HELEN.index("left_eye"), HELEN.index("right_eye")
    parsing[130, 120] = HELEN.index("upper_lip")
    matrix = frame_of_face(parsing, 11, 256)
    right, left, mouth = (matrix[:, :2] @ point + matrix[:, 2] for point in ((80, 100), (120, 80), (120, 130)))
    assert left[1] == pytest.approx(right[1], abs=1e-6)
    assert mouth[0] == pytest.approx((left[0] + right[0]) / 2, abs=1e-6)
    assert mouth[1] > left[1]
    assert 0 < right[0] < left[0] < 256


def test_a_face_without_eyes_is_left_out(tmp_path: Path) -> None:
    write_helen(tmp_path, ["1_1"])
    for label in (4, 5):
        cv2.imwrite(str(tmp_path / "labels" / "1_1" / f"1_1_lbl{label:02d}.png"), np.zeros((160, 240), np.uint8))
    assert Helen(tmp_path).face("1_1", 64) is None
    with pytest.raises(FrameError, match="no left_eye"):
        frame_of_face(Helen(tmp_path).parsing("1_1"), 11, 64)


def test_another_folder_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has none of exemplars\.txt"):
        Helen(tmp_path).names()
    write_helen(tmp_path, ["1_1"])
    (tmp_path / "labels" / "1_1" / "1_1_lbl03.png").unlink()
    with pytest.raises(DataError, match=r"1_1_lbl03\.png is missing"):
        Helen(tmp_path).face("1_1", 64)
    write_helen(tmp_path, ["1_1"])
    cv2.imwrite(str(tmp_path / "images" / "1_1.jpg"), np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(DataError, match=r"the labels have \[160, 240\], the picture \[50, 50\]"):
        Helen(tmp_path).face("1_1", 64)
