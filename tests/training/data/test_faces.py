from pathlib import Path

import cv2
import numpy as np
import pytest

from training.data.drawn import write_folder
from training.data.faces import DataError, FaceFolder, open_split
from training.data.parsing import CLASS_SETS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faces")
    write_folder(path, 12, 64, seed=1)
    return path


def test_a_prepared_folder_is_read(folder: Path) -> None:
    faces = FaceFolder(folder)
    assert len(faces) == 12
    assert faces.image(0).shape == (64, 64, 3)
    assert faces.landmarks(0).shape == (68, 2)
    parsing = faces.parsing(0)
    assert parsing is not None
    assert parsing.shape == (64, 64)
    assert np.array_equal(FaceFolder(folder, cache=False).image(3), faces.image(3))


def test_splits_share_no_face(folder: Path) -> None:
    train, validation = open_split(folder, "train"), open_split(folder, "validation")
    assert len(train) + len(validation) == len(open_split(folder, "all"))
    assert not {train.name(i) for i in range(len(train))} & {validation.name(i) for i in range(len(validation))}


def test_variants_are_never_validation_faces(folder: Path, tmp_path: Path) -> None:
    rows = (folder / "faces.csv").read_text().splitlines()
    names = [row.split(",")[0] for row in rows[1:]]
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "faces.csv").unlink()
    (tmp_path / "faces.csv").write_text("name\n" + "\n".join([*names[:-2], "v1-a", "v2-a"]) + "\n")
    validation = open_split(tmp_path, "validation")
    assert [validation.name(i) for i in range(len(validation))] == [names[-3]]


@pytest.mark.parametrize("missing", ["faces.csv", "landmarks.npy"])
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, missing: str) -> None:
    for path in folder.iterdir():
        if path.name != missing:
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(DataError, match=missing):
        open_split(tmp_path, "train")


def test_landmarks_of_the_wrong_shape_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text((folder / "faces.csv").read_text())
    np.save(tmp_path / "landmarks.npy", np.zeros((3, 68, 2), np.float32))
    with pytest.raises(DataError, match=r"\[3, 68, 2\], expected \[12, 68, 2\]"):
        FaceFolder(tmp_path)


def test_a_missing_and_a_broken_picture_are_named(folder: Path, tmp_path: Path) -> None:
    for name in ("faces.csv", "landmarks.npy"):
        (tmp_path / name).symlink_to(folder / name)
    (tmp_path / "images").mkdir()
    faces = FaceFolder(tmp_path)
    with pytest.raises(DataError, match="no picture of"):
        faces.image(0)
    (tmp_path / "images" / f"{faces.name(0)}.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be decoded"):
        faces.image(0)


def copy_without(folder: Path, target: Path, name: str) -> Path:
    for path in folder.iterdir():
        if path.name != name:
            (target / path.name).symlink_to(path)
    (target / name).mkdir()
    return target / name


def test_a_folder_without_a_list_of_classes_has_helens_eleven(folder: Path) -> None:
    assert FaceFolder(folder).parsing_classes == 11


@pytest.mark.parametrize("classes", [19, 14, 11])
def test_the_list_of_classes_says_which_set_it_is(folder: Path, tmp_path: Path, classes: int) -> None:
    parsing = copy_without(folder, tmp_path, "parsing")
    (parsing / "classes.txt").write_text("\n".join(CLASS_SETS[classes]) + "\n")
    assert FaceFolder(tmp_path).parsing_classes == classes


def test_an_unknown_list_of_classes_is_refused(folder: Path, tmp_path: Path) -> None:
    (copy_without(folder, tmp_path, "parsing") / "classes.txt").write_text("background\nskin\n")
    with pytest.raises(DataError, match=r"classes\.txt must name one of the known sets"):
        FaceFolder(tmp_path)


def test_broken_and_wrong_parsing_maps_are_named(folder: Path, tmp_path: Path) -> None:
    parsing = copy_without(folder, tmp_path, "parsing")
    faces = FaceFolder(tmp_path)
    assert faces.parsing(0) is None
    path = parsing / f"{faces.name(0)}.png"
    path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="is no parsing map"):
        faces.parsing(0)
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(DataError, match="is no parsing map"):
        faces.parsing(0)
    cv2.imwrite(str(path), np.full((64, 64), 11, np.uint8))
    with pytest.raises(DataError, match="holds class 11; its folder has 11 classes"):
        faces.parsing(0)
    cv2.imwrite(str(path), np.full((64, 64), 255, np.uint8))
    assert faces.parsing(0) is not None
