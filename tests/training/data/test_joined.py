from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.faces98 import Faces98
from training.data.drawn import DrawnFaces, write_folder
from training.data.faces import FaceFolder
from training.data.joined import JoinedFaces, open_faces
from training.data.parsing import CELEBAMASK_HQ, SHOWFACE
from training.data.table import DataError


@pytest.fixture
def other(tmp_path: Path) -> Path:
    write_folder(tmp_path / "other", 20, 32, seed=5)
    return tmp_path / "other"


def name_classes(folder: Path, classes: tuple[str, ...]) -> Path:
    (folder / "parsing" / "classes.txt").write_text("\n".join(classes) + "\n")
    return folder


def test_folders_stand_one_after_another(folder: Path, other: Path) -> None:
    faces = open_faces([folder, other], "train")
    assert isinstance(faces, JoinedFaces)
    assert len(faces) == 11 + 18
    assert (faces.name(10), faces.name(11)) == ("0010", "0000")
    first, second = DrawnFaces(12, 64, seed=1), DrawnFaces(20, 32, seed=5)
    assert np.array_equal(faces.image(10), first.image(10))
    for index in (0, 17):
        assert np.array_equal(faces.image(11 + index), second.image(index))
        assert np.array_equal(faces.landmarks(11 + index), second.landmarks(index))
        assert np.array_equal(faces.parsing(11 + index), second.parsing(index))
        assert np.allclose(faces.attributes(11 + index, ["smiling"]), second.attributes(index, ["smiling"]), atol=0.01)


def test_each_folder_keeps_its_own_splits(folder: Path, other: Path) -> None:
    faces = open_faces([other, folder], "validation")
    assert [faces.name(index) for index in range(len(faces))] == ["0018", "0019", "0011"]


def test_one_folder_is_itself(folder: Path) -> None:
    assert isinstance(open_faces([folder], "train"), FaceFolder)


def test_the_same_folder_twice_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="faces is named twice"):
        open_faces([folder, folder], "train")


def test_maps_become_those_of_the_set_that_all_can_be_merged_to(folder: Path, other: Path) -> None:
    hats = np.full((32, 32), CELEBAMASK_HQ.index("hat"), np.uint8)
    assert cv2.imwrite(str(other / "parsing" / "0000.png"), hats)
    faces = open_faces([folder, name_classes(other, CELEBAMASK_HQ)], "all")
    assert faces.parsing_classes == 11
    assert np.array_equal(faces.parsing(12), np.zeros((32, 32)))
    assert np.array_equal(faces.parsing(0), DrawnFaces(1, 64, seed=1).parsing(0))


def test_maps_that_have_no_set_in_common_are_refused(folder: Path, other: Path) -> None:
    faces = open_faces([folder, name_classes(other, SHOWFACE)], "all")
    with pytest.raises(DataError, match="of 11 and of 14 classes cannot be joined"):
        faces.parsing(0)


def test_maps_in_one_folder_alone_are_refused(folder: Path, other: Path) -> None:
    for path in (other / "parsing").iterdir():
        path.unlink()
    faces = open_faces([folder, other], "all")
    with pytest.raises(DataError, match="other has no parsing maps; the other folders have"):
        faces.parsing(0)
    for path in (folder / "parsing").iterdir():
        path.unlink()
    assert open_faces([folder, other], "all").parsing(0) is None


def test_attributes_must_be_in_every_folder(folder: Path, other: Path) -> None:
    (other / "faces.csv").write_text("name\n" + "".join(f"{index:04d}\n" for index in range(20)))
    faces = open_faces([folder, other], "all")
    with pytest.raises(DataError, match="has no column 'smiling'; there are no others"):
        faces.attributes(0, ["smiling"])
    known = [float(faces.known_attributes(index, ["smiling"])[0]) for index in (0, len(faces) - 1)]
    assert np.isnan(known).tolist().count(True) == 1


def test_content_depends_on_every_folder_and_their_order(folder: Path, other: Path) -> None:
    contents = {open_faces(folders, "all").content for folders in ([folder, other], [other, folder], [folder])}
    assert len(contents) == 3


def test_of_folders_with_98_and_68_landmarks_all_give_68(folder: Path, other: Path) -> None:
    faces = Faces98(20, 32, seed=5)
    np.save(other / "landmarks.npy", np.stack([faces.landmarks(index) for index in range(20)]))
    assert open_faces([other], "train").landmarks(0).shape == (98, 2)
    joined = open_faces([folder, other], "train")
    assert {joined.landmarks(index).shape for index in (0, len(joined) - 1)} == {(68, 2)}
    assert np.array_equal(joined.landmarks(11), DrawnFaces(1, 32, seed=5).landmarks(0))
