"""The tiny recipe from end to end: it trains through every phase, and its export equals eager; the recipes' figures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.deploying import model_folder
from training.checkpoint import load_snapshot
from training.data.drawn import DrawnFaces
from training.export import export
from training.loop import train
from training.machine import Machine
from training.papers.gfc.networks import Generator, folded, unfold
from training.papers.gfc.recipe import SQUARE, build, drawn_faces, gfc, gfc_demo, gfc_tiny
from training.papers.gfc.serving import DEPLOYED, load_generator
from training.recipe import Files

CPU = Machine(accelerator="cpu", devices=1, precision="32-true", threads=1)
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


def test_the_papers_recipe() -> None:
    part = gfc().part("generator")
    assert part.holes == SQUARE
    assert (part.jitter.rotation_degrees, part.jitter.scale > 0, part.jitter.shift > 0) == (15, True, True)
    assert {stage.pixels for stage in part.stages} == {128}


def test_the_demos_curriculum_has_the_three_stages_in_order() -> None:
    phases = [stage.phase for stage in gfc_demo().part("generator").stages]
    assert list(dict.fromkeys(phases)) == ["reconstruction", "local", ""]
