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
from training.papers.reference.measuring import Sweep
from training.papers.reference.snapshots import described
from training.sweep import app, show_sweeps

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


def test_table_sheet_and_figures(tiny_repository: Path, drawn_folder: Path, judge: Path, tmp_path: Path) -> None:
    told, sheet = tmp_path / "sweep.json", tmp_path / "sweep.png"
    code, output = run(
        "--data", str(drawn_folder), "--judge", str(judge), "--repository", str(tiny_repository), "--split", "all",
        "--holes", "center", "--count", "3", "--output", str(told), "--sheet", str(sheet),
    )  # fmt: skip
    assert code == 0, output
    ends = "| -1.0 | -0.5 | +0.0 | +0.5 | +1.0 |"
    assert f"| attribute {ends} smallest step | rise | faces % | grey levels | obeyed |" in output
    assert "obeyed, every step 0.01 or more, 0.1 or more from end to end: 0 of 8\n" in output  # nobody has learnt
    figures = json.loads(told.read_text())
    assert [one["attribute"] for one in figures["sweeps"]] == list(NAMES)
    assert all(len(one["readings"]) == 5 for one in figures["sweeps"])
    assert set(figures["weights"]) == {"reference_extractor", "reference_generator"}
    assert cv2.imread(str(sheet)).shape == (2 * 8 * 256, 6 * 256, 3)


def test_what_is_obeyed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    rising, lying = (0.0, 0.1, 0.2, 0.3, 0.4), (0.0, 0.1, 0.2, 0.3, 0.05)
    show_sweeps([Sweep("age", rising, 96.3, 12.0), Sweep("happy", lying, 50.0, 3.0)])
    age, happy, last = capsys.readouterr().out.splitlines()[2:]
    assert age == "| age | 0.00 | 0.10 | 0.20 | 0.30 | 0.40 | 0.100 | 0.40 | 96 | 12.0 | yes |"
    assert happy.endswith("| -0.250 | 0.05 | 50 | 3.0 | no |")
    assert last.endswith("1 of 2: age")


def test_a_sheet_of_no_kind_is_refused_before_anything_is_computed(
    tiny_repository: Path, drawn_folder: Path, tmp_path: Path
) -> None:
    words = ("--data", str(drawn_folder), "--judge", str(tmp_path / "none"), "--repository", str(tiny_repository))
    code, output = run(*words, "--sheet", str(tmp_path / "sweep.tif"))
    assert code != 0
    assert "must end with one of .png" in output


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
