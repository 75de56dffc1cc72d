"""The bar and the lines of figures."""

import datetime
import json
from pathlib import Path

import pytest
import torch

from tests.training.several import tiny_parts
from training.machine import Machine, launch
from training.progress import Progress, Speed, cost, work_left
from training.recipe import RecipeError, Stage

PART = tiny_parts()["lafin_tiny_generator"]  # 8 images at 64 px, then 4 at 128 px


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(launch(Machine(accelerator="cpu", devices=1)), PART, tmp_path, 0)


def test_losses_stage_size_and_end_are_told_from_the_first_images_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress(launch(Machine(accelerator="cpu", devices=1)), PART, tmp_path, 0)
    progress.add({"pixel": torch.tensor(0.25)}, PART.stages[0], 2)
    progress.close()
    told = capsys.readouterr().err
    for words in ("generator 1/2 64 px", "2/12", "pixel 0.25", "images/s"):
        assert words in told


def test_the_end_knows_that_later_stages_are_slower() -> None:
    """Two images at 64 px took a second: six more take three, and four at 128 px eight."""
    speed = Speed(100.0)
    speed.add(101.0, 2 * cost(PART.stages[0]))
    assert speed.seconds(work_left(PART, 2)) == pytest.approx(6 * 0.5 + 4 * 2.0)
    assert speed.seconds(work_left(PART, 10)) == pytest.approx(2 * 2.0)
    assert work_left(PART, 12) == 0


def test_windows_cost_their_own_size() -> None:
    assert cost(Stage(until_images=1, pixels=256, window_pixels=128, batch_size=1)) == 128**2


def test_the_speed_is_that_of_the_last_minutes() -> None:
    speed = Speed(0.0)
    for second in range(1, 1_001):
        speed.add(float(second), 100.0)
    for second in range(1_001, 1_301):
        speed.add(float(second), 10.0)
    assert speed.seconds(10.0) == pytest.approx(1.0, rel=0.5)


def test_a_line_holds_the_means_since_the_last_one(progress: Progress) -> None:
    for place, value in enumerate((1.0, 3.0), start=1):
        norms = {"generator": torch.tensor(10 * value)}
        progress.add({"pixel": torch.tensor(value)}, PART.stages[0], 2 * place, norms)
    progress.report(4, {"generator": 2e-4}, PART.stages[0])
    progress.add({"pixel": torch.tensor(7.0)}, PART.stages[1], 6, {"generator": torch.tensor(float("inf"))})
    progress.report(6, {"generator": 1e-4}, PART.stages[1])
    lines = [json.loads(line) for line in progress.lines.read_text().splitlines()]
    assert [(line["images_seen"], line["pixel"]) for line in lines] == [(4, 2.0), (6, 7.0)]
    assert [(line["stage"], line["generator_learning_rate"]) for line in lines] == [(1, 2e-4), (2, 1e-4)]
    assert [line["generator_gradient_norm"] for line in lines] == [20.0, None]
    written = datetime.datetime.fromisoformat(lines[0]["time"])
    assert abs(datetime.datetime.now(datetime.UTC) - written) < datetime.timedelta(minutes=5)


def test_what_is_not_finite_ends_the_training(progress: Progress) -> None:
    progress.add({"pixel": torch.tensor(float("nan")), "style": torch.tensor(1.0)}, PART.stages[0], 2)
    with pytest.raises(RecipeError, match="pixel is no longer finite at 2 images"):
        progress.report(2, {}, PART.stages[0])


def test_a_resumed_run_forgets_lines_after_its_checkpoint(tmp_path: Path) -> None:
    lines = [json.dumps({"images_seen": seen}) for seen in (2, 4, 6)]
    for name in ("metrics.jsonl", "validation.jsonl"):
        (tmp_path / name).write_text("\n".join(lines) + '\n{"images_se')
    Progress(launch(Machine(accelerator="cpu", devices=1)), PART, tmp_path, 4).close()
    for name in ("metrics.jsonl", "validation.jsonl"):
        kept = (tmp_path / name).read_text().splitlines()
        assert [json.loads(line)["images_seen"] for line in kept] == [2, 4]
