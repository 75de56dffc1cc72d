"""The tiny recipe runs, resumes, exports; the others say what they are."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from tests.training.deploying import model_folder
from tests.training.several import CPU
from training.checkpoint import load_snapshot, save_snapshot
from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.export import ExportError, export
from training.loop import train
from training.papers import DEPLOYED, RECIPES
from training.papers.parser.networks import Parser
from training.papers.parser.recipe import parser_tiny
from training.recipe import Files
from training.signature import SignatureError

FACES = DrawnFaces(6, 64)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert train(parser_tiny().part("parser"), FACES, folder, Files(), CPU) == 12
    return folder


def test_a_run_reports_and_draws(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {"main", "at_8", "at_16", "pixel_accuracy"} <= set(lines[-1])
    assert (run / "sheets" / "000000012.png").is_file()


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A deployed model of the tiny run."""
    return model_folder(tmp_path, "parser", run / "parser.safetensors")


def test_its_snapshot_is_exported_and_says_the_same_in_plain_torch(folder: Path) -> None:
    export(folder, DEPLOYED["parser"])
    image = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    parsing = torch.jit.load(folder / "1" / "model.pt")(image)
    eager = DEPLOYED["parser"].load(load_snapshot(folder / "snapshot.safetensors")[0])(image)
    assert parsing.dtype == torch.uint8
    assert (parsing != eager).float().mean() < 0.001


def test_a_snapshot_with_other_classes_than_the_configuration_names_is_refused(folder: Path) -> None:
    save_snapshot(folder / "snapshot.safetensors", Parser(14, width=4).state_dict(), {})
    with pytest.raises(SignatureError, match=r"write parameters \{ key: \"classes\".*background,skin,brows,eyes"):
        export(folder, DEPLOYED["parser"])
    config = folder / "config.pbtxt"
    config.write_text("\n".join(line for line in config.read_text().splitlines() if "parameters" not in line))
    with pytest.raises(SignatureError, match="does not say what the snapshot is"):
        export(folder, DEPLOYED["parser"])


def test_a_snapshot_of_another_network_is_refused_in_words(folder: Path) -> None:
    save_snapshot(folder / "snapshot.safetensors", {"weight": torch.zeros(2)}, {})
    with pytest.raises(ExportError, match=r"does not fit parser: cp\.resnet\.conv1\.weight"):
        export(folder, DEPLOYED["parser"])


@pytest.mark.parametrize(("name", "classes"), [("parser", 19), ("parser_14", 14), ("parser_11", 11)])
def test_the_published_training_comes_with_three_sets_of_classes(name: str, classes: int) -> None:
    recipe = RECIPES[name]()
    part = recipe.part("parser")
    assert recipe.name == name
    assert part.wants.parsing_classes == classes
    with torch.device("meta"):
        network = part.build(Files()).networks["parser"]
    assert network.conv_out.conv_out.out_channels == classes
    assert part.stages[-1].until_images == 80_000 * 16


@pytest.mark.parametrize("name", ["parser_demo", "parser_14_demo"])
def test_the_demos_fit_into_the_repository(name: str) -> None:
    with torch.device("meta"):
        step = RECIPES[name]().part("parser").build(Files())
    state = step.freeze(step.networks)["parser"]
    assert sum(tensor.numel() for tensor in state.values()) * 2 < 25e6


# Settings of the published training: those of the best-known public code of BiSeNet for faces, "code" below.
STAGE = {
    "until_images": 80_000 * 16,  # code: 80,000 updates
    "pixels": 512,  # code
    "window_pixels": 448,  # code: crops
    "batch_size": 16,  # code
    "phase": "",  # one phase
    "learning_rate_factor": 1.0,
    "decay_to": 0.0,  # code: to nothing
    "holes": None,
}
PUBLISHED = {"parser": 19, "parser_14": 14, "parser_11": 11}  # CelebAMask-HQ; ShowFace; GFC, Figure 5


def test_every_published_recipe_stands_here() -> None:
    ours = {"parser_demo", "parser_14_demo", "parser_tiny"}
    assert {name for name in RECIPES if name.startswith("parser") and name not in ours} == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_settings_of_the_published_training(name: str) -> None:
    part = RECIPES[name]().part("parser")
    (stage,) = part.stages
    assert asdict(stage) == STAGE
    assert part.holes == Mixture(((1.0, "none"),))  # whole faces
    assert part.jitter == Jitter(scale=0.5, colour=0.5)  # code: colours within 50 %; sizes 0.75 to 2 there
    assert part.ema_half_life_images == 10_000  # ours, in the README
    with torch.device("meta"):
        step = part.build(Files())
    (group,) = step.optimizers["parser"].param_groups
    assert type(step.optimizers["parser"]) is torch.optim.SGD  # code, as what follows
    assert (group["lr"], group["momentum"], group["weight_decay"], group["nesterov"]) == (1e-2, 0.9, 5e-4, False)
    assert len(group["params"]) == len(list(step.networks["parser"].parameters()))
    assert step.networks["parser"].conv_out.conv_out.in_channels == 256  # width 64
    assert step.class_weights is None
