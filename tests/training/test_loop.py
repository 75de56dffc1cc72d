import copy
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

from tests.training.several import CPU, FACES, files, tiny_parts
from training.checkpoint import load_checkpoint, load_snapshot
from training.data.drawn import DrawnFaces, write_folder
from training.keeping import Keep
from training.loop import average, due, set_learning_rates, train
from training.machine import Machine
from training.papers.parser.recipe import parser_tiny
from training.recipe import Files, Part, RecipeError, Stage, stage_at
from training.settings import with_settings
from training.watching import NUMBERS_PIXELS, TITLES_PIXELS


def test_a_run_folder_holds_what_it_says(unbroken: Path) -> None:
    lines = [json.loads(line) for line in (unbroken / "metrics.jsonl").read_text().splitlines()]
    assert [line["images_seen"] for line in lines] == [2, 4, 6, 8, 10, 12]
    assert {"pixel", "adversarial", "discriminator", "images_per_second", "time"} <= set(lines[0])
    assert [line["stage"] for line in lines] == [1, 1, 1, 1, 2, 2]
    for network, rate in (("generator", 1e-4), ("discriminator", 1e-5)):
        assert {line[f"{network}_learning_rate"] for line in lines} == {rate}
        assert all(line[f"{network}_gradient_norm"] > 0 for line in lines)
    sheet = cv2.imread(str(unbroken / "sheets" / "000000012.png"))
    assert sheet is not None
    assert sheet.shape == (TITLES_PIXELS + 2 * 128, NUMBERS_PIXELS + 4 * 128, 3)
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
    assert runs == total / 2 >= 6
    whole, resumed = (load_checkpoint(tmp_path / folder / "checkpoint.pt") for folder in ("whole", "resumed"))
    assert same(whole, resumed)
    lines = (tmp_path / "resumed" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["images_seen"] for line in lines] == list(range(2, total + 1, 2))


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
    assert not due(20, 0, 4)


def test_averages_forget_half_after_their_half_life(part: Part) -> None:
    """Whatever the batch: what counts is images."""
    for batch_size in (1, 4):
        step = part.build(Files())
        averages = {"generator": copy.deepcopy(step.networks["generator"])}
        with torch.no_grad():
            for parameter in step.networks["generator"].parameters():
                parameter.add_(1.0)
        for _ in range(8 // batch_size):
            average(replace(part, ema_half_life_images=8), step, averages, batch_size)
        for old, new in zip(averages["generator"].parameters(), step.networks["generator"].parameters(), strict=True):
            assert torch.allclose(new - old, torch.tensor(0.5), atol=1e-4)


def test_without_a_half_life_the_average_is_the_network(part: Part) -> None:
    step, other = part.build(Files()), part.build(Files())
    averages = {"generator": other.networks["generator"]}
    average(replace(part, ema_half_life_images=0), step, averages, 2)
    assert same(averages["generator"].state_dict(), step.networks["generator"].state_dict())


def test_a_run_moves_and_averages_as_its_recipe_says(part: Part, tmp_path: Path) -> None:
    """One update with two images, after which the first weights count half."""
    stage = Stage(until_images=2, pixels=64, batch_size=2, learning_rate_factor=0.4)
    train(replace(part, stages=(stage,), ema_half_life_images=2), FACES, tmp_path, Files(), CPU)
    torch.manual_seed(part.seed)
    first = dict(part.build(Files()).networks["generator"].named_parameters())
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state["optimizers"]["generator"]["param_groups"][0]["lr"] == pytest.approx(0.4e-4)
    assert state["optimizers"]["discriminator"]["param_groups"][0]["lr"] == pytest.approx(0.4e-5)
    last, averaged = state["networks"]["generator"], state["averages"]["generator"]
    assert not torch.equal(last["encoder1.1.weight"], first["encoder1.1.weight"])
    for name, begun in first.items():
        assert torch.allclose(averaged[name], (begun + last[name]) / 2, atol=1e-7)


def test_each_optimiser_keeps_its_own_rate_times_the_stages_factor_and_decay(part: Part) -> None:
    stages = (
        Stage(until_images=100, pixels=64, batch_size=2),
        Stage(until_images=300, pixels=64, batch_size=2, learning_rate_factor=0.4, decay_to=0.05),
    )
    step, staged = part.build(Files()), replace(part, stages=stages)
    for seen, factor in ((0, 1.0), (98, 1.0), (100, 0.4), (200, 0.4 * 0.525), (300 - 1e-6, 0.4 * 0.05), (50, 1.0)):
        set_learning_rates(step, staged, seen)
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in step.optimizers.items()}
        assert rates == pytest.approx({"generator": 1e-4 * factor, "discriminator": 1e-5 * factor}, rel=1e-3)


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


def test_a_stopped_training_leaves_a_sheet_of_where_it_is(part: Part, tmp_path: Path) -> None:
    train(part, FACES, tmp_path, Files(), CPU, seconds=0.0)
    assert [path.name for path in (tmp_path / "sheets").iterdir()] == ["000000002.png"]


def test_validation_judges_keeps_the_best_and_goes_on_where_it_was(part: Part, tmp_path: Path) -> None:
    """Validation after every second update; in one go, and stopped after each update, the same is written."""
    often = replace(part, validate_every_images=4, validation_faces=3)
    held_out = DrawnFaces(3, 64, seed=5)
    train(often, FACES, tmp_path / "whole", Files(), CPU, validation=held_out)
    for _ in range(6):
        train(often, FACES, tmp_path / "resumed", Files(), CPU, validation=held_out, seconds=0.0)
    for name, read in (
        ("validation.jsonl", Path.read_text),
        ("checkpoint.pt", load_checkpoint),
        ("best/generator.safetensors", load_snapshot),
    ):
        assert same(*(read(tmp_path / folder / name) for folder in ("whole", "resumed")))
    lines = [json.loads(line) for line in (tmp_path / "whole" / "validation.jsonl").read_text().splitlines()]
    assert [line["images_seen"] for line in lines] == [4, 8, 12]
    errors = [line[part.best_by] for line in lines]
    assert [line["best"] for line in lines] == [errors[i] < min(errors[:i], default=1e9) for i in range(3)]
    metadata = load_snapshot(tmp_path / "whole" / "best" / "generator.safetensors")[1]
    assert metadata["images_seen"] == str(lines[errors.index(min(errors))]["images_seen"])
    assert float(metadata["best_error"]) == min(errors)
    assert (tmp_path / "whole" / "sheets" / "000000008_validation.png").is_file()


def test_looking_changes_nothing_that_is_trained(part: Part, unbroken: Path, tmp_path: Path) -> None:
    train(part, FACES, tmp_path, Files(), CPU, validation=DrawnFaces(3, 64, seed=5), keep=Keep(last=2, every=1))
    assert same(*(load_checkpoint(folder / "checkpoint.pt") for folder in (unbroken, tmp_path)))
    assert sorted(path.name for path in (tmp_path / "snapshots").iterdir()) == ["000000004", "000000008", "000000012"]


def test_a_figure_that_no_step_knows_is_named(part: Part, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="judged by 'beauty'; its step knows hole_l1_percent"):
        train(replace(part, best_by="beauty"), FACES, tmp_path, Files(), CPU, validation=FACES)


def test_another_rate_that_is_forced_is_the_one_that_moves(part: Part, tmp_path: Path) -> None:
    train(part, FACES, tmp_path, Files(), CPU, seconds=0.0)
    faster = with_settings(part, {"learning_rate": "3e-3"})
    train(faster, FACES, tmp_path, Files(), CPU, seconds=0.0)
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state["optimizers"]["generator"]["param_groups"][0]["lr"] == pytest.approx(3e-3)
    assert state["optimizers"]["discriminator"]["param_groups"][0]["lr"] == pytest.approx(1e-5)


def test_a_stage_names_its_phase(part: Part, tmp_path: Path) -> None:
    stages = (replace(part.stages[0], phase="reconstruction"), *part.stages[1:])
    train(replace(part, stages=stages), FACES, tmp_path, Files(), CPU)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert ["adversarial" in line for line in lines] == [False] * 4 + [True] * 2
