"""What a run folder keeps, what it never keeps, and what another training begins with."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.several import CPU, FACES
from training.checkpoint import CheckpointError, load_checkpoint, load_snapshot, save_snapshot
from training.convert import SHIPPED_REPOSITORY
from training.data.drawn import DrawnFaces
from training.data.parsing import HELEN, SHOWFACE
from training.data.stream import Batch
from training.loop import train
from training.papers import RECIPES
from training.papers.lafin.recipe import build_generator, lafin_tiny
from training.papers.parser.serving import open_parser
from training.papers.showface.networks import Reconstruction
from training.recipe import Files, Part, RecipeError
from training.saving import begin_with
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


def beside_the_refiner(folder: Path) -> Files:
    """What the refiner needs: the shipped coarse network and parser, and an InCo2 network that nobody trained."""
    inco2 = folder / "inco2.safetensors"
    save_snapshot(inco2, Reconstruction(12).state_dict(), {})
    parser = open_parser(SHIPPED_REPOSITORY / "parser" / "snapshot.safetensors")
    return Files(parser=parser, coarse=SHIPPED_REPOSITORY / "showface_coarse" / "snapshot.safetensors", inco2=inco2)


@pytest.mark.parametrize(
    ("recipe", "name", "model"),
    [
        ("dsa_demo", "generator", "dsa_generator"),
        ("finder_demo", "finder", "finder"),
        ("finder_demo", "verifier", "finder"),
        ("gfc_demo", "generator", "gfc_generator"),
        ("lafin_demo", "generator", "lafin_generator"),
        ("lafin_demo", "predictor", "lafin_predictor"),
        ("parser_14_demo", "parser", "parser"),
        ("showface_demo", "coarse", "showface_coarse"),
        ("showface_demo", "refiner", "showface_refiner"),
    ],
)
def test_shipped_snapshots_can_be_gone_on_with(recipe: str, name: str, model: str, tmp_path: Path) -> None:
    """Of a model's folder; what has seen all of a recipe's pictures begins its stages anew."""
    short = RECIPES[recipe]().part(name)
    first = replace(short.stages[0], until_images=2, batch_size=2)
    short = replace(short, stages=(first,), sheet_every_images=100)
    faces = JoinedClasses(6, 128) if model == "parser" else FACES
    files = Files(finder=SHIPPED_REPOSITORY / "finder" / "snapshot.safetensors")
    files = beside_the_refiner(tmp_path) if name == "refiner" else files
    assert train(short, faces, tmp_path, files, CPU, start=SHIPPED_REPOSITORY / model) == 2
    assert load_snapshot(tmp_path / f"{name}.safetensors")[1]["images_seen"] == "2"


def test_a_snapshot_itself_can_be_named(part: Part, unbroken: Path, tmp_path: Path) -> None:
    longer = replace(part, stages=(*part.stages, replace(part.stages[-1], until_images=14)))
    assert train(longer, FACES, tmp_path, Files(), CPU, start=unbroken / "generator.safetensors") == 14


@pytest.fixture(scope="module")
def three_networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a part that ships three networks, after its first stage."""
    run = tmp_path_factory.mktemp("three")
    part = RECIPES["reference_tiny"]().part("generator")
    train(replace(part, stages=part.stages[:1]), FACES, run, Files(), CPU)
    return run


def of_three(three_networks: Path, folder: Path, *names: str, single: str | None = None) -> Path:
    """A folder with some of its snapshots, or with a `single` one as a model's folder has it."""
    folder.mkdir()
    for name in names:
        shutil.copy(three_networks / f"{name}.safetensors", folder)
    if single:
        shutil.copy(three_networks / f"{single}.safetensors", folder / "snapshot.safetensors")
    return folder


def begun(start: Path) -> tuple[int, list[str], dict[str, dict[str, Tensor]]]:
    """What a fresh step of that part begins with: images, who is untrained, the averages."""
    part = RECIPES["reference_tiny"]().part("generator")
    torch.manual_seed(5)
    step = part.build(Files())
    averages = {name: copy.deepcopy(step.networks[name]) for name in step.shipped}
    images, untrained = begin_with(start, part, step, averages)
    for name, network in averages.items():
        assert all(torch.equal(one, step.networks[name].state_dict()[key]) for key, one in network.state_dict().items())
    return images, untrained, step.freeze(averages)


def test_networks_without_a_snapshot_begin_untrained_and_all_stages_with_them(
    three_networks: Path, tmp_path: Path
) -> None:
    """All three go on with their images; of some, as of a model's folder or a single file, the others are told."""
    assert begun(three_networks)[:2] == (4, [])
    (tmp_path / "run").mkdir()
    shutil.copytree(three_networks, tmp_path / "run" / "generator")  # of the whole run, as its part's folder
    assert begun(tmp_path / "run")[:2] == (4, [])
    assert begun(of_three(three_networks, tmp_path / "two", "generator", "auxiliary"))[:2] == (0, ["extractor"])
    trained = {name: load_snapshot(three_networks / f"{name}.safetensors")[0] for name in ("extractor", "auxiliary")}
    for name, others in (("extractor", ["generator", "auxiliary"]), ("auxiliary", ["generator", "extractor"])):
        folder = of_three(three_networks, tmp_path / name, single=name)
        for start in (folder, folder / "snapshot.safetensors"):
            images, untrained, states = begun(start)
            assert (images, untrained) == (0, others)
            for key, weights in trained[name].items():
                assert torch.allclose(states[name][key].float(), weights.float(), atol=1e-3)


def test_a_run_says_who_begins_untrained(
    three_networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = RECIPES["reference_tiny"]().part("generator")
    short = replace(part, stages=part.stages[:1])
    start = of_three(three_networks, tmp_path / "model", single="generator")
    assert train(short, FACES, tmp_path / "run", Files(), CPU, start=start) == 4
    assert f"begins with {start} at 0 images; untrained begin extractor, auxiliary" in capsys.readouterr().out


def test_a_folder_without_a_snapshot_and_a_file_of_nobody_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no snapshot at .*generator\.safetensors"):
        begun(tmp_path)
    save_snapshot(tmp_path / "x.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(CheckpointError, match=r"x\.safetensors is of another network"):
        begun(tmp_path / "x.safetensors")


def test_a_run_that_has_a_checkpoint_ignores_the_start(part: Part, unbroken: Path, tmp_path: Path) -> None:
    train(replace(part, stages=part.stages[:1]), FACES, tmp_path, Files(), CPU)
    assert train(part, FACES, tmp_path, Files(), CPU, start=tmp_path / "nowhere") == 12


def test_snapshots_of_another_network_are_refused(part: Part, unbroken: Path, tmp_path: Path) -> None:
    wider = replace(part, build=lambda files: build_generator(files, width=16))
    with pytest.raises(CheckpointError, match="of another network"):
        train(wider, FACES, tmp_path, Files(), CPU, start=unbroken)
