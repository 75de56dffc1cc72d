"""A sheet shows masked, completed and true pictures of the first faces, four in a row."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from training.data.faces import open_split
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
    assert cv2.imread(str(output)).shape == (64, 4 * 3 * 64, 3)


def test_what_paints_nothing_is_one_line(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    options = ["--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all"]
    done = CliRunner().invoke(app, [*options, "--model", "lafin_predictor", "--output", str(tmp_path / "a.jpg")])
    assert done.exit_code == 1
    assert "completes no pictures" in done.output + str(done.exception)
