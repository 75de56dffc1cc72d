from pathlib import Path

import numpy as np
import pytest

from tests.training.data.importers.writing import CELEBA_POINTS, MiddlePoints, write_celeba
from training.data.importers.celeba import CelebA
from training.data.importers.source import ImportedFace, Unusable
from training.data.table import DataError


def face_of(folder: Path, name: str, pixels: int, frame: str = "crop") -> ImportedFace:
    source = CelebA(folder, frame)
    assert name in source.names()
    (face,) = source.faces(name, pixels, MiddlePoints())
    assert len(face.numbers) == len(source.columns())
    return face


def numbers_of(folder: Path, name: str, pixels: int, frame: str = "crop") -> dict[str, float]:
    source = CelebA(folder, frame)
    source.names()
    return dict(zip(source.columns(), source.faces(name, pixels, MiddlePoints())[0].numbers, strict=True))


def test_splits_attributes_and_the_middle_square(tmp_path: Path) -> None:
    write_celeba(tmp_path, [0, 0, 1, 2])
    assert CelebA(tmp_path).names() == [f"{number:06d}.jpg" for number in (1, 2, 3, 4)]
    faces = [face_of(tmp_path, f"{number:06d}.jpg", 178) for number in (1, 2, 3, 4)]
    assert [face.split for face in faces] == ["train", "train", "validation", "test"]
    assert [face.name for face in faces] == ["000001", "000002", "000003", "000004"]
    assert faces[2].picture.shape == (178, 178, 3)
    assert np.abs(faces[2].picture.astype(int) - 142).max() <= 1, "rows 20 to 197, nothing of the darker border"
    numbers = numbers_of(tmp_path, "000002.jpg", 178)
    assert (numbers["5_o_Clock_Shadow"], numbers["Arched_Eyebrows"], numbers["Smiling"]) == (-1, 1, 1)
    assert numbers_of(tmp_path, "000001.jpg", 178)["Smiling"] == -1


def test_the_five_points_follow_the_picture(tmp_path: Path) -> None:
    write_celeba(tmp_path, [0])
    numbers = numbers_of(tmp_path, "000001.jpg", 178)
    assert (numbers["lefteye_x"], numbers["lefteye_y"]) == (CELEBA_POINTS[0][0], CELEBA_POINTS[0][1] - 20)
    half = numbers_of(tmp_path, "000001.jpg", 89)
    assert half["nose_x"] == pytest.approx((77.5 / 2) - 0.5, abs=0.01)


def test_the_frame_of_ffhq_is_laid_by_the_five_points(tmp_path: Path) -> None:
    write_celeba(tmp_path, [0])
    numbers = numbers_of(tmp_path, "000001.jpg", 256, "ffhq")
    assert numbers["lefteye_y"] == pytest.approx(numbers["righteye_y"], abs=6), "upright"
    assert (numbers["lefteye_x"] + numbers["righteye_x"]) / 2 == pytest.approx(127.5, abs=8)
    assert numbers["righteye_x"] - numbers["lefteye_x"] == pytest.approx(256 / 4, abs=3), "by the eyes' distance"


@pytest.mark.parametrize(
    "missing",
    ["img_align_celeba", "list_eval_partition.txt", "list_attr_celeba.txt", "list_landmarks_align_celeba.txt"],
)
def test_the_first_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    write_celeba(tmp_path, [0])
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=f"{missing} is missing"):
        CelebA(tmp_path).names()


@pytest.mark.parametrize(
    ("file", "line", "text", "message"),
    [
        ("list_eval_partition.txt", 1, "000002.jpg 3", "line 2: '000002.jpg 3' is not a picture and 0, 1 or 2"),
        ("list_attr_celeba.txt", 0, "7", "the first line must be the number of pictures, which is 2"),
        ("list_attr_celeba.txt", 3, "000002.jpg 1 1", "line 4: expected a picture and 3 numbers"),
        ("list_attr_celeba.txt", 3, "000002.jpg 1 1 x", "line 4: expected a picture and 3 numbers"),
        ("list_landmarks_align_celeba.txt", 1, "left right", "the columns must be lefteye_x lefteye_y"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, file: str, line: int, text: str, message: str) -> None:
    write_celeba(tmp_path, [0, 1])
    lines = (tmp_path / file).read_text().splitlines()
    lines[line] = text
    if text == "left right":
        lines[2:] = ["000001.jpg 1 2", "000002.jpg 1 2"]
    (tmp_path / file).write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as caught:
        CelebA(tmp_path).names()
    assert file in str(caught.value)
    assert message in str(caught.value)


def test_pictures_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    write_celeba(tmp_path, [0, 0])
    source = CelebA(tmp_path)
    source.names()
    (tmp_path / "img_align_celeba" / "000001.jpg").write_bytes(b"no picture")
    with pytest.raises(Unusable, match=r"broken one: .*000001\.jpg"):
        source.faces("000001.jpg", 64, MiddlePoints())
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000009.jpg 0\n")
    assert source.names() == ["000001.jpg", "000009.jpg"]
    with pytest.raises(Unusable, match=r"in the list of splits alone: 000009\.jpg"):
        source.faces("000009.jpg", 64, MiddlePoints())
