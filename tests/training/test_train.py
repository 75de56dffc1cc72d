"""The training command: what it opens for the user, what it writes down and refuses, how it ends."""

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.test_locks import Holder
from training import train as command
from training.checkpoint import CheckpointError, load_checkpoint, save_snapshot
from training.data.drawn import DrawnFaces
from training.data.faces import FaceFolder
from training.data.sketches import save_sketches
from training.papers.parser.networks import Parser
from training.train import frozen_parser, how_it_ended, is_first, open_validation


class Shades(torch.nn.Module):
    """Logits of two classes."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.cat((image[:, :1], 1 - image[:, :1]), dim=1)


def test_a_snapshot_of_the_parser_is_opened_frozen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_snapshot(tmp_path / "parser.safetensors", Parser(11, 8).state_dict(), {})
    parser = frozen_parser(tmp_path / "parser.safetensors")
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    logits = parser(image)
    assert logits.shape == (1, 11, 64, 64)
    logits.sum().backward()
    assert image.grad is not None
    assert not [parameter for parameter in parser.parameters() if parameter.requires_grad]


def test_a_scripted_parser_is_opened(tmp_path: Path) -> None:
    torch.jit.script(Shades()).save(str(tmp_path / "shades.pt"))
    assert frozen_parser(tmp_path / "shades.pt")(torch.rand(1, 3, 8, 8)).shape == (1, 2, 8, 8)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.safetensors").write_text("no weights")
    with pytest.raises(CheckpointError, match=r"notes\.safetensors"):
        frozen_parser(tmp_path / "notes.safetensors")


def train(recipe: str, data: Path, run: Path, **options: object) -> None:
    """The command on one CPU thread."""
    command.main(recipe, [data], run, accelerator="cpu", devices="1", threads=1, precision="32-true", **options)


@pytest.fixture(scope="module")
def run(drawn_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    train("gfc_tiny", drawn_folder, run)
    return run


def test_peoples_drawings_take_the_place_of_drawn_ones(drawn_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.safetensors"
    save_sketches(file, [[np.array([[0, 0.5], [1, 0.5]], np.float32)]])
    losses = []
    for name, sketches in (("drawn", None), ("given", file)):
        train("reference_tiny", drawn_folder, tmp_path / name, sketches=sketches)
        lines = (tmp_path / name / "generator" / "metrics.jsonl").read_text().splitlines()
        losses.append([json.loads(line).get("hole") for line in lines])
        said = json.loads((tmp_path / name / "generator" / "run.json").read_text())["files"]["sketches"]
        assert (said is None) == (sketches is None)
    assert losses[0] != losses[1]


def test_a_run_records_what_it_was_made_with(run: Path, drawn_folder: Path) -> None:
    assert json.loads((run / "run.json").read_text()) == {"recipe": "gfc_tiny"}
    said = json.loads((run / "generator" / "run.json").read_text())
    content = FaceFolder(drawn_folder).content
    assert said["data"] == {"name": drawn_folder.name, "split": "train", "faces": 5, "sha256": content}
    named = ("features", "parser", "coarse", "inco2", "finder", "augmented", "scenes", "people", "sketches")
    assert said["files"] == dict.fromkeys(named)
    assert [stage["until_images"] for stage in said["content"]["stages"]] == [4, 8, 12]
    assert said["sessions"][0]["versions"]["torch"]


def test_another_recipe_or_batch_is_refused_and_changes_nothing(run: Path, drawn_folder: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(SystemExit, match="begun with the recipe gfc_tiny, not lafin_tiny"):
        train("lafin_tiny", drawn_folder, run, part="generator")
    with pytest.raises(SystemExit, match=r"content\.stages\[0\]\.batch_size was 2 and is 4"):
        train("gfc_tiny", drawn_folder, run, batch=4)
    with pytest.raises(SystemExit, match=r'data\.split was "train" and is "all"'):
        train("gfc_tiny", drawn_folder, run, split="all")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_own_values_are_recorded_and_others_refused(drawn_folder: Path, tmp_path: Path) -> None:
    own = {"own": ["learning_rate=2e-4", "until_images=4"], "seed": 3}
    train("gfc_tiny", drawn_folder, tmp_path, **own)
    said = json.loads((tmp_path / "generator" / "run.json").read_text())
    assert said["set"] == {"seed": "3", "learning_rate": "2e-4", "until_images": "4"}
    assert said["content"]["seed"] == 3
    assert said["step"]["optimizers"]["generator"]["groups"][0]["lr"] == 2e-4
    with pytest.raises(SystemExit, match=r"groups\[0\]\.lr was 0\.0002 and is 0\.0003"):
        train("gfc_tiny", drawn_folder, tmp_path, own=["learning_rate=3e-4", "until_images=4"], seed=3)
    with pytest.raises(SystemExit, match=r"content\.seed was 3 and is 0"):
        train("gfc_tiny", drawn_folder, tmp_path, own=own["own"])
    train("gfc_tiny", drawn_folder, tmp_path, own=["learning_rate=0.0002", "until_images=4"], seed=3)


def test_an_unknown_field_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="near it: batch_size"):
        train("gfc_tiny", tmp_path / "missing", tmp_path / "run", own=["batch_sise=4"])


def test_the_validation_faces_are_looked_at_and_the_best_kept(run: Path, drawn_folder: Path) -> None:
    """Of six faces the last is for validation; the tiny part looks after 8 images and at the end."""
    lines = [json.loads(line) for line in (run / "generator" / "validation.jsonl").read_text().splitlines()]
    assert [line["images_seen"] for line in lines] == [8, 12]
    assert lines[0]["best"] is True
    assert (run / "generator" / "best" / "generator.safetensors").is_file()
    faces = open_validation([drawn_folder], "train", None, None)
    assert faces is not None
    assert len(faces) == 1
    assert open_validation([drawn_folder], "all", None, None) is None


def test_a_folder_in_use_is_refused(run: Path, drawn_folder: Path) -> None:
    holder = Holder(run / "generator" / ".lock").until_held()
    with pytest.raises(SystemExit, match=f"is in use by process {holder.pid} "):
        train("gfc_tiny", drawn_folder, run)
    holder.release()
    train("gfc_tiny", drawn_folder, run)


class InterruptingFaces(DrawnFaces):
    """Somebody presses Ctrl-C while the fifth picture is read."""

    read = 0
    content = "c" * 64

    def image(self, index: int) -> torch.Tensor:
        self.read += 1
        if self.read == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return super().image(index)


def test_ctrl_c_says_where_it_stopped_and_ends_all_parts(
    drawn_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "open_faces", lambda folders, split: InterruptingFaces(6, 64))
    train("lafin_tiny", drawn_folder, tmp_path)
    assert "lafin_tiny/predictor: stopped at 6 of 12; the same command goes on" in capsys.readouterr().out
    assert load_checkpoint(tmp_path / "predictor" / "checkpoint.pt")["images_seen"] == 6
    assert not (tmp_path / "generator").exists()


def test_make_train_takes_paths_with_spaces() -> None:
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of `make test`
    asked = ["make", "-n", "train", "RECIPE=lafin_tiny", "DATA=my faces/of 2026", "RUN=my runs/a b", "ARGS=--seed 3"]
    root = Path(__file__).parents[2]
    said = subprocess.run(asked, cwd=root, env=alone, capture_output=True, text=True, check=True).stdout
    words = shlex.split(said.splitlines()[-1])
    assert words[1:] == [
        "-m", "training.train", "lafin_tiny", "--data", "my faces/of 2026", "--run", "my runs/a b", "--seed", "3",
    ]  # fmt: skip


def test_how_a_part_ended() -> None:
    part = command.RECIPES["lafin_demo"]().part("generator")
    said = how_it_ended("lafin_demo", part, 182_248, Path("runs/demo/generator"))
    assert said == "lafin_demo/generator: stopped at 182,248 of 254,776; the same command goes on"
    assert "254,776 images seen, in runs" in how_it_ended("lafin_demo", part, 254_776, Path("runs"))


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "8", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "1"}, False),
    ],
)
def test_the_first_process_writes(environment: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in command.RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_first() == first
