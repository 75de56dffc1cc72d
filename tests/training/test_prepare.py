"""The command that makes prepared folders of data sets and photographs, and checks them."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.training.data.importers.writing import (
    ONE_OF_EACH,
    write_300w,
    write_celeba,
    write_celebamask_hq,
    write_ffhq,
    write_helen,
    write_omi,
    write_pts,
    write_wflw,
)
from tests.training.data.test_finding import PHOTOGRAPH
from training.data.drawn import DrawnFaces
from training.data.faces import FaceFolder, open_split
from training.data.holes import Mixture
from training.data.importers.wflw import SUBSETS
from training.data.parsing import CELEBAMASK_HQ, merge_table
from training.data.stream import FaceStream, Wants
from training.prepare import app, last_ones


def prepare(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def message_of(result) -> str:
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code) + result.output


@pytest.mark.parametrize("viewers_left", [False, True])
def test_celebamask_hq_becomes_a_prepared_folder(tmp_path: Path, viewers_left: bool) -> None:
    """Whichever side the data set calls left, the folder's left is the subject's."""
    drawn = write_celebamask_hq(tmp_path / "source", [0, 28_001, 12], viewers_left=viewers_left)
    points = np.stack([drawn.landmarks(index) for index in (0, 2, 1)])  # in the order of the numbers
    np.save(tmp_path / "points.npy", (points + 0.5) * 2 - 0.5)
    result = prepare(
        *("celebamask-hq", "--source", tmp_path / "source", "--output", tmp_path / "out"),
        *("--landmarks", tmp_path / "points.npy", "--pixels", 128),
    )
    assert result.exit_code == 0, result.output
    assert "3 faces of 3 pictures in" in result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.parsing_classes == 19
    assert faces.names == ["00000", "00012", "28001"]
    assert open_split(tmp_path / "out", "validation").name(0) == "28001"
    assert faces.image(0).shape == (128, 128, 3)
    parsing, table = faces.parsing(0), merge_table(19, 11)
    assert parsing is not None
    assert table is not None
    assert np.array_equal(table[parsing], drawn.parsing(0))
    assert CELEBAMASK_HQ.index("left_eye") in parsing
    item = FaceStream(faces, Mixture(((1.0, "none"),)), pixels=64, seed=0, wants=Wants(parsing_classes=14))[0]
    assert item["parsing"].shape == (64, 64)
    assert (tmp_path / "out" / ".packed" / "faces.safetensors").is_file()


def test_helen_becomes_a_prepared_folder(tmp_path: Path) -> None:
    drawn = write_helen(tmp_path / "source", ["30_1", "20_1", "10_1"])
    for index, name in enumerate(("30_1", "20_1")):
        write_pts(tmp_path / "source" / "images" / f"{name}.pts", drawn.landmarks(index) + np.float32([120, 40]))
    result = prepare(
        *("helen", "--source", tmp_path / "source", "-o", tmp_path / "out", "--pixels", 96, "--count", 2),
    )
    assert result.exit_code == 0, result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.names == ["30_1", "20_1"]
    assert faces.parsing_classes == 11
    assert faces.image(1).shape == (96, 96, 3)
    assert faces.parsing(1) is not None


def test_celeba_becomes_a_prepared_folder(tmp_path: Path, tiny_repository: Path) -> None:
    """A broken picture is left out, named and counted; the others keep the official splits."""
    write_celeba(tmp_path / "source", [0, 0, 1, 2])
    (tmp_path / "source" / "img_align_celeba" / "000002.jpg").write_bytes(b"no picture")
    result = prepare(
        *("celeba", "--source", tmp_path / "source", "-o", tmp_path / "out", "--repository", tiny_repository),
        *("--landmarks", "demo", "--pixels", 128),
    )
    assert result.exit_code == 0, result.output
    assert "3 faces of 4 pictures in" in result.output
    assert "the shipped demo predictor" in result.output
    assert "left out:       1  no picture, or a broken one" in result.output
    assert "000002.jpg" in (tmp_path / "out" / "manifest.csv").read_text()
    for split, name in (("train", "000001"), ("validation", "000003"), ("test", "000004")):
        faces = open_split(tmp_path / "out", split)
        assert [faces.name(index) for index in range(len(faces))] == [name]
    assert faces.attributes(0, ["Smiling", "Arched_Eyebrows"]).tolist() == [1, 1]


def test_celeba_is_laid_as_ffhq_too(tmp_path: Path, tiny_repository: Path) -> None:
    write_celeba(tmp_path / "source", [0, 1])
    common = ("--source", tmp_path / "source", "--landmarks", "demo", "--repository", tiny_repository)
    for name in ("celeba", "celeba-ffhq"):
        assert prepare(name, *common, "-o", tmp_path / name).exit_code == 0
    apart = [
        FaceFolder(tmp_path / name).attributes(0, ["lefteye_x", "righteye_x"]) for name in ("celeba", "celeba-ffhq")
    ]
    assert apart[0].tolist() == [69, 106]
    assert apart[1][1] - apart[1][0] == pytest.approx(178 / 4, abs=3)


@pytest.mark.parametrize(
    ("name", "write", "count", "columns", "splits"),
    [
        ("ffhq", lambda folder: write_ffhq(folder, [0, 1, 2]), 68, [], {"train": 2, "validation": 1}),
        (
            "300w",
            lambda folder: write_300w(folder, ONE_OF_EACH),
            68,
            ["common", "challenging", "full"],
            {"train": 2, "validation": 1, "test": 3},
        ),
        ("wflw", lambda folder: write_wflw(folder, 3, 2), 98, list(SUBSETS), {"train": 2, "validation": 1, "test": 2}),
        ("wflw-68", lambda folder: write_wflw(folder, 1, 1), 68, list(SUBSETS), {"train": 1, "test": 1}),
    ],
)
def test_sets_with_landmarks_become_prepared_folders(
    tmp_path: Path, name: str, write: Callable, count: int, columns: list[str], splits: dict[str, int]
) -> None:
    write(tmp_path / "source")
    result = prepare(name, "--source", tmp_path / "source", "-o", tmp_path / "out", "--pixels", 64, "--strict")
    assert result.exit_code == 0, result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.landmarks(0).shape == (count, 2)
    assert faces.pack.columns == columns
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert about["splits"] == splits
    assert about["data set"] == name
    for listed, digest in about["sha256_of_lists"].items():
        assert hashlib.sha256((tmp_path / "source" / listed).read_bytes()).hexdigest() == digest


def test_omi_becomes_a_prepared_folder(tmp_path: Path, tiny_repository: Path) -> None:
    write_omi(tmp_path / "source", [1, 2, 3])
    common = ("omi", "--source", tmp_path / "source", "-o", tmp_path / "out", "--pixels", 64, "--tests", 1)
    result = prepare(*common, "--landmarks", "demo", "--repository", tiny_repository)
    assert result.exit_code == 0, result.output
    assert open_split(tmp_path / "out", "test").name(0) == "0003"
    assert FaceFolder(tmp_path / "out").attributes(1, ["well-groomed"]).tolist() == [49]


def test_the_last_pictures_are_the_last_of_the_whole_set() -> None:
    names = ["a", "b", "c"]
    assert last_ones(names, None, 0) == frozenset()
    assert last_ones(names, 2, 0) == {"b", "c"}
    assert last_ones(names, 2, 4) == {"c"}
    assert last_ones(names, 5, 0) == {"a", "b", "c"}
    assert last_ones(names, 2, 70) == frozenset()


def test_strict_names_the_first_broken_picture(tmp_path: Path) -> None:
    write_ffhq(tmp_path / "source", [0, 2])
    common = ("ffhq", "--source", tmp_path / "source", "-o", tmp_path / "out", "--pixels", 64)
    assert "00001 cannot be used: missing picture" in message_of(prepare(*common, "--strict"))
    result = prepare(*common)
    assert "2 faces of 3 pictures" in result.output
    assert "left out:       1  missing picture" in result.output


def test_photographs_become_a_prepared_folder(tmp_path: Path, tiny_repository: Path) -> None:
    (tmp_path / "source" / "holiday").mkdir(parents=True)
    shutil.copy(PHOTOGRAPH, tmp_path / "source" / "holiday" / "one.jpg")
    shutil.copy(PHOTOGRAPH, tmp_path / "source" / "two.jpg")
    np.save(tmp_path / "points.npy", np.repeat(photograph_points()[None], 2, axis=0))
    common = ("folder", "--source", tmp_path / "source", "-o", tmp_path / "out", "--pixels", 96)
    result = prepare(*common, "--landmarks", tmp_path / "points.npy")
    assert result.exit_code == 0, result.output
    faces = FaceFolder(tmp_path / "out")
    assert faces.names == ["holiday_one", "two"]
    assert faces.image(0).shape == (96, 96, 3)
    assert len(open_split(tmp_path / "out", "validation")) == 1
    again = prepare(*common, "--landmarks", "demo", "--repository", tiny_repository)
    assert "faces.csv exists: name a new folder" in message_of(again)


def photograph_points() -> np.ndarray:
    """Landmarks [68,2] about where the face is in the sample photograph."""
    return (DrawnFaces(1, 128).landmarks(0) + 60).astype(np.float32)


def test_mistakes_are_one_line(tmp_path: Path, tiny_repository: Path) -> None:
    empty = prepare("helen", "--source", tmp_path, "--output", tmp_path / "out")
    assert "has none of exemplars.txt" in message_of(empty)
    write_celebamask_hq(tmp_path / "source", [1])
    common = ("celebamask-hq", "--source", tmp_path / "source", "--output", tmp_path / "out")
    assert "no 68 landmarks of its own" in message_of(prepare(*common))
    absent = prepare(*common, "--landmarks", "demo", "--repository", tmp_path / "absent")
    assert "there is no snapshot at" in message_of(absent)
    assert not (tmp_path / "out").exists()


def test_check_says_what_a_folder_holds(drawn_folder: Path) -> None:
    result = prepare("check", drawn_folder)
    assert result.exit_code == 0, result.output
    assert "6 faces (no column `split`), 6 parsing maps of 11 classes, 6 further columns" in result.output
    assert "belong to no row" not in result.output


def test_check_names_every_fault_and_fails(drawn_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(drawn_folder, tmp_path / "faces"))
    for name in ("0000", "0001", "0002", "0003", "0004"):
        (folder / "images" / f"{name}.png").write_bytes(b"no picture")
    points = np.load(folder / "landmarks.npy")
    points[5] = np.nan
    np.save(folder / "landmarks.npy", points)
    (folder / "images" / "forgotten.jpg").write_bytes(b"")
    message = message_of(prepare("check", folder))
    assert "6 faults in" in message
    assert "; 1 files in images/ belong to no row" in message
    for fault in ("0000.png cannot be decoded", "0004.png cannot be decoded", "0005: landmarks are not finite"):
        assert fault in message
    (folder / "faces.csv").write_text("file\n0000\n")
    assert "the first column must be `name`, not 'file'" in message_of(prepare("check", folder))
