from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from service.client.command.outputs import Destination, destination, free, require_distinct, write
from service.client.command.pairs import Item
from service.client.command.usage import BadUsage, Format


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def item(photo: str, mask: str = "m.png") -> Item:
    return Item(Path(photo), Path(mask))


@pytest.mark.parametrize(
    ("out", "wanted", "many", "expected"),
    [
        ("a.png", None, False, Destination(Path("a.png"), False, "png")),
        ("a.JPG", None, False, Destination(Path("a.JPG"), False, "jpeg")),
        ("a.webp", "webp", False, Destination(Path("a.webp"), False, "webp")),
        ("new/", None, False, Destination(Path("new"), True, "png")),
        ("there", "jpeg", False, Destination(Path("there"), True, "jpeg")),
        ("new", None, True, Destination(Path("new"), True, "png")),
    ],
)
def test_what_out_means(out: str, wanted: Format | None, many: bool, expected: Destination) -> None:
    Path("there").mkdir()
    assert destination(out, wanted, many=many) == expected


@pytest.mark.parametrize(
    ("out", "wanted", "many", "complaint"),
    [
        ("a", None, False, "must end in .png, .jpg, .jpeg, .webp, or in /"),
        ("a.gif", "png", False, "must end in"),
        ("a.png", "jpeg", False, "a.png and --format jpeg say different things"),
        ("file.png", None, True, "file.png is a file; several photos need a folder"),
        ("file.png/a.png", None, False, "file.png is a file, not a folder"),
        ("file.png/deep/new/", None, True, "file.png is a file, not a folder"),
        ("file.png/", None, False, "file.png/ is a file"),
    ],
)
def test_what_out_cannot_mean(out: str, wanted: Format | None, many: bool, complaint: str) -> None:
    Path("file.png").touch()
    with pytest.raises(BadUsage) as raised:
        destination(out, wanted, many=many)
    assert complaint in str(raised.value)


def test_samples_are_numbered() -> None:
    files = Destination(Path("out"), True, "jpeg").files(Path("in/a.png"), 3)
    assert files == [Path("out/a-1.jpg"), Path("out/a-2.jpg"), Path("out/a-3.jpg")]
    assert Destination(Path("b.webp"), False, "webp").files(Path("a.png"), 1) == [Path("b.webp")]


def test_two_photos_in_one_file_are_refused() -> None:
    with pytest.raises(BadUsage, match=r"in/a\.jpg and in/a\.png would both become out/a\.png"):
        require_distinct(Destination(Path("out"), True, "png"), [item("in/a.jpg"), item("in/a.png")], 1)


@pytest.mark.parametrize("out", ["in/a.png", "./in/../m.png"])
def test_what_is_sent_is_not_overwritten(out: str) -> None:
    with pytest.raises(BadUsage, match="which is sent"):
        require_distinct(Destination(Path(out), False, "png"), [item("in/a.png")], 1)


def test_files_that_exist_are_left_alone_unless_forced() -> None:
    Path("out").mkdir()
    Path("out/a.png").touch()
    target, items = Destination(Path("out"), True, "png"), [item("a.jpg"), item("b.jpg")]
    kept, left_out = free(target, items, 1, force=False)
    assert kept == [items[1]]
    assert [(one.photo, one.reason) for one in left_out] == [
        (Path("a.jpg"), "out/a.png exists; --force overwrites it.")
    ]
    assert free(target, items, 1, force=True) == (items, [])


def test_a_file_is_written_with_its_folders_and_nothing_beside_it() -> None:
    write(Path("new/deep/a.png"), b"data", force=False)
    assert Path("new/deep/a.png").read_bytes() == b"data"
    assert os.listdir("new/deep") == ["a.png"]
    mask = os.umask(0)
    os.umask(mask)
    assert Path("new/deep/a.png").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_that_came_meanwhile_is_not_overwritten() -> None:
    Path("a.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write(Path("a.png"), b"data", force=False)
    assert (Path("a.png").read_bytes(), os.listdir()) == (b"mine", ["a.png"])
    write(Path("a.png"), b"data", force=True)
    assert (Path("a.png").read_bytes(), os.listdir()) == (b"data", ["a.png"])


def test_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(Path("a.png"), b"data", force=True)
    assert os.listdir() == []


def test_where_links_cannot_be_made_it_is_looked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unable)
    write(Path("a.png"), b"data", force=False)
    with pytest.raises(FileExistsError):
        write(Path("a.png"), b"more", force=False)
    assert (Path("a.png").read_bytes(), os.listdir()) == (b"data", ["a.png"])
