"""TensorBoard's files hold what metrics.jsonl and validation.jsonl say, as TensorBoard itself reads them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.several import CPU, FACES
from training import events
from training.errors import OptionError
from training.events import Events, require_tensorboard
from training.loop import train
from training.recipe import Files, Part


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    read = EventAccumulator(str(folder)).Reload()
    return {tag: [(one.step, one.value) for one in read.Scalars(tag)] for tag in read.Tags()["scalars"]}


def lines(path: Path, name: str) -> list[tuple[int, float]]:
    read = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["images_seen"], pytest.approx(line[name], rel=1e-6)) for line in read]


def test_a_training_and_its_resumption_write_what_their_lines_say(part: Part, tmp_path: Path) -> None:
    short = replace(part, stages=(replace(part.stages[0], until_images=6),), validate_every_images=2)
    train(short, FACES, tmp_path, Files(), CPU, seconds=0.0, validation=FACES, tensorboard=True)
    train(short, FACES, tmp_path, Files(), CPU, validation=FACES, tensorboard=True)
    found = scalars(tmp_path / "tensorboard")
    for name in ("pixel", "generator_learning_rate", "generator_gradient_norm", "stage", "images_per_second"):
        assert found[name] == lines(tmp_path / "metrics.jsonl", name)
    assert found[f"validation/{part.best_by}"] == lines(tmp_path / "validation.jsonl", part.best_by)
    assert not {"time", "images_seen", "validation/best"} & set(found)


def test_what_lies_behind_the_checkpoint_is_no_longer_shown(tmp_path: Path) -> None:
    for begun, seen in ((0, (2, 4, 6)), (4, (6, 8))):
        written = Events(tmp_path, begun)
        for images in seen:
            written.note({"pixel": float(10 * begun + images), "broken": float("nan"), "best": True}, images)
        written.close()
    assert scalars(tmp_path / "tensorboard") == {"pixel": [(2, 2.0), (4, 4.0), (6, 46.0), (8, 48.0)]}


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    require_tensorboard()
    monkeypatch.setattr(events, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"not installed: pip install 'face-inpainting\[tensorboard\]'"):
        require_tensorboard()
