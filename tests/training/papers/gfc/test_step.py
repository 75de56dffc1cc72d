from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import Shades
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.frozen.parsers import FaceParser
from training.masking import complete
from training.papers.gfc.losses import Weights, squares
from training.papers.gfc.recipe import NOISE, SQUARE, build, gfc, gfc_m1, gfc_m2, gfc_m3, gfc_m4
from training.papers.gfc.serving import load_generator
from training.papers.gfc.step import GLOBAL, LOCAL, GeneratorStep, parse, seen
from training.recipe import Files, Recipe
from training.step import RECONSTRUCTION


def tiny(parser: FaceParser | None = None, **more: float) -> GeneratorStep:
    weights = more.pop("weights", Weights())
    return build(Files(None, parser), width=2, bottleneck=16, judge_width=4, weights=weights, **more)


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, 128), SQUARE, pixels=128, seed=0, wants=NOISE)
    return next(batches(stream, start=0, batch_size=2, workers=0))


def gradients(network: nn.Module) -> list[Tensor | None]:
    return [None if p.grad is None else p.grad.clone() for p in network.parameters()]


def weights_of(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def equal(one: list[Tensor | None], other: list[Tensor | None]) -> bool:
    return all((a is None) == (b is None) and (a is None or torch.equal(a, b)) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("phase", "terms"),
    [
        (RECONSTRUCTION, {"reconstruction"}),
        (LOCAL, {"reconstruction", "local", "local_discriminator"}),
        (GLOBAL, {"reconstruction", "local", "local_discriminator", "global", "global_discriminator"}),
        ("", {"reconstruction", "local", "local_discriminator", "global", "global_discriminator", "parsing"}),
    ],
)
def test_each_phase_adds_its_terms(batch: Batch, phase: str, terms: set[str]) -> None:
    step = tiny(Shades())
    step.phase = phase
    before = {name: weights_of(network) for name, network in step.networks.items()}
    figures = step.update(batch)
    assert set(figures) == terms
    assert all(torch.isfinite(value) for value in figures.values())
    moved = {name for name, network in step.networks.items() if not equal(before[name], weights_of(network))}
    assert moved == {"generator", *terms & {"local", "global"}}


def test_without_a_parser_its_loss_is_left_out(batch: Batch) -> None:
    assert "parsing" not in tiny().update(batch)


def phases(recipe: Recipe) -> list[str]:
    return [stage.phase for stage in recipe.part("generator").stages]


def test_m1_to_m4_each_add_a_term_and_m4_is_the_paper() -> None:
    assert phases(gfc_m1()) == [RECONSTRUCTION] * 3
    assert phases(gfc_m2()) == [RECONSTRUCTION, LOCAL, LOCAL]
    assert phases(gfc_m3()) == [RECONSTRUCTION, LOCAL, GLOBAL]
    assert phases(gfc_m4()) == phases(gfc()) == [RECONSTRUCTION, LOCAL, ""]
    boundaries = [[stage.until_images for stage in r().part("generator").stages] for r in (gfc, gfc_m1, gfc_m4)]
    assert boundaries[0] == sorted(set(boundaries[0]))
    assert boundaries[0] == boundaries[1] == boundaries[2]


@pytest.mark.parametrize("name", ["local", "global"])
def test_the_generators_update_leaves_the_discriminators_alone(batch: Batch, name: str) -> None:
    step = tiny()
    step.descend(name, [batch], partial(step.discriminator_loss, name))
    assert all(gradient is None for gradient in gradients(step.networks["generator"]))
    before, weights = gradients(step.networks[name]), weights_of(step.networks[name])
    assert any(gradient is not None for gradient in before)
    step.descend("generator", [batch], step.generator_loss)
    assert equal(before, gradients(step.networks[name]))
    assert equal(weights, weights_of(step.networks[name]))
    assert all(parameter.requires_grad for parameter in step.networks[name].parameters())


def pull(step: GeneratorStep, name: str, batch: Batch) -> Tensor:
    """The gradient of one adversarial loss at the raw picture, [B,H,W] of sizes."""
    image = 2 * batch.image - 1
    raw = torch.zeros_like(image, requires_grad=True)
    step.networks[name](seen(name, raw, image, batch.hole, squares(batch.hole))).sum().backward()
    assert raw.grad is not None
    return raw.grad.abs().sum(dim=1)


def test_the_local_one_teaches_the_missing_region_and_the_global_one_the_whole_picture(batch: Batch) -> None:
    step = tiny()
    outside = 1 - batch.hole[:, 0]
    local, whole = pull(step, "local", batch), pull(step, "global", batch)
    assert (local * outside).max() == 0
    assert local.max() > 0
    assert ((whole > 0).float() * outside).sum() > 0.9 * outside.sum()


def test_both_discriminators_see_the_completed_picture(batch: Batch) -> None:
    image = 2 * batch.image - 1
    raw, corners = torch.randn_like(image), squares(batch.hole)
    completed = complete(raw, image, batch.hole)
    assert torch.allclose(seen("global", raw, image, batch.hole, corners), completed, atol=1e-6)
    top, left = corners[0].tolist()
    square = seen("local", raw, image, batch.hole, corners)[0]
    assert torch.equal(square, completed[0, :, top : top + 64, left : left + 64])


class Noting(Shades):
    """Keeps the sizes of what it is shown."""

    def __init__(self, pixels: int | None) -> None:
        super().__init__(pixels)
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.sizes.append(tuple(image.shape[2:]))
        return super().forward(image)


@pytest.mark.parametrize(("pixels", "side"), [(256, 256), (512, 512), (None, 128)])
def test_the_parser_sees_pictures_of_its_own_size(batch: Batch, pixels: int | None, side: int) -> None:
    parser = Noting(pixels)
    tiny(parser).update(batch)
    assert parser.sizes == [(side, side)] * 2


def test_the_parsing_loss_teaches_the_missing_region_alone(batch: Batch) -> None:
    parser = Shades()
    parser.pixels = 256
    image = 2 * batch.image - 1
    raw = torch.zeros_like(image, requires_grad=True)
    logits = parse(parser, complete(raw, image, batch.hole))
    assert logits.shape == (2, 3, 256, 256)
    logits.square().sum().backward()
    assert raw.grad is not None
    assert (raw.grad * (1 - batch.hole)).abs().max() == 0
    assert raw.grad.abs().max() > 0


def test_the_generator_overfits_one_batch(batch: Batch) -> None:
    step = build(Files(), width=8, bottleneck=64, judge_width=4, learning_rate=3e-3, norm=True)
    step.phase = RECONSTRUCTION
    first = float(step.update(batch)["reconstruction"])
    for _ in range(100):
        last = float(step.update(batch)["reconstruction"])
    assert last < 0.25 * first


@pytest.mark.parametrize("grain", [1, 16])
def test_the_snapshot_says_how_smooth_the_noise_was(grain: int) -> None:
    step = build(Files(), width=2, bottleneck=16, judge_width=4, noise_grain=grain)
    served = load_generator(step.freeze(step.networks)["generator"])
    assert served.noise_grain == grain


def test_muon_overfits_one_batch(batch: Batch) -> None:
    step = build(
        Files(), width=8, bottleneck=64, judge_width=4, learning_rate=3e-3, muon_length=0.03, noise_grain=16, norm=True
    )
    step.phase = RECONSTRUCTION
    first = float(step.update(batch)["reconstruction"])
    for _ in range(60):
        last = float(step.update(batch)["reconstruction"])
    assert last < 0.25 * first


def test_the_sheet_shows_two_results_of_other_noise(batch: Batch) -> None:
    step = tiny()
    with torch.no_grad():
        sheet = step.sheet(step.networks, batch)
    assert sheet.shape == (2, 5, 3, 128, 128)
    assert torch.allclose(sheet[:, 4], batch.image, atol=1e-6)
    differ = (sheet[:, 2] != sheet[:, 3]).any(dim=1).float()
    assert (differ * (1 - batch.hole[:, 0])).max() == 0
    assert differ.max() == 1
