from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.checks import examine_all, open_contents, refuse
from training.data.table import DataError

MAP = "parsing/0004.png"
PICTURE = "images/0004.png"


def faults_of(folder: Path) -> list[str]:
    return [fault for face in examine_all(open_contents(folder)) for fault in face.faults]


def test_nothing_is_wrong_with_drawn_faces(folder: Path) -> None:
    assert faults_of(folder) == []
    faces = list(examine_all(open_contents(folder)))
    assert [face.name for face in faces] == [f"{index:04d}" for index in range(12)]
    assert faces[4].picture == (folder / PICTURE).read_bytes()
    assert faces[4].parsing == (folder / MAP).read_bytes()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def paint(path: Path, height: int, width: int, *channels: int, value: int = 0) -> None:
    assert cv2.imwrite(str(path), np.full((height, width, *channels), value, np.uint8))


@pytest.mark.parametrize(
    ("spoil", "path", "message"),
    [
        (Path.unlink, PICTURE, "no picture of 0004 in"),
        (lambda path: path.write_bytes(b"no picture"), PICTURE, "images/0004.png cannot be decoded"),
        (lambda path: path.write_bytes(b""), PICTURE, "images/0004.png cannot be decoded"),
        (cut, PICTURE, "images/0004.png cannot be decoded"),
        (lambda path: paint(path, 64, 60, 3), PICTURE, "images/0004.png has 60 x 64 pixels; pictures must be square"),
        (lambda path: path.write_bytes(b"no picture"), MAP, "parsing/0004.png is no parsing map"),
        (cut, MAP, "parsing/0004.png is no parsing map"),
        (lambda path: paint(path, 64, 64, 3), MAP, "parsing/0004.png is no parsing map"),
        (lambda path: paint(path, 32, 32), MAP, "parsing/0004.png has [32, 32], its picture [64, 64]"),
        (lambda path: paint(path, 64, 64, value=11), MAP, "holds class 11; its folder has 11 classes"),
    ],
)
def test_broken_files_are_named(folder: Path, spoil: Callable[[Path], object], path: str, message: str) -> None:
    spoil(folder / path)
    faults = faults_of(folder)
    assert any(message in fault for fault in faults), faults
    assert all("0004" in fault for fault in faults)


def test_a_cut_jpeg_is_broken(folder: Path) -> None:
    picture = cv2.imread(str(folder / PICTURE))
    assert picture is not None
    (folder / PICTURE).unlink()
    jpeg = folder / "images" / "0004.jpg"
    assert cv2.imwrite(str(jpeg), picture)
    assert faults_of(folder) == []
    jpeg.write_bytes(jpeg.read_bytes()[:-1])
    assert faults_of(folder) == [f"{jpeg} cannot be decoded"]


def test_what_is_unknown_may_stand_in_a_map(folder: Path) -> None:
    paint(folder / MAP, 64, 64, value=255)
    assert faults_of(folder) == []


def test_faces_need_no_maps(folder: Path) -> None:
    (folder / MAP).unlink()
    assert faults_of(folder) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda points: points * np.nan, "landmarks are not finite"),
        (lambda points: points + np.inf, "landmarks are not finite"),
        (lambda points: points / 64, "they must be pixels of the picture, not shares of it"),
        (lambda points: points / 32 - 1, "they must be pixels of the picture, not shares of it"),
        (lambda points: points * 4, "pixels outside of the picture of 64"),
        (lambda points: points - 80, "pixels outside of the picture of 64"),
    ],
)
def test_wrong_landmarks_are_named(folder: Path, change: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    points = np.load(folder / "landmarks.npy")
    points[7] = change(points[7])
    np.save(folder / "landmarks.npy", points)
    faults = faults_of(folder)
    assert len(faults) == 1
    assert message in faults[0]
    assert "landmarks.npy, 0007: " in faults[0]


def test_points_a_little_outside_are_fine(folder: Path) -> None:
    points = np.load(folder / "landmarks.npy")
    points[7, 0] = (-20, 70)
    np.save(folder / "landmarks.npy", points)
    assert faults_of(folder) == []


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.zeros((3, 68, 2), np.float32), r"\[3, 68, 2\], expected \[12, 68, 2\]"),
        (np.zeros((12, 68, 2), np.complex64), "holds complex64, expected numbers"),
    ],
)
def test_landmarks_of_the_wrong_shape_are_refused(folder: Path, landmarks: np.ndarray, message: str) -> None:
    np.save(folder / "landmarks.npy", landmarks)
    with pytest.raises(DataError, match=message):
        open_contents(folder)


def test_no_array_at_all_is_refused(folder: Path) -> None:
    (folder / "landmarks.npy").write_bytes(b"1 2 3")
    with pytest.raises(DataError, match="is no array of numpy"):
        open_contents(folder)


def test_many_faults_are_counted() -> None:
    assert str(refuse(Path("here"), ["a", "b"])) == "a; b"
    assert str(refuse(Path("here"), list("abcde"))) == "a; b; c; 2 more: training.prepare check here lists them"
