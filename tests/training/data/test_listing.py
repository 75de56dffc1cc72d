from pathlib import Path

import pytest

from training.data.listing import list_folder, read_class_count
from training.data.parsing import CLASS_SETS
from training.data.table import DataError


def test_files_are_found_by_the_names_of_faces(folder: Path) -> None:
    listing = list_folder(folder)
    assert listing.find("images", "0003") == "images/0003.png"
    assert listing.find("parsing", "0003") == "parsing/0003.png"
    assert listing.find("images", "0012") is None
    assert listing.size_bytes("images/0003.png") == (folder / "images" / "0003.png").stat().st_size


def test_the_fingerprint_sees_files_come_go_and_change(folder: Path) -> None:
    seen = [list_folder(folder).fingerprint]
    assert list_folder(folder).fingerprint == seen[0]
    for change in (
        lambda: (folder / "images" / "new.jpg").write_bytes(b"1"),
        lambda: (folder / "images" / "new.jpg").write_bytes(b"2"),
        lambda: (folder / "parsing" / "0000.png").unlink(),
        lambda: (folder / "landmarks.npy").write_bytes(b"1"),
    ):
        change()
        seen.append(list_folder(folder).fingerprint)
    assert len(set(seen)) == 5


def test_what_lies_beside_a_prepared_folder_does_not_count(folder: Path) -> None:
    before = list_folder(folder).fingerprint
    (folder / ".packed").mkdir()
    (folder / ".packed" / "faces.safetensors").write_bytes(b"1")
    assert list_folder(folder).fingerprint == before


@pytest.mark.parametrize("missing", ["faces.csv", "landmarks.npy"])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(DataError, match=missing):
        list_folder(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent/faces\.csv is missing"):
        list_folder(tmp_path / "absent")


def test_a_folder_without_a_list_of_classes_has_helens_eleven(folder: Path) -> None:
    assert read_class_count(folder) == 11


@pytest.mark.parametrize("classes", [19, 14, 11])
def test_the_list_of_classes_says_which_set_it_is(folder: Path, classes: int) -> None:
    (folder / "parsing" / "classes.txt").write_text("\n".join(CLASS_SETS[classes]) + "\n")
    assert read_class_count(folder) == classes


def test_an_unknown_list_of_classes_is_refused(folder: Path) -> None:
    (folder / "parsing" / "classes.txt").write_text("background\nskin\n")
    with pytest.raises(DataError, match=r"classes\.txt must name a known set"):
        read_class_count(folder)
