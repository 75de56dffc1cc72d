"""The command that measures how well the extractor reads attributes."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from typer.testing import CliRunner

from training.checkpoint import save_snapshot
from training.correlations import app
from training.papers.reference.attributes import RATINGS, names
from training.papers.reference.extractors import Extractor
from training.papers.reference.snapshots import described

NAMES = names(RATINGS)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output + str(done.exception.code if isinstance(done.exception, SystemExit) else "")


def test_a_row_for_each_attribute_and_a_column_for_each_kind_of_holes(
    tiny_repository: Path, drawn_folder: Path, tmp_path: Path
) -> None:
    told = tmp_path / "read.json"
    code, output = run(
        "--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--holes", "center,O6",
        "--output", str(told),
    )  # fmt: skip
    assert code == 0, output
    assert "| attribute | faces | whole | center | O6 |" in output
    assert "| gender | 0 | - | - | - |" in output  # drawn faces have no such number
    assert "| skin-color | 6 |" in output
    figures = json.loads(told.read_text())
    assert list(figures["correlations"]) == list(NAMES)
    assert set(figures["correlations"]["skin-color"]) == {"none", "center", "O6"}
    assert -1 <= figures["correlations"]["skin-color"]["none"] <= 1
    assert set(figures["weights"]) == {"reference_extractor"}


def test_weights_of_a_run_are_measured_before_an_export(
    tiny_repository: Path, drawn_folder: Path, tmp_path: Path
) -> None:
    torch.manual_seed(9)
    file = tmp_path / "extractor.safetensors"
    save_snapshot(file, described(Extractor(2, 8, 64).state_dict(), NAMES, 64), {}, half=False)
    words = ("--data", str(drawn_folder), "--repository", str(tiny_repository), "--split", "all", "--holes", "center")
    (_, before), (code, after) = run(*words), run(*words, "--snapshot", f"reference_extractor={file}")
    assert code == 0, after
    assert after != before


def test_a_folder_without_those_numbers_and_an_extractor_without_names_are_refused(
    tiny_repository: Path, drawn_folder: Path, tmp_path: Path
) -> None:
    words = ("--data", str(drawn_folder), "--repository", str(tiny_repository))
    others, nameless = tmp_path / "others.safetensors", tmp_path / "nameless.safetensors"
    save_snapshot(others, described(Extractor(2, 2, 0).state_dict(), ("Smiling", "Male"), 0), {})
    save_snapshot(nameless, Extractor(2, 8, 0).state_dict(), {})
    code, output = run(*words, "--snapshot", f"reference_extractor={others}")
    assert code != 0
    assert "has no number of any of Smiling, Male" in output
    code, output = run(*words, "--snapshot", f"reference_extractor={nameless}")
    assert code != 0
    assert "nameless.safetensors does not name its attributes" in output
