"""A sheet shows masked, completed and true pictures of the first faces, four in a row."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from training.data.faces import open_split
from training.data.parsing import colour_table
from training.errors import OptionError
from training.framed import frame_faces
from training.given import Answer, Given
from training.sheet import ACROSS, app, draw


def grey(given: Given) -> Answer:
    return Answer(raw=given.image * 0 + 90)


@pytest.fixture
def sheet(drawn_folder: Path) -> np.ndarray:
    """Five faces at 32 px, holes by turns."""
    faces = frame_faces(open_split(drawn_folder, "all"), 64, 5)
    return draw(grey, faces, ["center", "none"], 0, 32, "cpu")


def test_four_faces_in_a_row_and_white_where_there_is_none(sheet: np.ndarray) -> None:
    assert sheet.shape == (2 * 32, ACROSS * 3 * 32, 3)
    assert (sheet[32:, 3 * 32 :] == 255).all()
    assert not (sheet[:32, 3 * 3 * 32 :] == 255).all()


def test_masked_completed_and_true(sheet: np.ndarray) -> None:
    masked, painted, true = (sheet[:32, place * 32 : (place + 1) * 32] for place in range(3))
    assert (masked[9:23, 9:23] == 255).all()
    assert (painted[9:23, 9:23] == 90).all()
    assert np.array_equal(painted[:7], true[:7])
    assert np.array_equal(masked[:7], true[:7])
    second = [sheet[:32, place * 32 : (place + 1) * 32] for place in range(3, 6)]
    assert np.array_equal(second[0], second[2])  # nothing is missing


def test_the_command_writes_a_picture(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "sheets" / "dsa.jpg"
    options = ["--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--model", "dsa"]
    done = CliRunner().invoke(app, [*options, "--count", "2", "--side", "64", "--output", str(output)])
    assert done.exit_code == 0, done.output
    assert cv2.imread(str(output)).shape == (64, 2 * 3 * 64, 3)


def test_stages_stand_between_the_masked_and_the_completed_picture(drawn_folder: Path) -> None:
    """Two faces in a row, each masked, coarse, its parsing map in colours, completed, true."""

    def staged(given: Given) -> Answer:
        return Answer(raw=given.image * 0 + 90, coarse=given.image * 0 + 60, parsing=given.hole * 3)

    faces = frame_faces(open_split(drawn_folder, "all"), 64, 3)
    found = draw(staged, faces, ["center"], 0, 32, "cpu", stages=True)
    assert found.shape == (2 * 32, 2 * 5 * 32, 3)
    masked, coarse, parsing, painted, _ = (found[:32, place * 32 : (place + 1) * 32] for place in range(5))
    assert (masked[9:23, 9:23] == 255).all()
    assert (coarse == 60).all()
    assert (parsing[9:23, 9:23] == colour_table(14)[3]).all()
    assert (parsing[:7] == colour_table(14)[0]).all()
    assert (painted[9:23, 9:23] == 90).all()
    assert (found[32:, 5 * 32 :] == 255).all()
    with pytest.raises(OptionError, match="no stages to show"):
        draw(grey, faces, ["center"], 0, 32, "cpu", stages=True)


def test_stages_are_not_for_a_blind_sheet(drawn_folder: Path, tmp_path: Path) -> None:
    done = sheet_of("--data", drawn_folder, "--output", tmp_path / "a.png", "--blind", "--stages")
    assert done.exit_code == 1
    assert "leave out --blind" in done.output + str(done.exception)


def test_what_paints_nothing_is_one_line(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    options = ["--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all"]
    done = CliRunner().invoke(app, [*options, "--model", "lafin_predictor", "--output", str(tmp_path / "a.jpg")])
    assert done.exit_code == 1
    assert "completes no pictures" in done.output + str(done.exception)


def sheet_of(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_blind_sheet_has_its_key_in_a_second_file(drawn_folder: Path, tiny_repository: Path, tmp_path: Path) -> None:
    command = ["--data", drawn_folder, "--split", "all", "--repository", tiny_repository, "--side", 32, "--blind"]
    for name in ("one.png", "two.png"):
        result = sheet_of(*command, "--model", "gfc,dsa", "--holes", "center,eyes", "--output", tmp_path / name)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert "gfc" not in (tmp_path / "one.png").name
    key = json.loads((tmp_path / "one.png.key.json").read_text())
    assert key["sheet"]["sha256"] == hashlib.sha256((tmp_path / "one.png").read_bytes()).hexdigest()
    pictures = key["pictures"]
    assert [one["number"] for one in pictures] == [1, 2, 3, 4, 5, 6]
    assert sorted(one["system"] for one in pictures) == ["dsa"] * 3 + ["gfc"] * 3
    assert len({one["face"] for one in pictures}) == 6
    assert set(key["methods"]["dsa"]["weights"]) == {"dsa_generator"}


def test_systems_without_a_snapshot_are_left_out_of_a_blind_sheet(drawn_folder: Path, tmp_path: Path) -> None:
    result = sheet_of("--data", drawn_folder, "--repository", tmp_path, "--blind", "--output", tmp_path / "blind.png")
    assert str(result.exception.code) == "training.sheet: no system has a snapshot"
    assert "lafin is left out: there is no snapshot at" in result.output


def test_a_picture_of_no_known_kind_is_one_line(drawn_folder: Path, tiny_repository: Path, tmp_path: Path) -> None:
    command = ["--data", drawn_folder, "--repository", tiny_repository, "--model", "gfc", "--holes", "center"]
    result = sheet_of(*command, "--count", 1, "--output", tmp_path / "sheet.txt")
    assert str(result.exception.code).endswith("sheet.txt: the picture's name must end with one of .png, .jpg, .jpeg")
