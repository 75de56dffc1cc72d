"""Every wire of LaFIn's two trainings, pulled by itself: who learns what, where, and in which direction.

The generator is a picture that is its own only weight, so its gradient is what Eq. 7 says of each raw pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours, Painted, pulled
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.losses.style import gram
from training.masking import complete, landmark_map
from training.papers.lafin.losses import Weights
from training.papers.lafin.networks import Discriminator, Generator
from training.papers.lafin.recipe import GENERATOR_HOLES, PREDICTOR_HOLES
from training.papers.lafin.step import GeneratorStep, PredictorStep
from training.step import RECONSTRUCTION

NONE = Weights(perceptual=0, style=0, variation=0, adversarial=0)
WEIGHED = ("perceptual", "style", "variation", "adversarial")  # the pixel loss has no weight
PIXELS = 32


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, PIXELS), GENERATOR_HOLES, pixels=PIXELS, seed=0)
    return next(batches(stream, start=0, batch_size=2, workers=0))


def painted(batch: Batch, weights: Weights = NONE, *, features: bool = True, rate: float = 0.1) -> GeneratorStep:
    """A step whose generator is a grey picture with grain."""
    raw = (0.5 + 0.1 * torch.randn_like(batch.image)).clamp(0, 1)
    return with_generator(Painted(raw), weights, features=features, rate=rate)


def with_generator(generator: nn.Module, weights: Weights, *, features: bool, rate: float) -> GeneratorStep:
    torch.manual_seed(1)  # the same discriminator each time
    step = GeneratorStep(
        generator,
        Discriminator(8),
        FrozenColours() if features else None,
        weights=weights,
        learning_rate=rate,
        discriminator_learning_rate=1e-3,
        betas=(0.0, 0.9),
    )
    step.optimizers["generator"] = torch.optim.SGD(generator.parameters(), lr=rate)
    return step


def pull(batch: Batch, weights: Weights, *, features: bool = True, phase: str = "") -> Tensor:
    """The gradient at the raw picture [B,3,H,W], from the whole turn of the generator."""
    torch.manual_seed(0)
    step = painted(batch, weights, features=features)
    return pulled(step, batch, phase)


def alone(batch: Batch, term: str) -> Tensor:
    """What one term adds to the gradient at the raw picture, for a weight of 1."""
    if term == "pixel":
        return pull(batch, NONE)
    return pull(batch, replace(NONE, **{term: 1.0})) - pull(batch, NONE)


@pytest.mark.parametrize("term", ["pixel", "perceptual"])
def test_pixels_and_features_teach_the_whole_raw_picture(batch: Batch, term: str) -> None:
    outside = (1 - batch.hole).expand_as(batch.image) > 0
    assert (alone(batch, term)[outside] != 0).float().mean() > 0.99  # Eq. 2 and 3 take the raw picture


@pytest.mark.parametrize("term", ["style", "variation", "adversarial"])
def test_style_variation_and_discriminator_teach_the_hole_alone(batch: Batch, term: str) -> None:
    gradient = alone(batch, term)
    assert (gradient * (1 - batch.hole)).abs().max() < 1e-7  # Eq. 4 masks it, Eq. 5 and 6 take the completed picture
    assert (gradient * batch.hole).abs().max() > 1e-6


def features_apart(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    return (raw - batch.image).abs().mean()


def styles_apart(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    return (gram(raw * batch.hole) - gram(batch.image * batch.hole)).abs().sum()


def roughness(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    completed = complete(raw, batch.image, batch.hole)
    return completed.diff(dim=2).abs().sum() + completed.diff(dim=3).abs().sum()


def disbelief(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    """How far the discriminator is from taking the completed picture for real, which is 1."""
    judge = step.networks["discriminator"].eval()
    dots = landmark_map(batch.landmarks, PIXELS, PIXELS)
    return (1 - judge(complete(raw, batch.image, batch.hole), dots)).mean()


@pytest.mark.parametrize(
    ("term", "measure"),
    [
        ("pixel", features_apart),
        ("perceptual", features_apart),
        ("style", styles_apart),
        ("variation", roughness),
        ("adversarial", disbelief),
    ],
)
def test_each_term_alone_moves_the_picture_the_right_way(
    batch: Batch, term: str, measure: Callable[[Tensor, Batch, GeneratorStep], Tensor]
) -> None:
    step = painted(batch)
    raw = step.networks["generator"].answer.detach()
    gradient = alone(batch, term)
    with torch.no_grad():
        before = measure(raw, batch, step)
        after = measure(raw - 0.1 * gradient / gradient.abs().max(), batch, step)
    assert after < before - 1e-6


@pytest.mark.parametrize("term", WEIGHED)
def test_a_weight_of_nothing_leaves_nothing_of_a_term(batch: Batch, term: str) -> None:
    others = [name for name in WEIGHED if name != term]
    expected = alone(batch, "pixel") + sum(getattr(Weights(), name) * alone(batch, name) for name in others)
    without = pull(batch, replace(Weights(), **{term: 0.0}))
    itself = getattr(Weights(), term) * alone(batch, term)
    assert (without - expected).norm() < 0.1 * itself.norm()
    assert (pull(batch, Weights()) - without - itself).norm() < 0.1 * itself.norm()


def test_without_features_or_discriminator_their_terms_are_absent(batch: Batch) -> None:
    quiet = replace(Weights(), perceptual=0.0, style=0.0)
    assert torch.allclose(pull(batch, Weights(), features=False), pull(batch, quiet), atol=1e-7)
    quiet, judged = replace(Weights(), adversarial=0.0), Weights().adversarial * alone(batch, "adversarial")
    assert (pull(batch, Weights(), phase=RECONSTRUCTION) - pull(batch, quiet)).norm() < 0.1 * judged.norm()


@pytest.mark.parametrize("term", ["pixel", *WEIGHED])
def test_each_term_reaches_every_layer_of_the_real_generator(batch: Batch, term: str) -> None:
    """All but the one behind the attention map, whose two factors begin at 0 and learn first."""
    generator = Generator(8)
    step = with_generator(generator, NONE, features=True, rate=0.0)
    _, losses = step.generator_loss(batch)
    names, parameters = zip(*generator.named_parameters(), strict=True)
    gradients = torch.autograd.grad(losses[term], parameters, allow_unused=True)
    untaught = [name for name, g in zip(names, gradients, strict=True) if g is None or not g.any()]
    assert {name.rpartition(".")[0] for name in untaught} == {"attention.attention.query"}


def test_the_generator_sees_a_white_hole_the_landmarks_and_the_hole(batch: Batch) -> None:
    step = painted(batch, Weights())
    step.update(batch)
    ((masked, dots, hole),) = step.networks["generator"].given  # one picture for both turns
    assert torch.equal(hole, batch.hole)
    assert torch.equal(masked, batch.image * (1 - batch.hole) + batch.hole)
    assert torch.equal(dots, landmark_map(batch.landmarks, PIXELS, PIXELS))


def test_the_discriminator_sees_the_real_and_the_completed_picture_with_the_true_landmarks(batch: Batch) -> None:
    step, given = painted(batch, Weights()), []
    step.networks["discriminator"].register_forward_hook(lambda _, inputs, __: given.append(inputs))
    completed = complete(step.networks["generator"].answer.detach().clone(), batch.image, batch.hole)
    dots = landmark_map(batch.landmarks, PIXELS, PIXELS)
    step.update(batch)
    (shown, told), (again, told_again) = given
    assert torch.equal(shown, torch.cat((batch.image, completed)))
    assert torch.equal(told, torch.cat((dots, dots)))
    assert torch.equal(again, completed)  # the same fake in both turns
    assert torch.equal(told_again, dots)


def test_the_discriminator_learns_to_tell_real_from_fake(batch: Batch) -> None:
    step = painted(batch, Weights(), rate=0.0)
    raw, dots = step.networks["generator"].answer.detach().clone(), landmark_map(batch.landmarks, PIXELS, PIXELS)
    pictures = torch.cat((batch.image, complete(raw, batch.image, batch.hole)))

    def apart() -> float:
        with torch.no_grad():
            real, fake = step.networks["discriminator"].eval()(pictures, torch.cat((dots, dots))).chunk(2)
        return float(real.mean() - fake.mean())

    begun = apart()
    for _ in range(30):
        step.update(batch)
    assert abs(begun) < 0.1
    assert apart() > 0.3


def test_the_generator_asks_the_discriminator_after_its_step(batch: Batch) -> None:
    step = painted(batch, Weights())
    for group in step.optimizers["discriminator"].param_groups:
        group["lr"] = 0.05
    raw = step.networks["generator"].answer.detach().clone()
    early = disbelief(raw, batch, step).detach()
    told = step.update(batch)["adversarial"]
    judge = step.networks["discriminator"].eval()
    with torch.no_grad():
        scores = judge(complete(raw, batch.image, batch.hole), landmark_map(batch.landmarks, PIXELS, PIXELS))
    assert float(told) == pytest.approx(float((scores - 1).square().mean()), rel=1e-3)
    assert abs(float(told) - float(early) ** 2) > 0.01


def points(batch: Batch, *, squared: bool = True) -> PredictorStep:
    """A predictor that says the middle of the frame for all points."""
    predictor = Painted(torch.full_like(batch.landmarks, PIXELS / 2))
    return PredictorStep(predictor, learning_rate=1.0, betas=(0.0, 0.9), weight_decay=0.0, squared=squared)


@pytest.mark.parametrize("squared", [True, False])
def test_the_predictor_is_moved_towards_the_given_landmarks(batch: Batch, squared: bool) -> None:
    step = points(batch, squared=squared)
    step.update(batch)
    gradient, wrong = step.networks["predictor"].answer.grad, PIXELS / 2 - batch.landmarks
    lengths = torch.ones(2, 1, 1) if squared else 2 * wrong.flatten(1).norm(dim=1).view(2, 1, 1)
    assert torch.allclose(gradient, 2 * wrong / lengths / 2, rtol=1e-4)  # Eq. 1, mean over two faces


def test_the_predictor_sees_a_white_hole() -> None:
    stream = FaceStream(DrawnFaces(8, PIXELS), PREDICTOR_HOLES, pixels=PIXELS, seed=0)
    batch = next(batches(stream, start=0, batch_size=8, workers=0))
    step = points(batch)
    step.update(batch)
    ((masked,),) = step.networks["predictor"].given
    assert batch.hole.any()
    assert torch.equal(masked, batch.image * (1 - batch.hole) + batch.hole)
