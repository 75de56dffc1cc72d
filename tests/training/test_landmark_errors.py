"""Tables 4 and 5 of LaFIn on small folders in the sets' formats."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.training.data.importers.writing import ONE_OF_EACH, write_300w, write_wflw
from training import prepare
from training.checkpoint import save_snapshot
from training.data.faces import open_split
from training.data.landmarks import to_68
from training.framed import frame_faces
from training.given import Answer, Given
from training.landmark_errors import TABLES, Subset, app, errors_of, means, members, table_of
from training.papers.lafin.networks import Predictor


def prepared(name: str, source: Path, output: Path) -> Path:
    words = [name, "--source", str(source), "-o", str(output), "--pixels", "64"]
    done = CliRunner().invoke(prepare.app, words)
    assert done.exit_code == 0, done.output
    return output


@pytest.fixture(scope="module")
def wflw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces 2, 3 and 4 are for tests: blur has face 3, occlusion 2 and 3, makeup 4."""
    folder = tmp_path_factory.mktemp("wflw")
    write_wflw(folder / "source", 2, 3)
    return prepared("wflw", folder / "source", folder / "faces")


def off_by(pixels: float):
    """A system whose face number i is off by (1 + i) times as many pixels."""

    def run(given: Given) -> Answer:
        places = torch.tensor([seed[-1] for seed in given.noise_seeds])
        return Answer(landmarks=given.landmarks + torch.tensor([pixels, 0.0]) * (1 + places)[:, None, None])

    return run


def test_errors_are_those_of_each_face_and_means_those_of_subsets(wflw: Path) -> None:
    faces = open_split(wflw, "test")
    row = frame_faces(faces, 64)
    found = errors_of(off_by(2.0), row, "none", 0, 2)
    for index in range(3):
        points = to_68(faces.landmarks(index))
        apart = float(np.linalg.norm(points[36] - points[45]))
        assert float(found[index]) == pytest.approx(100 * 2.0 * (1 + index) / apart, rel=1e-4)
    belong = members(faces, 3, [Subset(name, name) for name in table_of(faces).subsets])
    assert {name: chosen.tolist() for name, chosen in belong.items() if name in ("all", "occlusion", "blur")} == {
        "all": [True, True, True],
        "occlusion": [True, True, False],
        "blur": [False, True, False],
    }
    figures = means(found, belong)
    assert figures["all"] == pytest.approx(float(found.mean()))
    assert figures["occlusion"] == pytest.approx(float(found[:2].mean()))
    assert math.isnan(figures["largepose"])


def test_one_command_makes_table_4(wflw: Path, tmp_path: Path) -> None:
    """Of a predictor of 98 points by its snapshot, and of one of 68 by its run."""
    torch.manual_seed(0)
    save_snapshot(tmp_path / "plain.safetensors", Predictor(98).state_dict(), {})
    (tmp_path / "run" / "predictor").mkdir(parents=True)
    save_snapshot(tmp_path / "run" / "predictor" / "predictor.safetensors", Predictor(68).state_dict(), {})
    words = ["--data", wflw, "--plain", tmp_path / "plain.safetensors", "--augmented", tmp_path / "run"]
    done = CliRunner().invoke(app, [str(word) for word in (*words, "--output", tmp_path / "table.json")])
    assert done.exit_code == 0, done.output
    assert "3 faces with 98 landmarks" in done.output
    assert "| holes | predictor | all | largepose | expression |" in done.output
    assert "| - | the paper's LaFIn, augmented | 5.92 | - |" in done.output
    said = json.loads((tmp_path / "table.json").read_text())
    assert said["paper"] == "Table 4, WFLW"
    assert said["faces"]["occlusion"] == 2
    assert [row["predictor"] for row in said["rows"]] == ["plain", "augmented"]
    assert all(row["nme_percent"]["all"] > 0 for row in said["rows"])
    assert said["weights"]["plain"] != said["weights"]["augmented"]


def test_one_command_makes_table_5(tmp_path: Path, tiny_repository: Path) -> None:
    write_300w(tmp_path / "source", ONE_OF_EACH)
    folder = prepared("300w", tmp_path / "source", tmp_path / "faces")
    words = ["--data", folder, "--repository", tiny_repository, "--holes", "none,center"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "| center | shipped |" in done.output
    assert "| - | the paper's LaFIn | - | 4.69 | 8.95 | 5.42 |" in done.output


def test_other_faces_have_the_subsets_that_are_named(drawn_folder: Path, tiny_repository: Path, tmp_path: Path) -> None:
    """By numbers of the folder's own; the paper's figures of its two sets stand below."""
    columns = open_split(drawn_folder, "all").pack
    numbers = columns.numbers[:, 0]
    middle = float(np.median(numbers))
    words = ["--data", drawn_folder, "--split", "all", "--repository", tiny_repository, "--output", tmp_path / "t.json"]
    words += ["--subset", f"low={columns.columns[0]}:{numbers.min()}:{middle}"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert "| holes | predictor | all | low |" in done.output
    assert "| - | the paper's LaFIn, augmented on WFLW | 5.92 | - |" in done.output
    assert "| - | the paper's LaFIn on 300W | 5.42 | - |" in done.output
    said = json.loads((tmp_path / "t.json").read_text())
    assert said["faces"] == {"all": len(numbers), "low": int((numbers <= middle).sum())}
    assert 0 < said["faces"]["low"] < len(numbers)


def test_mistakes_are_one_line(drawn_folder: Path, tmp_path: Path) -> None:
    for words, message in (
        (["--data", drawn_folder], "no faces of the split 'test'"),
        (["--data", drawn_folder, "--split", "all", "--plain", tmp_path], "there is no snapshot at"),
        (["--data", drawn_folder, "--subset", "old=age"], "--subset old=age: write NAME=COLUMN:LOW:HIGH"),
        (["--data", drawn_folder, "--subset", "old=age:x:9"], "--subset old=age:x:9: write NAME=COLUMN:LOW:HIGH"),
        (
            ["--data", drawn_folder, "--split", "all", "--subset", "old=none:1:9"],
            "there is no column 'none' of numbers",
        ),
    ):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 1
        assert message in str(done.exception)


def test_the_papers_figures() -> None:
    """Rows of the paper's Tables 4 and 5: augmentation helps in each."""
    for printed in TABLES:
        before, after = printed.figures.values()
        assert before.keys() == after.keys()
        assert all(after[name] < before[name] for name in before)
