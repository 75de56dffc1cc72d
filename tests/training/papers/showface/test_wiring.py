"""Every wire of ShowFace's trainings, pulled by itself: who learns what, where, and in which direction.

The refiner is a picture that is its own only weight, so its gradient is what Eq. 15 says of each raw pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours, Painted
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.frozen.parsers import FaceParser
from training.masking import complete
from training.papers.showface.losses import CoarseWeights, Weights
from training.papers.showface.networks import Coarse, Discriminator, Reconstruction, Refiner
from training.papers.showface.recipe import IRREGULAR, NO_HOLES
from training.papers.showface.step import CoarseStep, InCo2Step, RefinerStep
from training.step import ALL, RECONSTRUCTION

NONE = Weights(intra=0, inter=0, semantic=0, perceptual=0, style=0, adversarial=0, variation=0)
WEIGHED = ("intra", "inter", "semantic", "perceptual", "style", "adversarial", "variation")
IN_THE_HOLE = ("intra", "inter", "semantic", "style", "adversarial")  # they see the completed picture
PIXELS = 64


class Shades(FaceParser):
    """A parser of fourteen classes by brightness; notes what it is shown."""

    def __init__(self, pixels: int | None = None) -> None:
        super().__init__(pixels)
        self.shown: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.shown.append(image)
        shade = image.mean(dim=1, keepdim=True)
        return -((shade - torch.linspace(0, 1, 14).view(1, 14, 1, 1)).abs()) * 20


class Grey(nn.Module):
    """A coarse network that paints grey; notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[Tensor, Tensor]] = []

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        self.given.append((image, hole))
        return torch.full_like(image, 0.5)


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, PIXELS), IRREGULAR, pixels=PIXELS, seed=0)
    return next(batches(stream, start=0, batch_size=2, workers=0))


def painted(batch: Batch, weights: Weights = NONE, *, rate: float = 0.1, features: bool = True) -> RefinerStep:
    """A step whose refiner is a grey picture with grain."""
    torch.manual_seed(0)
    raw = (0.5 + 0.1 * torch.randn_like(batch.image)).clamp(0, 1)
    return with_refiner(Painted(raw), weights, rate=rate, features=features)


def with_refiner(refiner: nn.Module, weights: Weights, *, rate: float = 0.1, features: bool = True) -> RefinerStep:
    torch.manual_seed(1)  # the same judges each time
    step = RefinerStep(
        refiner,
        Discriminator(4),
        coarse=Grey(),
        parser=Shades(),
        inco2=Reconstruction(2),
        features=FrozenColours() if features else None,
        weights=weights,
        learning_rate=rate,
        discriminator_learning_rate=2e-3,
        betas=(0.5, 0.9),
    )
    step.optimizers["refiner"] = torch.optim.SGD(refiner.parameters(), lr=rate)
    return step


def pull(batch: Batch, weights: Weights, phase: str = ALL) -> Tensor:
    """The gradient at the raw picture [B,3,H,W], from the whole turn of the refiner."""
    step = painted(batch, weights)
    step.phase = phase
    step.descend("refiner", [batch], step.refiner_loss)
    gradient: Tensor | None = step.networks["refiner"].answer.grad
    assert gradient is not None
    return gradient


def alone(batch: Batch, term: str) -> Tensor:
    """What one term adds to the gradient at the raw picture, for a weight of 1."""
    if term == "reconstruction":
        return pull(batch, NONE)
    return pull(batch, replace(NONE, **{term: 1.0})) - pull(batch, NONE)


def value(step: RefinerStep, batch: Batch, term: str) -> Callable[[Tensor], float]:
    """A term of Eq. 15 as a function of the raw picture."""
    step._kept.clear()
    return lambda raw: float(step.losses(batch, raw)[term])


@pytest.mark.parametrize("term", ["reconstruction", *WEIGHED])
def test_each_term_alone_moves_the_picture_the_right_way(batch: Batch, term: str) -> None:
    """Down the term itself, measured on the raw picture after a small move along its gradient."""
    step = painted(batch, replace(NONE, **({} if term == "reconstruction" else {term: 1.0})))
    raw, gradient = step.networks["refiner"].answer.detach(), alone(batch, term)
    assert gradient.abs().max() > 0
    with torch.no_grad():
        measure = value(step, batch, term)
        assert measure(raw - 0.01 * gradient / gradient.abs().max()) < measure(raw)


@pytest.mark.parametrize("term", IN_THE_HOLE)
def test_what_judges_the_completed_picture_teaches_the_hole_alone(batch: Batch, term: str) -> None:
    gradient = alone(batch, term)
    assert (gradient * (1 - batch.hole)).abs().max() < 1e-6 * gradient.abs().max()


@pytest.mark.parametrize("term", ["reconstruction", "perceptual"])
def test_reconstruction_and_perceptual_loss_teach_the_whole_picture(batch: Batch, term: str) -> None:
    outside = (1 - batch.hole).expand_as(batch.image) > 0
    assert (alone(batch, term)[outside] != 0).float().mean() > 0.9


@pytest.mark.parametrize("term", WEIGHED)
def test_a_weight_of_nothing_leaves_nothing_of_a_term(batch: Batch, term: str) -> None:
    alike = Weights(**dict.fromkeys(WEIGHED, 1.0))
    without = pull(batch, replace(alike, **{term: 0.0}))
    assert torch.allclose(
        pull(batch, alike) - without, alone(batch, term), atol=1e-3 * float(pull(batch, alike).norm())
    )
    expected = alone(batch, "reconstruction") + sum(alone(batch, other) for other in WEIGHED if other != term)
    assert (without - expected).norm() < 0.01 * expected.norm()


def test_terms_that_nobody_weighs_are_not_even_computed(batch: Batch) -> None:
    step = painted(batch, replace(NONE, semantic=1.0))
    assert set(step.update(batch)) == {
        "discriminator", "reconstruction", "variation", "semantic", "perceptual", "adversarial",
    }  # fmt: skip
    step = painted(batch, NONE)
    step.update(batch)
    assert len(step.frozen["parser"].shown) == 1, "the coarse face alone"


def test_in_the_first_phase_there_is_no_discriminator(batch: Batch) -> None:
    alike = Weights(**dict.fromkeys(WEIGHED, 1.0))
    step = painted(batch, alike)
    step.phase = RECONSTRUCTION
    before = [p.clone() for p in step.networks["discriminator"].parameters()]
    assert "adversarial" not in step.update(batch)
    assert all(map(torch.equal, before, step.networks["discriminator"].parameters()))
    quiet = pull(batch, replace(alike, adversarial=0.0))
    assert torch.allclose(pull(batch, alike, RECONSTRUCTION), quiet, atol=1e-6)


def test_without_features_their_terms_are_left_out(batch: Batch) -> None:
    figures = painted(batch, Weights(), features=False).update(batch)
    assert set(figures) == {
        "discriminator", "reconstruction", "variation", "semantic", "intra", "inter", "adversarial",
    }  # fmt: skip


def test_the_refiner_is_given_the_coarse_face_and_its_own_parsing_map(batch: Batch) -> None:
    step = painted(batch, Weights())
    step.update(batch)
    ((face, hole, parsing),) = step.networks["refiner"].given  # one picture for both turns
    expected = complete(torch.full_like(batch.image, 0.5), batch.image, batch.hole)
    assert torch.equal(face, expected)
    assert torch.equal(hole, batch.hole)
    assert torch.equal(parsing, Shades()(expected).argmax(dim=1))
    ((image, seen_hole),) = step.frozen["coarse"].given
    assert torch.equal(image, batch.image)
    assert torch.equal(seen_hole, batch.hole)


def test_a_parser_sees_faces_of_its_own_size_or_the_steps_and_answers_at_theirs(batch: Batch) -> None:
    step = painted(batch)
    step.frozen["parser"] = Shades(pixels=128)
    assert step.parse(batch.image).shape == (2, 14, PIXELS, PIXELS)
    assert step.frozen["parser"].shown[0].shape == (2, 3, 128, 128)
    step.parsed_pixels = 96
    assert step.parse(batch.image).shape == (2, 14, PIXELS, PIXELS)
    assert step.frozen["parser"].shown[1].shape == (2, 3, 96, 96)


def test_the_semantic_loss_compares_the_completed_picture_with_the_true_one(batch: Batch) -> None:
    step = painted(batch, replace(NONE, semantic=1.0))
    raw = step.networks["refiner"].answer.detach().clone()
    told = step.update(batch)["semantic"]
    completed = complete(raw, batch.image, batch.hole)
    expected = F.cross_entropy(Shades()(completed), Shades()(batch.image).argmax(dim=1))
    assert float(told) == pytest.approx(float(expected), rel=1e-4)


def test_the_discriminator_sees_the_real_and_the_completed_picture(batch: Batch) -> None:
    step, given = painted(batch, Weights()), []
    step.networks["discriminator"].register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    fake = complete(step.networks["refiner"].answer.detach().clone(), batch.image, batch.hole)
    step.update(batch)
    shown, again = given
    assert torch.allclose(shown, torch.cat((batch.image, fake)), atol=1e-6)
    assert torch.allclose(again, fake, atol=1e-6)  # the same fake in both turns


def test_the_discriminator_learns_to_tell_real_from_fake(batch: Batch) -> None:
    step = painted(batch, Weights(), rate=0.0)
    fake = complete(step.networks["refiner"].answer.detach().clone(), batch.image, batch.hole)

    def apart() -> float:
        judge = step.networks["discriminator"]
        with torch.no_grad():
            return float((judge(batch.image) - judge(fake)).mean())

    begun = apart()
    for _ in range(12):
        step.update(batch)
    assert apart() > begun + 0.5


def test_the_refiner_asks_the_discriminator_after_its_step(batch: Batch) -> None:
    step = painted(batch, Weights())
    for group in step.optimizers["discriminator"].param_groups:
        group["lr"] = 0.02
    raw = step.networks["refiner"].answer.detach().clone()
    completed = complete(raw, batch.image, batch.hole)
    with torch.no_grad():
        early = F.softplus(-step.networks["discriminator"](completed)).mean()
    told = step.update(batch)["adversarial"]
    with torch.no_grad():
        late = F.softplus(-step.networks["discriminator"](completed)).mean()
    assert float(told) == pytest.approx(float(late), rel=1e-3)
    assert abs(float(told) - float(early)) > 0.05


def test_coarse_network_parser_and_inco2_network_are_frozen(batch: Batch) -> None:
    step = with_refiner(Refiner(2, 4, 4, 1, slots=4), Weights())
    step.frozen["coarse"] = Coarse(4, 4).eval().requires_grad_(False)
    before = {name: [p.clone() for p in network.parameters()] for name, network in step.frozen.items()}
    step.update(batch)
    for name, network in step.frozen.items():
        assert not any(p.requires_grad or p.grad is not None for p in network.parameters()), name
        assert all(map(torch.equal, before[name], network.parameters()))


def test_the_memory_is_written_before_it_is_read_and_once_an_update(batch: Batch) -> None:
    """In every update each class that a face shows outside its hole is written once a face, whatever the turns."""
    refiner = Refiner(2, 4, 4, 1, slots=4)
    step, read = with_refiner(refiner, Weights()), []
    refiner.mining.register_forward_hook(lambda *_: read.append(int(refiner.memory.writes.sum())))
    step.update(batch)
    written = int(refiner.memory.writes.sum())
    assert read == [written]
    _, _, there = refiner.vectors(*[batch.image, batch.hole, step.parse(batch.image).argmax(dim=1)])
    assert written == int(there.sum())


def test_the_reconstruction_alone_writes_nothing_into_the_memory(batch: Batch) -> None:
    refiner = Refiner(2, 4, 4, 1, slots=4)
    step = with_refiner(refiner, Weights())
    for phase, writes in ((RECONSTRUCTION, False), (ALL, True)):
        step.phase = phase
        step.update(batch)
        assert bool(refiner.memory.writes.any()) == writes


def test_the_ablation_without_memory_writes_nothing(batch: Batch) -> None:
    refiner = Refiner(2, 4, 4, 1, slots=4, kind="without_both")
    with_refiner(refiner, Weights()).update(batch)
    assert int(refiner.memory.writes.sum()) == 0


@pytest.mark.parametrize("term", ["reconstruction", *WEIGHED])
def test_each_term_reaches_the_layers_of_the_real_refiner(batch: Batch, term: str) -> None:
    refiner = Refiner(2, 4, 4, 1, slots=4)
    nn.init.normal_(refiner.refinement.last.weight, std=0.1)
    step = with_refiner(refiner, Weights(**dict.fromkeys(WEIGHED, 1.0)), rate=0.0)
    step.update(batch)  # the memory holds something
    losses = step.losses(batch, step.raw(batch))
    weights = {name: p for name, p in refiner.named_parameters() if p.ndim > 1}
    gradients = torch.autograd.grad(losses[term], list(weights.values()), allow_unused=True)
    assert [name for name, g in zip(weights, gradients, strict=True) if g is None or not g.any()] == []


def test_the_coarse_network_learns_from_its_terms_in_each_phase(batch: Batch) -> None:
    step = CoarseStep(Coarse(4, 4), FrozenColours(), weights=CoarseWeights(), learning_rate=1e-3, betas=(0.9, 0.99))
    assert set(step.update(batch)) == {"valid", "hole", "variation", "perceptual", "style"}
    step.phase = RECONSTRUCTION
    assert set(step.update(batch)) == {"valid", "hole", "variation"}
    assert all(p.grad is not None for p in step.networks["coarse"].parameters())


@pytest.mark.parametrize("term", ["valid", "hole", "perceptual", "style", "variation"])
def test_each_term_of_the_coarse_network_teaches_where_it_should(batch: Batch, term: str) -> None:
    quiet = CoarseWeights(hole=0, perceptual=0, style=1e-12, variation=0)

    def pull_coarse(weights: CoarseWeights) -> Tensor:
        torch.manual_seed(0)
        raw = (0.5 + 0.1 * torch.randn_like(batch.image)).clamp(0, 1)
        step = CoarseStep(Painted(raw), FrozenColours(), weights=weights, learning_rate=0.1, betas=(0.9, 0.99))
        step.optimizers["coarse"] = torch.optim.SGD(step.networks["coarse"].parameters(), lr=0.1)
        step.descend("coarse", [batch], step.coarse_loss)
        gradient: Tensor | None = step.networks["coarse"].answer.grad
        assert gradient is not None
        return gradient

    gradient = pull_coarse(quiet if term == "valid" else replace(quiet, **{term: 1.0}))
    gradient = gradient if term == "valid" else gradient - pull_coarse(quiet)
    inside, outside = gradient * batch.hole, gradient * (1 - batch.hole)
    assert (inside.abs().max() > 1e-12) == (term != "valid")
    assert (outside.abs().max() > 1e-12) == (term not in ("hole", "variation"))


def test_the_inco2_network_learns_to_copy() -> None:
    stream = FaceStream(DrawnFaces(2, PIXELS), NO_HOLES, pixels=PIXELS, seed=0)
    batch = next(batches(stream, start=0, batch_size=2, workers=0))
    step = InCo2Step(Reconstruction(4), learning_rate=3e-3, betas=(0.9, 0.99))
    first = step.update(batch)["reconstruction"]
    for _ in range(40):
        last = step.update(batch)["reconstruction"]
    assert last < 0.4 * first
