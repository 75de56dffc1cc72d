from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.client.command.pairs import Item, LeftOut, named_by, paired
from service.client.command.usage import BadUsage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def names(argument: str) -> list[str]:
    return [str(file) for file in named_by(argument).files]


def test_a_folder_gives_its_pictures_in_order_and_nothing_else() -> None:
    make("in/b.PNG", "in/a.jpg", "in/c.webp", "in/d.jpeg", "in/notes.txt", "in/.hidden.png", "in/deep/e.png")
    assert names("in") == ["in/a.jpg", "in/b.PNG", "in/c.webp", "in/d.jpeg"]


def test_pictures_that_the_service_refuses_are_told_of() -> None:
    make("in/a.jpg", "in/b.HEIC", "in/c.gif", "in/notes.txt", "m.png")
    items, left_out = paired(named_by("in"), named_by("m.png"))
    assert items == [Item(Path("in/a.jpg"), Path("m.png"))]
    assert [(one.photo, one.reason) for one in left_out] == [
        (Path("in/b.HEIC"), ".HEIC is not accepted; convert it to JPEG, PNG or WEBP."),
        (Path("in/c.gif"), ".gif is not accepted; convert it to JPEG, PNG or WEBP."),
    ]


def test_a_pattern_may_reach_into_folders() -> None:
    make("in/a.png", "in/deep/b.png", "in/deep/c.txt")
    assert names("in/*.png") == ["in/a.png"]
    assert names("in/**/*") == ["in/a.png", "in/deep/b.png"]


def test_a_file_may_have_any_name_even_that_of_a_pattern() -> None:
    make("photo[1]", "photo1")
    assert names("photo[1]") == ["photo[1]"]
    assert named_by("photo[1]").alone


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("nowhere.png", "There is no file or folder nowhere.png."),
        ("empty", "empty holds no file with one of the endings .jpeg .jpg .png .webp."),
        ("*.tiff", "*.tiff holds no file with one of the endings .jpeg .jpg .png .webp."),
    ],
)
def test_what_names_nothing_is_said(argument: str, complaint: str) -> None:
    make("empty/notes.txt", "a.tiff")
    with pytest.raises(BadUsage) as raised:
        named_by(argument)
    assert str(raised.value) == complaint


def test_masks_are_found_by_name() -> None:
    make("in/a.jpg", "in/b.jpg", "in/c.jpg", "masks/a.png", "masks/b_mask.png", "masks/c-mask.webp")
    items, left_out = paired(named_by("in"), named_by("masks"))
    assert [str(item.mask) for item in items] == ["masks/a.png", "masks/b_mask.png", "masks/c-mask.webp"]
    assert left_out == []


def test_one_mask_serves_every_photo() -> None:
    make("in/a.jpg", "in/b.jpg", "m.png")
    items, _ = paired(named_by("in"), named_by("m.png"))
    assert [item.mask for item in items] == [Path("m.png")] * 2


def test_photos_and_masks_may_share_a_folder() -> None:
    make("in/a.png", "in/a_mask.png", "in/b.png", "in/b-mask.png", "in/c.png")
    items, left_out = paired(named_by("in"), named_by("in"))
    assert items == [Item(Path("in/a.png"), Path("in/a_mask.png")), Item(Path("in/b.png"), Path("in/b-mask.png"))]
    assert left_out == [LeftOut(Path("in/c.png"), "in holds nothing named c.* or c_mask.* or c-mask.*.")]


def test_the_one_mask_of_a_folder_is_no_photo_of_it() -> None:
    make("in/a.png", "in/hole.png")
    items, _ = paired(named_by("in"), named_by("in/hole.png"))
    assert [item.photo for item in items] == [Path("in/a.png")]


def test_a_folder_of_masks_alone() -> None:
    make("in/a_mask.png")
    with pytest.raises(BadUsage, match="holds only masks"):
        paired(named_by("in"), named_by("in"))


def test_two_masks_of_one_name_are_one_too_many() -> None:
    make("a.jpg", "masks/a.png", "masks/a_mask.png")
    _, left_out = paired(named_by("a.jpg"), named_by("masks"))
    assert [one.reason for one in left_out] == ["masks/a.png and masks/a_mask.png both go by its name."]


def test_guides_pair_too() -> None:
    make("in/a.jpg", "in/b.jpg", "m.png", "guides/a.json", "guides/b_landmarks.json", "faces/a.png", "faces/b.png")
    items, left_out = paired(
        named_by("in"), named_by("m.png"), named_by("guides", (".json",)), named_by("faces" + os.sep)
    )
    assert [str(item.landmarks) for item in items] == ["guides/a.json", "guides/b_landmarks.json"]
    assert [str(item.reference) for item in items] == ["faces/a.png", "faces/b.png"]
    assert left_out == []
    Path("faces/b.png").unlink()
    _, left_out = paired(named_by("in"), named_by("m.png"), None, named_by("faces"))
    assert [one.photo.name for one in left_out] == ["b.jpg"]
