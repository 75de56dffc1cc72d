"""The tiny recipe from end to end; what the paper says of every recipe; what each part needs."""

import inspect
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tests.training.deploying import model_folder
from tests.training.several import CPU
from training.checkpoint import CheckpointError, load_checkpoint, load_snapshot, save_snapshot
from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.export import export
from training.loop import train
from training.papers import DEPLOYED, RECIPES
from training.papers.parser.networks import Parser
from training.papers.parser.serving import open_parser
from training.papers.showface.losses import CoarseWeights, Weights
from training.papers.showface.networks import Coarse, Reconstruction
from training.papers.showface.recipe import DEMO_PIXELS, build_refiner, showface, showface_demo, showface_tiny
from training.recipe import Files, RecipeError
from training.seen import pixels_in, with_pixels, without_pixels
from training.train import app

FACES = DrawnFaces(6, 64)
EPOCH = 28_000  # faces of CelebA-HQ


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All parts of the tiny recipe, one after another."""
    folder = tmp_path_factory.mktemp("run")
    for part in showface_tiny().parts:
        assert train(part, FACES, folder / part.name, Files(run=folder), CPU) == 12
    return folder


def test_every_part_reports_and_draws(run: Path) -> None:
    terms = {"coarse": {"valid", "hole"}, "inco2": {"reconstruction"}, "refiner": {"semantic", "intra", "adversarial"}}
    for part, names in terms.items():
        last = json.loads((run / part / "metrics.jsonl").read_text().splitlines()[-1])
        assert names <= set(last)
        assert (run / part / "sheets" / "000000012.png").is_file()


def test_the_memory_goes_into_checkpoint_average_and_snapshot(run: Path) -> None:
    checkpoint, (snapshot, _) = (
        load_checkpoint(run / "refiner" / "checkpoint.pt"),
        load_snapshot(run / "refiner" / "refiner.safetensors"),
    )
    present, averaged = checkpoint["networks"]["refiner"], checkpoint["averages"]["refiner"]
    assert int(present["memory.filled"].max()) > 0
    for key in ("memory.bank", "memory.filled", "memory.writes"):
        assert torch.equal(present[key], averaged[key])
        assert torch.allclose(snapshot[key].float(), present[key].float(), atol=1e-3)


def test_a_resumed_run_equals_an_unbroken_one_to_the_bit(run: Path, tmp_path: Path) -> None:
    part = showface_tiny().part("refiner")
    shorter = replace(part, stages=part.stages[:1])
    train(shorter, FACES, tmp_path / "refiner", Files(), CPU)
    train(part, FACES, tmp_path / "refiner", Files(), CPU)
    found, expected = (load_checkpoint(folder / "refiner" / "checkpoint.pt") for folder in (tmp_path, run))
    for network, state in expected["networks"].items():
        assert all(torch.equal(found["networks"][network][key], tensor) for key, tensor in state.items())


@pytest.mark.parametrize("name", ["coarse", "refiner"])
def test_the_export_of_a_run_equals_eager(run: Path, tmp_path: Path, name: str) -> None:
    model = f"showface_{name}"
    folder = model_folder(tmp_path, model, run / name / f"{name}.safetensors")
    export(folder, DEPLOYED[model], "float32")
    script = torch.jit.load(str(folder / "1" / "model.pt"))
    eager = DEPLOYED[model].load(load_snapshot(folder / "snapshot.safetensors")[0])
    image = torch.randint(0, 256, (2, 3, 256, 256), dtype=torch.uint8)
    hole = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
    hole[:, :, 60:200, 40:180] = 1
    given = (image, hole) if name == "coarse" else (image, hole, torch.randint(0, 14, hole.shape, dtype=torch.uint8))
    with torch.no_grad():
        assert (script(*given).int() - eager(*given).int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (Files(), "needs a trained part coarse, which python -m training.train showface_coarse --data FACES --run RUN"),
        (Files(coarse=Path("coarse.safetensors")), "needs a parser of 14 classes: --parser model_repository/parser"),
    ],
)
def test_what_the_refinement_needs_is_said_with_the_command_that_makes_it(
    files: Files, words: str, tmp_path: Path
) -> None:
    if files.coarse is not None:
        save_snapshot(tmp_path / files.coarse, Coarse(4, 4).state_dict(), {})
        files = replace(files, coarse=tmp_path / files.coarse)
    with pytest.raises(RecipeError, match=words):
        build_refiner(files)


def test_a_missing_inco2_network_is_said_unless_nobody_weighs_its_loss(tmp_path: Path) -> None:
    files = brought(tmp_path)
    with pytest.raises(RecipeError, match=r"needs a trained part inco2, .*showface_inco2.*--inco2 RUN/inco2/inco2"):
        build_refiner(replace(files, inco2=None))
    assert "inco2" not in build_refiner(replace(files, inco2=None), weights=Weights(intra=0, inter=0)).frozen


def test_the_parts_of_one_run_find_one_another(tmp_path: Path) -> None:
    files = brought(tmp_path)
    for part in ("coarse", "inco2"):
        (tmp_path / "run" / part).mkdir(parents=True)
        getattr(files, part).rename(tmp_path / "run" / part / f"{part}.safetensors")
    step = build_refiner(Files(parser=files.parser, run=tmp_path / "run"))
    assert {"coarse", "inco2", "parser", "features"} == set(step.frozen)


def test_the_parser_must_know_the_fourteen_classes(tmp_path: Path) -> None:
    files = brought(tmp_path, classes=11)
    with pytest.raises(RecipeError, match="the parser has 11 classes"):
        build_refiner(files)


@pytest.mark.parametrize("name", ["coarse", "refiner"])
def test_the_demos_snapshots_say_their_side_and_are_gone_on_with(name: str, tmp_path: Path) -> None:
    """By the same command, and by --start; the refiner's training opens a coarse network that says its side."""
    files = brought(tmp_path)
    assert files.coarse is not None
    save_snapshot(files.coarse, with_pixels(Coarse(4, 4).state_dict(), 128), {})
    part = showface_demo().part(name)
    stages = [replace(part.stages[0], until_images=images, pixels=64, batch_size=2) for images in (2, 4)]
    shorter, longer = (replace(part, stages=(one,), sheet_every_images=100) for one in stages)
    assert train(shorter, FACES, tmp_path / "run", files, CPU) == 2
    state, _ = load_snapshot(tmp_path / "run" / f"{name}.safetensors")
    assert pixels_in(state) == 128
    assert train(longer, FACES, tmp_path / "other", files, CPU, start=tmp_path / "run") == 4
    assert train(longer, FACES, tmp_path / "run", files, CPU) == 4
    save_snapshot(tmp_path / f"{name}.safetensors", without_pixels(state), {})
    with pytest.raises(CheckpointError, match=r"of another network: it sees pictures at 0 px, not at 128"):
        train(longer, FACES, tmp_path / "third", files, CPU, start=tmp_path / f"{name}.safetensors")


def brought(folder: Path, classes: int = 14) -> Files:
    """What a user names: narrow networks that nobody trained."""
    folder.mkdir(exist_ok=True)
    networks = {"coarse": Coarse(4, 4), "inco2": Reconstruction(2), "parser": Parser(classes, width=4)}
    for name, network in networks.items():
        save_snapshot(folder / f"{name}.safetensors", network.state_dict(), {})
    return Files(
        parser=open_parser(folder / "parser.safetensors"),
        coarse=folder / "coarse.safetensors",
        inco2=folder / "inco2.safetensors",
    )


def test_the_command_names_the_files_of_other_runs(drawn_folder: Path, tmp_path: Path) -> None:
    brought(tmp_path)
    words = ["showface_tiny", "--part", "refiner", "--data", drawn_folder, "--run", tmp_path / "run"]
    words += ["--coarse", tmp_path / "coarse.safetensors", "--inco2", tmp_path / "inco2.safetensors"]
    words += ["--accelerator", "cpu", "--threads", 1, "--precision", "32-true"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / "run" / "refiner" / "run.json").read_text())
    assert record["files"]["coarse"]["name"] == "coarse.safetensors"


@pytest.mark.parametrize("recipe", ["showface", "showface_demo"])
def test_a_parser_is_asked_for_before_the_first_part_trains(recipe: str, drawn_folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [recipe, "--data", str(drawn_folder), "--run", str(tmp_path / "run")])
    assert done.exit_code == 1
    assert "part refiner needs a parser of 14 classes: --parser" in done.output + str(done.exception.code)
    assert not (tmp_path / "run").exists()


# Section 4.1, and what the tables of the ablations change.
STAGES = {"coarse": 100 * EPOCH, "inco2": 30 * EPOCH, "refiner": 45 * EPOCH}
PARTS = {
    "showface": ("coarse", "inco2", "refiner"),
    "showface_coarse": ("coarse",),
    "showface_inco2": ("inco2",),
}
ABLATIONS = {
    "showface_without_both": {"kind": "without_both"},  # Table 2
    "showface_without_mrem": {"kind": "without_mining"},
    "showface_without_semantic": {"weights": Weights(semantic=0)},  # Table 3
    "showface_without_intra": {"weights": Weights(intra=0)},
    "showface_without_inter": {"weights": Weights(inter=0)},
    "showface_32_slots": {"slots": 32},  # Table 4
    "showface_64_slots": {"slots": 64},
    "showface_256_slots": {"slots": 256},
    "showface_512_slots": {"slots": 512},
    "showface_not_disentangled": {"slots": 1_792, "disentangled": False},
}
FULL = {"weights": Weights(), "slots": 128, "disentangled": True, "kind": "full"}


def test_every_recipe_of_the_paper_stands_here() -> None:
    ours = {"showface_demo", "showface_tiny"}
    assert {name for name in RECIPES if name.startswith("showface") and name not in ours} == {*PARTS, *ABLATIONS}


@pytest.mark.parametrize("name", [*PARTS, *ABLATIONS])
def test_the_papers_recipes(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    assert tuple(part.name for part in recipe.parts) == PARTS.get(name, ("refiner",))
    for part in recipe.parts:
        (stage,) = part.stages
        assert asdict(stage) == {
            "until_images": STAGES[part.name],
            "pixels": 256,
            "batch_size": 8,
            "window_pixels": None,
            "holes": None,
            "phase": "",
            "learning_rate_factor": 1.0,
            "decay_to": 1.0,
        }
        assert part.holes == Mixture(((1.0, "none" if part.name == "inco2" else "irregular"),))
        assert part.jitter == Jitter()


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_changes_one_thing(name: str) -> None:
    build = RECIPES[name]().part("refiner").build
    assert dict(inspect.getclosurevars(build).nonlocals) == FULL | ABLATIONS[name]


@pytest.mark.parametrize("name", ["coarse", "inco2"])
def test_the_papers_optimisers(name: str) -> None:
    with torch.device("meta"):
        step = showface().part(name).build(Files())
    group = step.optimizers[name].param_groups[0]
    assert type(step.optimizers[name]) is torch.optim.Adam
    assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.9, 0.99), 0)  # section 4.1


def test_the_refinements_optimisers_and_frozen_networks(tmp_path: Path) -> None:
    step = build_refiner(brought(tmp_path))
    for optimizer in step.optimizers.values():
        group = optimizer.param_groups[0]
        assert (group["lr"], group["betas"]) == (2e-4, (0.9, 0.99))  # section 4.1
    assert step.weights == Weights()
    assert step.networks["refiner"].memory.bank.shape[:2] == (14, 128)
    defaults = {key: one.default for key, one in inspect.signature(build_refiner).parameters.items() if key != "files"}
    assert defaults == FULL
    with torch.device("meta"):
        assert showface().part("coarse").build(Files()).weights == CoarseWeights()


def test_the_demo_fits_into_twelve_megabytes(tmp_path: Path) -> None:
    files = brought(tmp_path)
    steps = [part.build(files) for part in showface_demo().parts if part.name != "inco2"]
    states = [state for step in steps for state in step.freeze(step.networks).values()]
    assert sum(tensor.numel() for state in states for tensor in state.values()) * 2 < 12e6


@pytest.mark.parametrize("name", ["coarse", "refiner"])
def test_the_demo_is_served_at_the_largest_side_that_it_learns_on(name: str) -> None:
    part = showface_demo().part(name)
    assert max(stage.pixels for stage in part.stages) == DEMO_PIXELS
