"""The tiny recipe from end to end: it trains through every phase, and its export equals eager; the recipes' figures."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.deploying import model_folder
from tests.training.several import CPU
from training.checkpoint import load_snapshot
from training.data.drawn import DrawnFaces
from training.data.holes import Mixture
from training.data.transforms import Jitter
from training.export import export
from training.loop import train
from training.papers import RECIPES
from training.papers.gfc.losses import Weights
from training.papers.gfc.networks import Generator, folded, unfold
from training.papers.gfc.recipe import build, drawn_faces, gfc, gfc_demo, gfc_tiny
from training.papers.gfc.serving import DEPLOYED, load_generator
from training.papers.gfc.step import GLOBAL, LOCAL
from training.recipe import Files
from training.step import ALL, RECONSTRUCTION

FACES = DrawnFaces(4, 64)
TINY = gfc_tiny().part("generator")


def test_a_missing_parser_is_said_and_none_is_missed_without_its_loss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(replace(TINY, stages=TINY.stages[:1]), FACES, tmp_path, Files(), CPU)
    said = capsys.readouterr().out
    assert "generator: no parser given (--parser): the losses that need one are left out" in said
    assert "--features" not in said  # the paper has no such loss


def test_the_export_of_a_run_equals_eager(tmp_path: Path) -> None:
    assert train(TINY, FACES, tmp_path / "run", Files(), CPU) == 12
    folder = model_folder(tmp_path, "gfc_generator", tmp_path / "run" / "generator.safetensors")
    export(folder, DEPLOYED["gfc_generator"])
    script = torch.jit.load(str(folder / "1" / "model.pt"))
    eager = load_generator(load_snapshot(folder / "snapshot.safetensors")[0])
    image = torch.randint(0, 256, (3, 3, 128, 128), dtype=torch.uint8)
    hole = torch.zeros(3, 1, 128, 128, dtype=torch.uint8)
    hole[:, :, 20:84, 30:94] = 1
    noise = 2 * torch.rand(3, 3, 128, 128) - 1
    with torch.no_grad():
        assert (script(image, hole, noise).int() - eager(image, hole, noise).int()).abs().max() <= 1


@torch.no_grad()
def test_folded_norms_change_nothing() -> None:
    torch.manual_seed(0)
    normed, plain = Generator(3, 16, norm=True), Generator(3, 16).eval()
    pictures = 2 * torch.rand(4, 3, 128, 128) - 1
    for _ in range(3):
        normed(pictures)
    normed.eval()
    plain.load_state_dict(folded(normed))
    assert torch.allclose(plain(pictures), normed(pictures), atol=1e-4)
    assert folded(plain).keys() == plain.state_dict().keys()


@torch.no_grad()
def test_norms_that_begin_with_folded_weights_change_nothing() -> None:
    torch.manual_seed(0)
    old, new = Generator(3, 16, norm=True), Generator(3, 16, norm=True)
    pictures = drawn_faces()
    for _ in range(3):
        old(pictures)
    state = folded(old.eval())
    unfold(new, state, pictures)
    shown = 2 * torch.rand(4, 3, 128, 128) - 1
    assert torch.allclose(new.eval()(shown), old(shown), atol=1e-3)
    learning = new.train()(pictures)  # in training it normalises by the pictures that it sees
    assert (learning - old(pictures)).abs().mean() < 0.02 * old(pictures).abs().mean()
    again = folded(new)
    assert all(torch.allclose(again[key], tensor, atol=1e-3) for key, tensor in state.items())


def test_a_snapshot_of_other_noise_is_refused() -> None:
    rough, smooth = (build(Files(), width=2, bottleneck=16, judge_width=4, noise_grain=grain) for grain in (1, 32))
    state = smooth.freeze(smooth.networks)["generator"]
    with pytest.raises(RuntimeError, match="grain of 32, not 1"):
        rough.thaw("generator", state)


# The curriculum of section 3.5 (images, phase) and the terms of Figure 3; the lengths are ours.
MILLION = 1_000_000
STAGES = {
    "gfc": [(4 * MILLION, RECONSTRUCTION), (6 * MILLION, LOCAL), (10 * MILLION, ALL)],  # section 3.5
    "gfc_m1": [(4 * MILLION, RECONSTRUCTION), (6 * MILLION, RECONSTRUCTION), (10 * MILLION, RECONSTRUCTION)],
    "gfc_m2": [(4 * MILLION, RECONSTRUCTION), (6 * MILLION, LOCAL), (10 * MILLION, LOCAL)],
    "gfc_m3": [(4 * MILLION, RECONSTRUCTION), (6 * MILLION, LOCAL), (10 * MILLION, GLOBAL)],
    "gfc_m4": [(4 * MILLION, RECONSTRUCTION), (6 * MILLION, LOCAL), (10 * MILLION, ALL)],
}
VALUES = 128 * 128 * 3  # of a picture: the paper sums, the losses are means
EQ_2 = Weights(
    local=300 / VALUES,  # section 4
    whole=300 / VALUES,  # section 4
    parsing=0.005 * 128 * 128 / VALUES,  # section 4
    hole=1.0,  # section 3.4: every pixel alike
    perceptual=0.0,  # not in the paper
)
WITHOUT_PARSING = replace(EQ_2, parsing=0.0)  # Figure 3, M1 to M3: no parser is missed
BUILT = {
    "width": 32,  # public network, as the next
    "bottleneck": 4096,
    "judge_width": 64,  # ours
    "learning_rate": 1e-4,  # public code, as the next; section 4 refers to another paper
    "discriminator_learning_rate": 2e-4,
    "weights": EQ_2,
    "muon_length": 0.0,  # Adam
    "noise_grain": 1,  # plain noise
    "norm": False,
}


def test_every_recipe_of_the_paper_stands_here() -> None:
    assert {name for name in RECIPES if name.startswith("gfc") and name not in ("gfc_demo", "gfc_tiny")} == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_the_papers_recipes(name: str) -> None:
    part = RECIPES[name]().part("generator")
    assert [(stage.until_images, stage.phase) for stage in part.stages] == STAGES[name]
    for stage in part.stages:
        assert (stage.pixels, stage.batch_size) == (128, 64)  # section 4.1; the batch is ours
        assert (stage.window_pixels, stage.holes, stage.learning_rate_factor, stage.decay_to) == (None, None, 1.0, 1.0)
    assert part.holes == Mixture(((1.0, "block"),))  # section 4.1: a 64 px square anywhere
    assert part.jitter == Jitter(rotation_degrees=15, scale=0.1, shift=0.05)  # section 4.1; scale and shift are ours
    assert part.wants.noise  # section 3.1
    assert part.ema_half_life_images == 0  # the paper averages no weights


def test_the_paper_builds_with_its_own_settings() -> None:
    settings = {key: one.default for key, one in inspect.signature(build).parameters.items() if key != "files"}
    assert settings == BUILT
    assert gfc().part("generator").build is build
    built = {name: RECIPES[name]().part("generator").build for name in STAGES if name != "gfc"}
    weights = {name: inspect.getclosurevars(made).nonlocals["weights"] for name, made in built.items()}
    assert weights == {"gfc_m1": WITHOUT_PARSING, "gfc_m2": WITHOUT_PARSING, "gfc_m3": WITHOUT_PARSING, "gfc_m4": EQ_2}


def test_the_papers_optimisers() -> None:
    step = build(Files(), width=2, bottleneck=16, judge_width=4)
    groups = {name: optimizer.param_groups[0] for name, optimizer in step.optimizers.items()}
    assert {type(optimizer) for optimizer in step.optimizers.values()} == {torch.optim.Adam}
    assert {name: (group["lr"], group["betas"]) for name, group in groups.items()} == {
        "generator": (1e-4, (0.9, 0.999)),  # public code
        "local": (2e-4, (0.5, 0.999)),
        "global": (2e-4, (0.5, 0.999)),
    }
    assert {group["weight_decay"] for group in groups.values()} == {0}


def test_the_demos_curriculum_has_the_three_stages_in_order() -> None:
    phases = [stage.phase for stage in gfc_demo().part("generator").stages]
    assert list(dict.fromkeys(phases)) == ["reconstruction", "local", ""]
