from pathlib import Path

import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.faces import FaceFolder, open_split
from training.data.table import DataError

DRAWN = DrawnFaces(12, 64, seed=1)


def names_of(folder: Path, split: str) -> list[str]:
    faces = open_split(folder, split)
    return [faces.name(index) for index in range(len(faces))]


def write_table(folder: Path, header: str, rows: list[str]) -> None:
    (folder / "faces.csv").write_text("\n".join([header, *rows]) + "\n")


def test_a_prepared_folder_is_read(drawn: Path) -> None:
    faces = FaceFolder(drawn, [7, 2])
    assert len(faces) == 2
    assert faces.name(0) == "0007"
    assert np.array_equal(faces.image(0), DRAWN.image(7))
    assert np.array_equal(faces.landmarks(1), DRAWN.landmarks(2))
    assert np.array_equal(faces.parsing(1), DRAWN.parsing(2))
    assert (faces.parsing_classes, faces.has_maps, len(faces.content)) == (11, True, 64)


def test_what_is_handed_out_may_be_written(drawn: Path) -> None:
    faces = FaceFolder(drawn)
    faces.landmarks(0)[:] = 0
    faces.image(0)[:] = 0
    assert np.array_equal(faces.landmarks(0), DRAWN.landmarks(0))
    assert np.array_equal(faces.image(0), DRAWN.image(0))


def test_some_faces_of_a_set(drawn: Path) -> None:
    faces = FaceFolder(drawn, [7, 2, 5]).only([2, 0])
    assert [faces.name(index) for index in range(len(faces))] == ["0005", "0007"]


def test_maps_of_some_faces_alone_are_named_by_whoever_asks_for_one(folder: Path) -> None:
    (folder / "parsing" / "0004.png").unlink()
    faces = FaceFolder(folder)
    assert faces.image(4).shape == (64, 64, 3)
    with pytest.raises(DataError, match="parsing has maps of 11 of these 12 faces; 0004 has none"):
        faces.parsing(0)
    assert faces.only([0, 5]).parsing(0) is not None
    assert faces.only([4]).parsing(0) is None


def test_a_folder_without_maps(folder: Path) -> None:
    for path in (folder / "parsing").iterdir():
        path.unlink()
    faces = FaceFolder(folder)
    assert faces.parsing(0) is None
    assert not faces.has_maps


def test_splits_are_those_of_the_table(folder: Path) -> None:
    splits = ["test", "train", "validation", *["train"] * 8, "test"]
    write_table(folder, "name,split", [f"{index:04d},{split}" for index, split in enumerate(splits)])
    assert names_of(folder, "test") == ["0000", "0011"]
    assert names_of(folder, "validation") == ["0002"]
    assert names_of(folder, "train") == ["0001", *(f"{index:04d}" for index in range(3, 11))]
    assert len(names_of(folder, "all")) == 12


def test_a_split_without_faces_is_refused(folder: Path) -> None:
    write_table(folder, "name,split", [f"{index:04d},train" for index in range(12)])
    with pytest.raises(DataError, match="no faces of the split 'validation': 12 train, 0 validation, 0 test"):
        open_split(folder, "validation")
    with pytest.raises(DataError, match="unknown split 'tset'; there are train, validation, test, all"):
        open_split(folder, "tset")


def test_without_the_column_the_last_faces_are_for_validation(drawn: Path) -> None:
    assert names_of(drawn, "validation") == ["0011"]
    assert names_of(drawn, "train") == [f"{index:04d}" for index in range(11)]
    with pytest.raises(DataError, match="no faces of the split 'test'"):
        open_split(drawn, "test")


def test_variants_are_never_validation_faces(folder: Path) -> None:
    for kind in ("images", "parsing"):
        for number in (10, 11):
            (folder / kind / f"{number:04d}.png").rename(folder / kind / f"v{number}-a.png")
    write_table(folder, "name", [*(f"{index:04d}" for index in range(10)), "v10-a", "v11-a"])
    assert names_of(folder, "validation") == ["0009"]


def test_attributes_are_columns_by_name(drawn: Path) -> None:
    faces = FaceFolder(drawn, [4, 9])
    found = faces.attributes(1, ("hair-color", "smiling"))
    assert found.dtype == np.float32
    assert np.allclose(found, DRAWN.attributes(9, ("hair-color", "smiling")), atol=0.01)
    assert faces.attributes(0, ()).shape == (0,)


def test_what_is_not_known_may_be_nan(folder: Path) -> None:
    (folder / "faces.csv").write_text(
        "name,age\n"
        + "".join(f"{face.stem},{n or ''}\n" for n, face in enumerate(sorted((folder / "images").iterdir())))
    )
    found = FaceFolder(folder)
    assert np.isnan(found.known_attributes(0, ("age", "beard"))).all()
    assert found.known_attributes(1, ("beard", "age"))[1] == 1
    assert np.isnan(found.known_attributes(1, ("beard", "age"))[0])


def test_missing_attributes_are_named(folder: Path) -> None:
    rows = [f"{index:04d},{'' if index in (3, 8, 9) else index},x" for index in range(12)]
    write_table(folder, "name,age,source", rows)
    with pytest.raises(DataError, match="has no column 'beard'; there are age, source"):
        FaceFolder(folder).attributes(0, ("beard", "age"))
    with pytest.raises(DataError, match=r"faces\.csv: 0003 has no number in 'age', nor have 2 others"):
        FaceFolder(folder).attributes(0, ("age",))
    assert FaceFolder(folder, [0, 1]).attributes(1, ("age",)).tolist() == [1.0]
    with pytest.raises(DataError, match="0001 has no number in 'source'"):
        FaceFolder(folder, [1]).attributes(0, ("source",))


def test_faults_are_found_when_the_folder_is_opened(folder: Path) -> None:
    (folder / "images" / "0006.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"0006\.png cannot be decoded"):
        open_split(folder, "train")
