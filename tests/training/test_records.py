"""What a record says, and the differences between two of them, in words."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.data.drawn import write_folder
from training.data.faces import FaceFolder
from training.papers import RECIPES
from training.recipe import Files
from training.records import commit, describe, describe_data, describe_file, describe_step, differences, session

PART = RECIPES["lafin_tiny"]().part("generator")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "faces", 3, 32)
    return tmp_path / "faces"


def changed(before: object, now: object) -> list[str]:
    return list(differences(json.loads(json.dumps(before)), json.loads(json.dumps(now))))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_recorded_and_equals_itself(name: str) -> None:
    one, again = (
        [describe(name, part, {"sha256": "0"}, {"features": None}) for part in RECIPES[name]().parts] for _ in "12"
    )
    assert json.loads(json.dumps(one)) == json.loads(json.dumps(again))
    assert changed(one, again) == []
    assert all(record["content"]["stages"] for record in one)


def test_a_change_of_a_recipe_is_named() -> None:
    now = replace(PART, seed=7, stages=(replace(PART.stages[0], batch_size=4), *PART.stages[1:]))
    one, other = (describe("lafin_tiny", part, {}, {}) for part in (PART, now))
    assert changed(one, other) == ["content.stages[0].batch_size was 2 and is 4", "content.seed was 0 and is 7"]


def test_stages_more_or_less_are_counted() -> None:
    one, other = (describe("lafin_tiny", part, {}, {}) for part in (PART, replace(PART, stages=PART.stages[:1])))
    assert changed(one, other) == ["content.stages was 2 and is 1"]


def test_a_field_that_another_version_does_not_know_is_passed() -> None:
    assert changed({"content": {"seed": 1, "gone": 2}}, {"content": {"seed": 1, "new": 3}}) == []


def test_a_step_tells_its_figures() -> None:
    step = PART.build(Files())
    before = describe_step(step)
    assert before["optimizers"]["generator"]["groups"][0]["lr"] == 1e-4
    step.optimizers["generator"].param_groups[0]["lr"] = 2e-4
    step.weights = replace(step.weights, style=1.0)
    assert changed(before, describe_step(step)) == [
        "optimizers.generator.groups[0].lr was 0.0001 and is 0.0002",
        "settings.weights.style was 250.0 and is 1.0",
    ]


@pytest.mark.parametrize("name", [name for name in RECIPES if name.endswith("_tiny")])
def test_the_step_of_every_room_can_be_recorded(name: str) -> None:
    for part in RECIPES[name]().parts:
        said = describe_step(part.build(Files()))
        assert json.loads(json.dumps(said)) == said
        assert all(group["lr"] > 0 for one in said["optimizers"].values() for group in one["groups"])


def test_the_data_may_move_but_not_change(folder: Path, tmp_path: Path) -> None:
    before = describe_data([folder], "train", FaceFolder(folder))
    moved = folder.rename(tmp_path / "elsewhere")
    assert changed(before, describe_data([moved], "train", FaceFolder(moved))) == []
    shutil.copy(moved / "images" / "0000.png", moved / "images" / "0001.png")
    now = describe_data([moved], "train", FaceFolder(moved))
    assert [line.partition(" was ")[0] for line in changed({"data": before}, {"data": now})] == ["data"]


def test_a_given_file_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("weights")
    (tmp_path / "b").write_text("weights")
    (tmp_path / "c").write_text("others")
    a, b, c = (describe_file(tmp_path / name) for name in "abc")
    assert changed({"features": a}, {"features": b}) == []
    assert changed({"features": a}, {"features": c}) == [
        f"features was a ({a['sha256'][:8]}) and is c ({c['sha256'][:8]})"
    ]
    assert changed({"features": a}, {"features": None}) == [f"features was a ({a['sha256'][:8]}) and is none"]


def test_a_given_folder_is_known_by_its_pictures(tmp_path: Path) -> None:
    for name, words in (("a", "picture"), ("b", "picture"), ("c", "another picture")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_text(words)
    a, b, c = (describe_file(tmp_path / name) for name in "abc")
    assert a["sha256"] == b["sha256"] != c["sha256"]


def test_a_session_says_when_and_with_what() -> None:
    said = session()
    assert said["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert said["began"].endswith("+00:00")
    assert said["command"]


def test_the_commit_is_that_of_the_checkout() -> None:
    root = Path(__file__).parents[2]
    if (root / ".git").exists():
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True)
        assert str(commit()).removesuffix("-dirty") == head.stdout.strip()
    else:
        assert commit() is None
