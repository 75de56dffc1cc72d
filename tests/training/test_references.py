"""The command that completes each face with two references."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from typer.testing import CliRunner

from training.checkpoint import save_snapshot
from training.papers.reference.networks import Generator
from training.papers.reference.snapshots import described
from training.references import app


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output + str(done.exception.code if isinstance(done.exception, SystemExit) else "")


def test_table_sheet_and_figures(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    told, sheet = tmp_path / "apart.json", tmp_path / "apart.png"
    code, output = run(
        "--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--holes", "O6,eyes",
        "--count", "3", "--output", str(told), "--sheet", str(sheet),
    )  # fmt: skip
    assert code == 0, output
    assert "3 faces; the most unlike references are " in output
    assert "| references | holes | hole | eyes | mouth | 5 or more at either % |" in output
    figures = json.loads(told.read_text())
    assert [(row["references"], row["holes"]) for row in figures["rows"]] == [
        ("next two", "O6"), ("next two", "eyes"), ("most unlike", "O6"), ("most unlike", "eyes"),
    ]  # fmt: skip
    assert [(row["eyes"] is None, row["mouth"] is None) for row in figures["rows"][:2]] == [
        (True, False),
        (False, True),
    ]
    assert len(set(figures["unlike"])) == 2
    assert cv2.imread(str(sheet)).shape == (3 * 256, 5 * 256, 3)


def test_what_cannot_be_compared_is_refused(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    words = ("--data", str(drawn_folder), "--repository", str(tiny_repository))
    code, output = run(*words)  # one validation face
    assert code != 0
    assert "3 faces are needed, one to complete and two that guide; there are 1" in output
    file = tmp_path / "other.safetensors"
    save_snapshot(file, described(Generator(2, 2).state_dict(), ("Smiling", "Male"), 0), {})
    code, output = run(*words, "--split", "all", "--snapshot", f"reference_generator={file}")
    assert code != 0
    assert "other.safetensors obeys Smiling, Male; the extractor reads gender, age" in output
    code, output = run(*words, "--split", "all", "--sheet", str(tmp_path / "sheet.tif"))
    assert code != 0
    assert "must end with one of .png" in output
