import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from tests.training.several import FACES, files, tiny_parts
from training.checkpoint import load_checkpoint, load_snapshot
from training.data.drawn import write_folder
from training.loop import due, train
from training.machine import Machine
from training.papers.lafin.recipe import lafin_tiny
from training.papers.parser.recipe import parser_tiny
from training.recipe import Files, Part, RecipeError, stage_at

CPU = Machine(accelerator="cpu", devices=1, precision="32-true", threads=1)


@pytest.fixture(scope="module")
def part() -> Part:
    return lafin_tiny().part("generator")


@pytest.fixture(scope="module")
def unbroken(part: Part, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("unbroken")
    assert train(part, FACES, run, Files(), CPU) == 12
    return run


def test_a_run_folder_holds_what_it_says(unbroken: Path) -> None:
    lines = [json.loads(line) for line in (unbroken / "metrics.jsonl").read_text().splitlines()]
    assert [line["images_seen"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert {"pixel", "adversarial", "discriminator", "images_per_second"} <= set(lines[0])
    sheet = cv2.imread(str(unbroken / "sheets" / "000000012.png"))
    assert sheet is not None
    assert sheet.shape == (2 * 128, 4 * 128, 3)
    tensors, metadata = load_snapshot(unbroken / "generator.safetensors")
    assert metadata["images_seen"] == "12"
    assert not [key for key in tensors if "parametrizations" in key]


@pytest.mark.parametrize("name", tiny_parts())
def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(name: str, tmp_path: Path) -> None:
    """Stopped after every update, in the arithmetic that this machine takes by itself."""
    part, machine = tiny_parts()[name], Machine(accelerator="cpu", devices=1, threads=1)
    frozen = files(tmp_path / "files")
    total = train(part, FACES, tmp_path / "whole", frozen, machine)
    seen, runs = 0, 0
    while seen < total:
        seen = train(part, FACES, tmp_path / "resumed", frozen, machine, seconds=0.0)
        runs += 1
    assert runs == 6
    whole, resumed = (load_checkpoint(tmp_path / folder / "checkpoint.pt") for folder in ("whole", "resumed"))
    assert same(whole, resumed)
    lines = (tmp_path / "resumed" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["images_seen"] for line in lines] == [2, 4, 6, 8, 10, 12]


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_the_stages_follow_one_another(part: Part) -> None:
    assert [stage_at(part, seen).pixels for seen in (0, 7, 8, 11)] == [64, 64, 128, 128]


def test_due_counts_crossed_multiples() -> None:
    assert [due(seen, 10, 4) for seen in (4, 8, 12, 16, 20)] == [False, False, True, False, True]


def test_micro_batches_without_a_picture_are_refused(part: Part, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--accumulate 3 leaves 0; a micro-batch needs a picture"):
        train(part, FACES, tmp_path, Files(), replace(CPU, accumulate=3))


def test_batch_norms_need_two_pictures_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--accumulate 2 leaves 1; batch norms need two pictures"):
        train(parser_tiny().part("parser"), FACES, tmp_path, Files(), replace(CPU, accumulate=2))


def test_a_phase_that_the_step_does_not_know_is_refused(part: Part, tmp_path: Path) -> None:
    strange = replace(part, stages=(replace(part.stages[0], phase="adversarial"),))
    with pytest.raises(RecipeError, match="no phase 'adversarial'"):
        train(strange, FACES, tmp_path, Files(), CPU)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn")
    write_folder(path, 12, 64)
    return path


def command(folder: Path, run: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "training.train", "lafin_tiny", "--part", "generator", "--data", str(folder),
        "--run", str(run), "--accelerator", "cpu", "--threads", "1", *more,
    ]  # fmt: skip


def test_sigterm_saves_and_the_same_command_goes_on(folder: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(folder, tmp_path, "--devices", "1"), stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    metrics = tmp_path / "generator" / "metrics.jsonl"
    deadline_seconds = time.monotonic() + 60
    while not metrics.is_file() and time.monotonic() < deadline_seconds:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, process.communicate()
    seen = load_checkpoint(tmp_path / "generator" / "checkpoint.pt")["images_seen"]
    assert 2 <= seen <= 12
    subprocess.run(command(folder, tmp_path, "--devices", "1"), check=True, capture_output=True, timeout=120)
    assert load_checkpoint(tmp_path / "generator" / "checkpoint.pt")["images_seen"] == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown"], "unknown recipe 'unknown'"),
        (["lafin_tiny", "--part", "critic"], "has no part 'critic'"),
    ],
)
def test_mistakes_are_one_line(folder: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training.train", *arguments, "--data", str(folder), "--run", str(tmp_path)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_stage_names_its_phase(part: Part, tmp_path: Path) -> None:
    stages = (replace(part.stages[0], phase="reconstruction"), *part.stages[1:])
    train(replace(part, stages=stages), FACES, tmp_path, Files(), CPU)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert ["adversarial" in line for line in lines] == [False] * 4 + [True] * 2
