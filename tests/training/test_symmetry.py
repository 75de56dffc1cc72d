"""The command on drawn faces: rows for the faces as they are and for each model, JSON, and one-line errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.symmetry import app

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output + str(done.exception or "")


def test_a_row_for_the_originals_and_for_each_model_and_hole(
    tiny_repository: Path, drawn_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "eyes.json"
    options = ["--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--count", "3"]
    code, said = run(*options, "--model", "dsa", "--model", "lafin", "--holes", "eyes", "--output", str(output))
    assert code == 0, said
    figures = json.loads(output.read_text())
    assert [(row["holes"], row["method"]) for row in figures["rows"]] == [
        ("-", "original"),
        ("eyes", "dsa"),
        ("eyes", "lafin"),
    ]
    assert all(row["iris_difference"] >= 0 and row["opening_difference"] >= 0 for row in figures["rows"])
    assert len({row["iris_difference"] for row in figures["rows"]}) == 3
    assert "| eyes | dsa |" in said


@pytest.mark.parametrize(
    ("model", "reason"),
    [("gfc", "need frames of 256 px"), ("lafin_predictor", "completes no pictures"), ("x", "unknown")],
)
def test_what_cannot_be_compared_is_one_line(
    tiny_repository: Path, drawn_folder: Path, model: str, reason: str
) -> None:
    options = ["--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--count", "1"]
    code, said = run(*options, "--model", model)
    assert code == 1
    assert reason in said
