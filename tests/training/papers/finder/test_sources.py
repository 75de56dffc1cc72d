import json
from pathlib import Path

import numpy as np
import pytest

from training.data.drawn import DrawnFaces
from training.data.faces import DataError
from training.papers.finder.sources import Backdrops, Heads, People, Pictures, SceneFaces


@pytest.fixture(scope="module")
def heads() -> Heads:
    return Heads(DrawnFaces(3, 160, seed=5))


def test_a_head_comes_at_the_smallest_side_that_is_enough(heads: Heads) -> None:
    assert heads.at(0, 30)[0].shape == (64, 64, 4)
    assert heads.at(0, 65)[0].shape == (128, 128, 4)
    assert heads.at(0, 500)[0].shape == (160, 160, 4)  # never larger than its picture
    assert heads.at(0, 30)[0] is heads.at(0, 64)[0]  # made once


def test_landmarks_go_along(heads: Heads) -> None:
    _, small = heads.at(1, 64)
    assert np.allclose((small + 0.5) * 160 / 64 - 0.5, heads.faces.landmarks(1), atol=1e-4)


def test_face_and_shoulders_are_opaque_and_the_background_is_not(heads: Heads) -> None:
    rgba, landmarks = heads.at(0, 160)
    opacity = rgba[..., 3]
    inside = np.round(landmarks[27:]).astype(int)
    assert opacity[inside[:, 1], inside[:, 0]].min() > 250
    assert opacity[-1, int(landmarks[8, 0])] > 200  # below the chin
    assert opacity[0, 0] == opacity[0, -1] == 0


def test_faces_without_parsing_maps_cannot_be_cut_out() -> None:
    class Plain(DrawnFaces):
        def parsing(self, index: int) -> None:
            return None

    with pytest.raises(DataError, match="face 0 has no parsing map"):
        Heads(Plain(1, 64)).at(0, 64)


def test_held_out_backdrops_are_never_trained_on(scenes_folder: Path) -> None:
    train, apart = Backdrops(scenes_folder, held_out=False), Backdrops(scenes_folder, held_out=True)
    assert (len(train), len(apart)) == (8, 2)
    assert not set(train.names) & set(apart.names)
    assert train.image(0).shape[2] == 3


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in"):
        Pictures(tmp_path)
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.png cannot be decoded"):
        Pictures(tmp_path).read("a")


def test_people_bring_points_and_which_of_them_are_sure(people_folder: Path) -> None:
    train, apart = People(people_folder, held_out=False), People(people_folder, held_out=True)
    assert (train.names, apart.names) == (["p1", "p2", "p3"], ["p0", "p4"])
    points, sure = train.points(0)
    assert points.shape == (2, 5, 2)
    assert sure.tolist() == [True, False]


def test_a_photograph_shrinks_with_its_shares(people_folder: Path) -> None:
    people = People(people_folder, held_out=False)
    small, shares = people.smaller(0, 0.31)
    assert small.shape[:2] == (30, 60)
    assert shares == pytest.approx([60 / 192, 30 / 96])


@pytest.mark.parametrize(
    ("text", "words"),
    [("nothing", "cannot be read"), (json.dumps({"gone": []}), "names gone, which is not in its folder")],
)
def test_marks_that_do_not_fit_are_refused(scenes_folder: Path, tmp_path: Path, text: str, words: str) -> None:
    for picture in scenes_folder.iterdir():
        (tmp_path / picture.name).write_bytes(picture.read_bytes())
    (tmp_path / "faces.json").write_text(text)
    with pytest.raises(DataError, match=words):
        People(tmp_path, held_out=False)


def test_a_folder_with_scenes_is_a_set_of_faces(scene_faces: SceneFaces) -> None:
    assert len(scene_faces) == 6
    assert np.array_equal(scene_faces.image(2), scene_faces.faces.image(2))
    assert scene_faces.parsing_classes == 11
    assert scene_faces.people is not None
