"""Every wire of GFC's training, pulled by itself: who learns what, where, and in which direction.

The generator is a picture that is its own only weight, so its gradient is what Eq. 2 says of each raw pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.fakes.painted import FrozenColours, Painted, Shades, pulled
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, batches
from training.masking import complete
from training.papers.gfc.losses import Weights, cut, squares
from training.papers.gfc.networks import Discriminator, Generator
from training.papers.gfc.recipe import NOISE, SQUARE
from training.papers.gfc.step import GLOBAL, LOCAL, GeneratorStep
from training.step import ALL, RECONSTRUCTION

# A weight of 0 says that the loss needs no network, so a judge that nobody weighs is not even kept.
NONE = Weights(local=0.0, whole=0.0, parsing=1e-12, perceptual=1e-12)
ALIKE = Weights(local=1.0, whole=1.0, parsing=1.0, perceptual=1.0)
WEIGHED = {"local": "local", "global": "whole", "parsing": "parsing", "perceptual": "perceptual"}
JUDGES = ("local", "global")


@pytest.fixture(scope="module")
def batch() -> Batch:
    stream = FaceStream(DrawnFaces(2, 128), SQUARE, pixels=128, seed=0, wants=NOISE)
    return next(batches(stream, start=0, batch_size=2, workers=0))


def painted(batch: Batch, weights: Weights = NONE, *, rate: float = 0.1) -> GeneratorStep:
    """A step whose generator is a grey picture with grain, in [-1,1]."""
    torch.manual_seed(0)
    return with_generator(Painted((0.2 * torch.randn_like(batch.image)).clamp(-1, 1)), weights, rate=rate)


def with_generator(generator: nn.Module, weights: Weights, *, rate: float) -> GeneratorStep:
    torch.manual_seed(1)  # the same discriminators each time
    step = GeneratorStep(
        generator,
        Discriminator(64, 4),
        Discriminator(128, 4),
        weights=weights,
        learning_rate=rate,
        discriminator_learning_rate=2e-3,
        drawn=lambda: torch.empty(0),
        parser=Shades(),
        features=FrozenColours(),
    )
    step.optimizers["generator"] = torch.optim.SGD(generator.parameters(), lr=rate)
    return step


def pull(batch: Batch, weights: Weights, phase: str = ALL) -> Tensor:
    """The gradient at the raw picture [B,3,H,W], from the whole turn of the generator."""
    step = painted(batch, weights)
    return pulled(step, batch, phase)


def alone(batch: Batch, term: str) -> Tensor:
    """What one term adds to the gradient at the raw picture, for a weight of 1."""
    if term == "reconstruction":
        return pull(batch, NONE)
    return pull(batch, replace(NONE, **{WEIGHED[term]: 1.0})) - pull(batch, NONE)


def wrongness(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    return (raw - (2 * batch.image - 1)).square().mean()


def wrongness_of_completed(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    image = 2 * batch.image - 1
    return (complete(raw, image, batch.hole) - image).abs().mean()


def logits(name: str, raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    """What a discriminator says of the completed picture, of which the local one gets its square."""
    completed = complete(raw, 2 * batch.image - 1, batch.hole)
    answer: Tensor = step.networks[name](cut(completed, squares(batch.hole)) if name == "local" else completed)
    return answer


def disbelief_of_local(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    return -logits("local", raw, batch, step).mean()


def disbelief_of_global(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    return -logits("global", raw, batch, step).mean()


def misread(raw: Tensor, batch: Batch, step: GeneratorStep) -> Tensor:
    """How little the parser sees the original's classes in the completed picture."""
    parser, image = Shades(), 2 * batch.image - 1
    seen = parser((complete(raw, image, batch.hole) + 1) / 2).softmax(dim=1)
    true = F.one_hot(parser(batch.image).argmax(dim=1), 3).permute(0, 3, 1, 2)
    return (1 - (seen * true).sum(dim=1)).mean()


@pytest.mark.parametrize(
    ("term", "measure"),
    [
        ("reconstruction", wrongness),
        ("local", disbelief_of_local),
        ("global", disbelief_of_global),
        ("parsing", misread),
        ("perceptual", wrongness_of_completed),
    ],
)
def test_each_term_alone_moves_the_picture_the_right_way(
    batch: Batch, term: str, measure: Callable[[Tensor, Batch, GeneratorStep], Tensor]
) -> None:
    step = painted(batch)
    raw, gradient = step.networks["generator"].answer.detach(), alone(batch, term)
    with torch.no_grad():
        before = measure(raw, batch, step)
        after = measure(raw - 0.1 * gradient / gradient.abs().max(), batch, step)
    assert after < before - 1e-6


@pytest.mark.parametrize("term", ["local", "parsing", "perceptual"])
def test_local_parsing_and_features_teach_the_hole_alone(batch: Batch, term: str) -> None:
    stripes = replace(batch, hole=batch.hole * (torch.arange(128) // 8 % 2))  # the local one's square sees more
    gradient = alone(stripes, term)
    assert (gradient * (1 - stripes.hole)).abs().max() < 1e-7
    assert (gradient * stripes.hole).abs().max() > 1e-6


@pytest.mark.parametrize("term", ["reconstruction", "global"])
def test_reconstruction_and_global_discriminator_teach_the_whole_picture(batch: Batch, term: str) -> None:
    outside = (1 - batch.hole).expand_as(batch.image) > 0
    assert (alone(batch, term)[outside] != 0).float().mean() > 0.9  # sections 3.4 and 3.2


@pytest.mark.parametrize("term", WEIGHED)
def test_a_weight_of_nothing_leaves_nothing_of_a_term(batch: Batch, term: str) -> None:
    others = [name for name in WEIGHED if name != term]
    expected = alone(batch, "reconstruction") + sum(alone(batch, name) for name in others)
    without, itself = pull(batch, replace(ALIKE, **{WEIGHED[term]: 0.0})), alone(batch, term)
    assert (without - expected).norm() < 0.1 * itself.norm()
    assert (pull(batch, ALIKE) - without - itself).norm() < 0.1 * itself.norm()


@pytest.mark.parametrize(
    ("phase", "absent"),
    [
        (RECONSTRUCTION, ("local", "whole", "parsing", "perceptual")),
        (LOCAL, ("whole", "parsing")),
        (GLOBAL, ("parsing",)),
        (ALL, ()),
    ],
)
def test_a_phase_leaves_nothing_of_later_terms(batch: Batch, phase: str, absent: tuple[str, ...]) -> None:
    quiet = replace(ALIKE, **dict.fromkeys(absent, 0.0))
    least = min(alone(batch, term).norm() for term in WEIGHED)
    assert (pull(batch, ALIKE, phase) - pull(batch, quiet)).norm() < 0.1 * least


@pytest.mark.parametrize("term", ["reconstruction", *WEIGHED])
def test_each_term_reaches_every_layer_of_the_real_generator(batch: Batch, term: str) -> None:
    generator = Generator(2, 16, norm=True)
    _, losses = with_generator(generator, ALIKE, rate=0.0).generator_loss(batch)
    weights = {name: p for name, p in generator.named_parameters() if p.ndim > 1}
    gradients = torch.autograd.grad(losses[term], list(weights.values()))
    assert [name for name, g in zip(weights, gradients, strict=True) if not g.any()] == []


def test_the_generator_sees_the_picture_with_noise_in_the_hole(batch: Batch) -> None:
    step = painted(batch, ALIKE)
    step.update(batch)
    ((filled,),) = step.networks["generator"].given  # one picture for all turns
    assert torch.equal(filled, batch.noise * batch.hole + (2 * batch.image - 1) * (1 - batch.hole))


@pytest.mark.parametrize("name", JUDGES)
def test_a_discriminator_sees_the_real_and_the_completed_picture(batch: Batch, name: str) -> None:
    step, given = painted(batch, ALIKE), []
    step.networks[name].register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    real, corners = 2 * batch.image - 1, squares(batch.hole)
    fake = complete(step.networks["generator"].answer.detach().clone(), real, batch.hole)
    if name == "local":
        real, fake = cut(real, corners), cut(fake, corners)
    step.update(batch)
    shown, again = given
    assert torch.allclose(shown, torch.cat((real, fake)), atol=1e-6)
    assert torch.allclose(again, fake, atol=1e-6)  # the same fake in both turns


def test_feature_network_and_parser_see_values_from_0_to_1(batch: Batch) -> None:
    step, shown = painted(batch, ALIKE), []
    step.frozen["parser"].register_forward_hook(lambda _, inputs, __: shown.append(inputs[0]))
    completed = (complete(step.networks["generator"].answer.detach().clone(), 2 * batch.image - 1, batch.hole) + 1) / 2
    step.update(batch)
    for pictures in (shown, step.frozen["features"].shown):
        assert torch.allclose(pictures[0], completed, atol=1e-6)
        assert torch.allclose(pictures[1], batch.image, atol=1e-6)


@pytest.mark.parametrize("name", JUDGES)
def test_a_discriminator_learns_to_tell_real_from_fake(batch: Batch, name: str) -> None:
    step = painted(batch, ALIKE, rate=0.0)
    real, corners = 2 * batch.image - 1, squares(batch.hole)
    fake = complete(step.networks["generator"].answer.detach().clone(), real, batch.hole)
    if name == "local":
        real, fake = cut(real, corners), cut(fake, corners)

    def apart() -> float:
        with torch.no_grad():
            return float((step.networks[name](real) - step.networks[name](fake)).mean())

    begun = apart()
    for _ in range(12):
        step.update(batch)
    assert abs(begun) < 0.1
    assert apart() > 1


@pytest.mark.parametrize("name", JUDGES)
def test_the_generator_asks_a_discriminator_after_its_step(batch: Batch, name: str) -> None:
    step = painted(batch, ALIKE)
    for group in step.optimizers[name].param_groups:
        group["lr"] = 0.02
    raw = step.networks["generator"].answer.detach().clone()
    with torch.no_grad():
        early = F.softplus(-logits(name, raw, batch, step)).mean()
    told = step.update(batch)[name]
    with torch.no_grad():
        late = F.softplus(-logits(name, raw, batch, step)).mean()
    assert float(told) == pytest.approx(float(late), rel=1e-4)
    assert abs(float(told) - float(early)) > 0.05
