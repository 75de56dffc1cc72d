"""The tiny recipe runs, resumes, exports; the others say what they are."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.deploying import model_folder
from training.checkpoint import load_checkpoint, load_snapshot, save_snapshot
from training.errors import TrainingError
from training.export import ExportError, export
from training.loop import train
from training.machine import Machine
from training.papers import DEPLOYED, RECIPES
from training.papers.finder.recipe import finder_tiny
from training.papers.finder.serving import apart
from training.papers.finder.sources import SceneFaces
from training.recipe import Files

CPU = Machine(accelerator="cpu", devices=1, threads=1)


@pytest.fixture(scope="module")
def run(scene_faces: SceneFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert train(finder_tiny().part("finder"), scene_faces, folder, Files(), CPU) == 12
    return folder


def test_a_run_reports_and_draws(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"heat", "offset", "size", "roll", "shape"} <= set(lines[-1])
    assert (run / "sheets" / "000000012.png").is_file()


def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(run: Path, scene_faces: SceneFaces, tmp_path: Path) -> None:
    part = finder_tiny().part("finder")
    first = replace(part, stages=(replace(part.stages[0], until_images=4),))
    train(first, scene_faces, tmp_path, Files(), CPU)
    train(part, scene_faces, tmp_path, Files(), CPU)
    whole, resumed = load_checkpoint(run / "checkpoint.pt"), load_checkpoint(tmp_path / "checkpoint.pt")
    for name in ("networks", "averages"):
        for key, tensor in whole[name]["finder"].items():
            assert torch.equal(tensor, resumed[name]["finder"][key]), key


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A deployed model of the tiny run."""
    return model_folder(tmp_path, "finder", run / "finder.safetensors")


def exported_and_eager(folder: Path, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """What the export of a state and the plain module say of two pictures."""
    save_snapshot(folder / "snapshot.safetensors", state, {})
    export(folder, DEPLOYED["finder"], "float32")
    image = torch.randint(0, 256, (2, 3, 640, 640), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 640, 640, dtype=torch.uint8)
    faces = torch.jit.load(folder / "1" / "model.pt")(image, hole)
    return faces, DEPLOYED["finder"].load(load_snapshot(folder / "snapshot.safetensors")[0])(image, hole)


def test_its_snapshot_is_exported_and_says_the_same_in_plain_torch(folder: Path) -> None:
    state, _ = load_snapshot(folder / "snapshot.safetensors")
    state["head.1.bias"][0] = 1.0  # many faces, or there is nothing to compare
    faces, eager = exported_and_eager(folder, state)
    assert (eager[:, :5, 0] > 0.5).all()
    assert torch.allclose(faces[..., 0], eager[..., 0], atol=1e-4)
    assert apart(eager, faces) == ""


def test_a_snapshot_of_another_network_is_refused_in_words(folder: Path) -> None:
    save_snapshot(folder / "snapshot.safetensors", {"weight": torch.zeros(2)}, {})
    with pytest.raises(ExportError, match=r"does not fit finder: stem\.0\.weight"):
        export(folder, DEPLOYED["finder"])


@pytest.mark.parametrize("name", ["finder", "finder_demo", "finder_tiny"])
def test_recipes_train_the_maps_and_then_the_second_look(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    assert [part.name for part in recipe.parts] == ["finder", "verifier"]
    assert all(stage.pixels % 64 == 0 for part in recipe.parts for stage in part.stages)


@pytest.fixture(scope="module")
def second_look(run: Path, scene_faces: SceneFaces, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny second look, trained with the maps of the run before it."""
    folder = tmp_path_factory.mktemp("second")
    files = Files(finder=run / "finder.safetensors")
    assert train(finder_tiny().part("verifier"), scene_faces, folder, files, CPU) == 12
    return folder


def test_the_second_look_keeps_the_maps_of_its_run(run: Path, second_look: Path) -> None:
    maps, both = (load_snapshot(path)[0] for path in (run / "finder.safetensors", second_look / "verifier.safetensors"))
    assert all(torch.equal(tensor, both[f"finder.{key}"]) for key, tensor in maps.items())


def test_a_finder_with_a_second_look_is_exported_and_says_the_same(second_look: Path, tmp_path: Path) -> None:
    state, _ = load_snapshot(second_look / "verifier.safetensors")
    state["finder.head.1.bias"][0] = 1.0  # many faces, or there is nothing to compare
    folder = model_folder(tmp_path, "finder", second_look / "verifier.safetensors")
    faces, eager = exported_and_eager(folder, state)
    assert (eager[:, 0, 0] > 0.3).all()
    assert torch.allclose(faces[..., 0], eager[..., 0], atol=1e-4)
    assert apart(eager, faces) == ""


def test_maps_go_on_from_a_finder_with_a_second_look(
    second_look: Path, scene_faces: SceneFaces, tmp_path: Path
) -> None:
    part = finder_tiny().part("finder")
    longer = replace(part, stages=(replace(part.stages[-1], until_images=14),))
    snapshot = second_look / "verifier.safetensors"
    assert train(longer, scene_faces, tmp_path, Files(), CPU, start=snapshot) == 14


@pytest.mark.parametrize(("files", "words"), [
    (Files(), "needs a trained part finder: train all parts of the recipe in one run, or name its snapshot, --finder"),
    (Files(finder=Path("nowhere.safetensors")), "nowhere.safetensors"),
])  # fmt: skip
def test_a_second_look_without_maps_is_refused(files: Files, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        RECIPES["finder_demo"]().part("verifier").build(files)
