"""What a run folder keeps, what it never keeps, and what another training begins with."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.several import CPU, FACES
from training.checkpoint import CheckpointError, load_checkpoint, load_snapshot
from training.convert import SHIPPED_REPOSITORY
from training.data.drawn import DrawnFaces
from training.data.parsing import HELEN, SHOWFACE
from training.data.stream import Batch
from training.loop import train
from training.papers import RECIPES
from training.papers.lafin.recipe import build_generator, lafin_tiny
from training.recipe import Files, Part, RecipeError
from training.step import Figures, Step


def test_a_checkpoint_of_another_part_is_refused(unbroken: Path) -> None:
    with pytest.raises(CheckpointError, match="belongs to part"):
        train(lafin_tiny().part("predictor"), FACES, unbroken, Files(), CPU)


def test_a_checkpoint_of_another_recipe_is_refused(part: Part, unbroken: Path) -> None:
    wider = replace(part, build=lambda files: build_generator(files, width=16))
    with pytest.raises(CheckpointError, match="another recipe"):
        train(wider, FACES, unbroken, Files(), CPU)


def spoiled(part: Part, update: int, *, where: str) -> Part:
    """The part, whose update of that number gives a loss, or leaves a weight, that is not finite."""

    def build(frozen: Files) -> Step:
        step = part.build(frozen)
        update_as_it_is, done = step.update, 0

        def update_once(*shares: Batch) -> Figures:
            nonlocal done
            figures, done = update_as_it_is(*shares), done + 1
            if done == update and where == "loss":
                figures["pixel"] = figures["pixel"] * float("nan")
            if done == update and where == "weight":
                next(step.networks["generator"].parameters()).data[0] = float("inf")
            return figures

        step.update = update_once
        return step

    return replace(part, build=build, report_every_images=1_000)


@pytest.mark.parametrize("where", ["loss", "weight"])
def test_what_is_not_finite_never_reaches_a_checkpoint(part: Part, tmp_path: Path, where: str) -> None:
    """Three updates, of which the second is checkpointed; the third goes wrong, and the run ends after it."""
    stages = (replace(part.stages[0], until_images=6),)
    broken = spoiled(replace(part, stages=stages), 3, where=where)
    with pytest.raises(RecipeError, match="no longer finite at 6 images"):
        train(broken, FACES, tmp_path, Files(), CPU)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["images_seen"] == 4
    assert load_snapshot(tmp_path / "generator.safetensors")[1]["images_seen"] == "4"


@pytest.mark.parametrize("where", ["loss", "weight"])
def test_a_stop_saves_nothing_that_is_not_finite(part: Part, tmp_path: Path, where: str) -> None:
    with pytest.raises(RecipeError, match="no longer finite at 2 images"):
        train(spoiled(part, 1, where=where), FACES, tmp_path, Files(), CPU, seconds=0.0)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_run_begins_with_snapshots(part: Part, unbroken: Path, tmp_path: Path) -> None:
    longer = replace(part, stages=(*part.stages, replace(part.stages[-1], until_images=16)))
    assert train(longer, FACES, tmp_path, Files(), CPU, start=unbroken) == 16
    _, metadata = load_snapshot(tmp_path / "generator.safetensors")
    assert metadata["images_seen"] == "16"
    first = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert first["images_seen"] == 14


class JoinedClasses(DrawnFaces):
    """Drawn faces whose maps have ShowFace's classes: left and right are one."""

    parsing_classes = len(SHOWFACE)

    def parsing(self, index: int) -> np.ndarray:
        joined = {"left_brow": "brows", "right_brow": "brows", "left_eye": "eyes", "right_eye": "eyes"}
        table = np.array([SHOWFACE.index(joined.get(name, name)) for name in HELEN], np.uint8)
        return table[super().parsing(index)]


@pytest.mark.parametrize(
    ("recipe", "name", "model"),
    [
        ("dsa_demo", "generator", "dsa_generator"),
        ("gfc_demo", "generator", "gfc_generator"),
        ("lafin_demo", "generator", "lafin_generator"),
        ("lafin_demo", "predictor", "lafin_predictor"),
        ("parser_14_demo", "parser", "parser"),
    ],
)
def test_shipped_snapshots_can_be_gone_on_with(recipe: str, name: str, model: str, tmp_path: Path) -> None:
    """Of a model's folder; what has seen all of a recipe's pictures begins its stages anew."""
    short = RECIPES[recipe]().part(name)
    first = replace(short.stages[0], until_images=2, batch_size=2)
    short = replace(short, stages=(first,), sheet_every_images=100)
    faces = JoinedClasses(6, 128) if model == "parser" else FACES
    assert train(short, faces, tmp_path, Files(), CPU, start=SHIPPED_REPOSITORY / model) == 2
    assert load_snapshot(tmp_path / f"{name}.safetensors")[1]["images_seen"] == "2"


def test_a_snapshot_itself_can_be_named(part: Part, unbroken: Path, tmp_path: Path) -> None:
    longer = replace(part, stages=(*part.stages, replace(part.stages[-1], until_images=14)))
    assert train(longer, FACES, tmp_path, Files(), CPU, start=unbroken / "generator.safetensors") == 14


def test_a_run_that_has_a_checkpoint_ignores_the_start(part: Part, unbroken: Path, tmp_path: Path) -> None:
    train(replace(part, stages=part.stages[:1]), FACES, tmp_path, Files(), CPU)
    assert train(part, FACES, tmp_path, Files(), CPU, start=tmp_path / "nowhere") == 12


def test_snapshots_of_another_network_are_refused(part: Part, unbroken: Path, tmp_path: Path) -> None:
    wider = replace(part, build=lambda files: build_generator(files, width=16))
    with pytest.raises(CheckpointError, match="of another network"):
        train(wider, FACES, tmp_path, Files(), CPU, start=unbroken)
