"""The command that measures whether attributes are read and obeyed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
from typer.testing import CliRunner

from training.checkpoint import save_snapshot
from training.papers.reference.attributes import RATINGS, names
from training.papers.reference.extractors import Auxiliary
from training.papers.reference.snapshots import described
from training.sweep import app

NAMES = names(RATINGS)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("judge") / "auxiliary.safetensors"
    save_snapshot(file, described(Auxiliary(2, 8, 64).state_dict(), NAMES, 64), {})
    return file


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output + str(done.exception.code if isinstance(done.exception, SystemExit) else "")


def test_tables_sheet_and_figures(tiny_repository: Path, drawn_folder: Path, judge: Path, tmp_path: Path) -> None:
    told, sheet = tmp_path / "sweep.json", tmp_path / "sheets" / "sweep.png"
    code, output = run(
        "--data", str(drawn_folder), "--judge", str(judge), "--repository", str(tiny_repository), "--split", "all",
        "--holes", "center", "--count", "3", "--output", str(told), "--sheet", str(sheet),
    )  # fmt: skip
    assert code == 0, output
    assert "| attribute | whole | center |" in output
    assert "| attribute | -1.0 | -0.5 | +0.0 | +0.5 | +1.0 | rise | rises | grey levels |" in output
    figures = json.loads(told.read_text())
    assert list(figures["correlations"]) == [one["attribute"] for one in figures["sweeps"]] == list(NAMES)
    assert figures["correlations"]["gender"] == {"none": None, "center": None}  # drawn faces have no such number
    assert figures["correlations"]["skin-color"]["none"] is not None
    assert set(figures["weights"]) == {"reference_extractor", "reference_generator"}
    assert cv2.imread(str(sheet)).shape == (2 * 8 * 256, 6 * 256, 3)


def test_a_judge_of_other_attributes_is_refused(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_snapshot(file, described(Auxiliary(2, 2, 0).state_dict(), ("Smiling", "Male"), 0), {})
    words = ("--data", str(drawn_folder), "--judge", str(file), "--repository", str(tiny_repository))
    code, output = run(*words)
    assert code != 0
    assert "knows Smiling, Male; the extractor gender, age" in output


def test_what_is_no_judge_is_refused(tiny_repository: Path, drawn_folder: Path, tmp_path: Path) -> None:
    save_snapshot(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {})
    words = (
        "--data",
        str(drawn_folder),
        "--judge",
        str(tmp_path / "x.safetensors"),
        "--repository",
        str(tiny_repository),
    )
    code, output = run(*words)
    assert code != 0
    assert "x.safetensors is no auxiliary extractor" in output
