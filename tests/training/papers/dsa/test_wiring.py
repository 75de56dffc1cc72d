"""Every wire of DSA's training, pulled by itself: who learns what, where, and in which direction.

The generator is a picture that is its own only weight, so its gradient is what Eq. 10 says of each raw pixel.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.fakes.painted import FrozenColours, Painted, pulled
from training.data.stream import Batch
from training.papers.dsa.crops import SEVEN, local_boxes, organ_boxes
from training.papers.dsa.losses import Weights, organ_weight
from training.papers.dsa.networks import Discriminator, Generator
from training.papers.dsa.step import GeneratorStep
from training.step import RECONSTRUCTION

NONE = Weights(reconstruction=0, supervision=0, perceptual=0, adversarial=0)
PAINTED = ("reconstruction", "perceptual", "adversarial")  # supervision teaches attention, of which a painting has none


def painted(batch: Batch, weights: Weights, judges: tuple[str, ...] = SEVEN, *, features: bool = True) -> GeneratorStep:
    """A step whose generator is a grey picture with grain."""
    torch.manual_seed(1)  # the same picture and discriminators each time
    raw = (0.5 + 0.1 * torch.randn_like(batch.image)).clamp(0, 1)
    generator, critics = Painted(raw), {name: Discriminator(4) for name in judges}
    networks = {"generator": generator, **critics}
    return GeneratorStep(
        generator,
        critics,
        FrozenColours() if features else None,
        weights=weights,
        optimizers={name: torch.optim.SGD(one.parameters(), lr=0.0) for name, one in networks.items()},
    )


def pull(batch: Batch, weights: Weights, judges: tuple[str, ...] = SEVEN, phase: str = "", **more: bool) -> Tensor:
    """The gradient at the raw picture [B,3,H,W], from the whole turn of the generator."""
    return pulled(painted(batch, weights, judges, **more), batch, phase)


def alone(batch: Batch, term: str, judges: tuple[str, ...] = SEVEN) -> Tensor:
    """What one term adds to the gradient at the raw picture, for a weight of 1."""
    return pull(batch, replace(NONE, **{term: 1.0}), judges)


def test_reconstruction_pulls_each_pixel_by_its_weight(batch: Batch) -> None:
    gradient = alone(batch, "reconstruction").abs() * batch.image.numel()
    expected = organ_weight(batch.hole, batch.landmarks).expand_as(gradient)
    assert torch.allclose(gradient[gradient > 0], expected[gradient > 0], rtol=1e-4)
    assert (gradient > 0).float().mean() > 0.99


def test_features_teach_the_hole_twice(batch: Batch) -> None:
    """Eq. 7: once as a part of the raw picture, once of the completed one."""
    gradient = alone(batch, "perceptual").abs() * batch.image.numel()
    assert torch.allclose(gradient, (1 + batch.hole).expand_as(gradient), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SEVEN)
def test_each_discriminator_teaches_its_crop_of_the_raw_picture_alone(batch: Batch, name: str) -> None:
    """Also outside the hole: what is judged is no completed picture."""
    gradient = alone(batch, "adversarial", (name,)).abs().amax(dim=1)
    side = batch.image.shape[2]
    for place in range(len(gradient)):
        inside = torch.ones(side, side, dtype=torch.bool)
        if name != "global":
            local = name in ("local", "quarters")
            boxes = local_boxes(batch.hole, central=False) if local else organ_boxes(name, batch.landmarks, side)
            top, left, bottom, right = boxes[place].tolist()
            inside = torch.zeros(side, side, dtype=torch.bool)
            inside[top:bottom, left:right] = True
        assert gradient[place][~inside].abs().sum() == 0
        assert (gradient[place][inside] > 0).float().mean() > 0.5


@pytest.mark.parametrize("term", PAINTED)
def test_a_weight_of_nothing_leaves_nothing_of_a_term(batch: Batch, term: str) -> None:
    whole = replace(Weights(), supervision=0.0)
    without = pull(batch, replace(whole, **{term: 0.0}))
    itself = getattr(whole, term) * alone(batch, term)
    others = sum(getattr(whole, name) * alone(batch, name) for name in PAINTED if name != term)
    assert (without - others).norm() < 1e-3 * others.norm()
    assert (pull(batch, whole) - without - itself).norm() < 1e-3 * itself.norm()


def test_without_features_or_discriminators_their_terms_are_absent(batch: Batch) -> None:
    whole = replace(Weights(), supervision=0.0)
    assert torch.allclose(pull(batch, whole, features=False), pull(batch, replace(whole, perceptual=0.0)), atol=1e-7)
    quiet = pull(batch, replace(whole, adversarial=0.0))
    assert torch.allclose(pull(batch, whole, phase=RECONSTRUCTION), quiet, atol=1e-7)


@pytest.mark.parametrize("term", [*PAINTED, "supervision"])
def test_each_term_reaches_the_layers_that_it_should(batch: Batch, term: str) -> None:
    """Supervision teaches where layer 12 looks and all before it; nothing else teaches where attention looks while its
    factors are 0."""
    step = painted(batch, Weights())
    generator = Generator(8, 4)
    step.networks["generator"] = generator
    step.ready(batch, first=True)
    _, losses = step.generator_loss(batch)
    names, parameters = zip(*generator.named_parameters(), strict=True)
    gradients = torch.autograd.grad(losses[term], parameters, allow_unused=True)
    taught = {name for name, g in zip(names, gradients, strict=True) if g is not None and bool(g.any())}
    looking = {name for name in names if ".query." in name or ".key." in name}
    first = {name for name in looking if name.startswith("decoder.3.")}
    behind = {name for name in names if name.startswith(("decoder.4.", "decoder.5.", "decoder.6.", "last."))}
    if term == "supervision":
        assert {name for name in first if not name.endswith("key.bias")} <= taught  # a softmax passes over that
        assert not behind & taught
        assert {name for name in names if name.startswith("encoder.") and name.endswith(".weight")} <= taught
    else:
        assert not looking & taught
        assert {name for name in behind if "attention" not in name and name.endswith("conv.weight")} <= taught
        assert {f"decoder.{place}.attention.{factor}" for place in (3, 4, 5) for factor in ("alpha", "beta")} <= taught


def test_the_generator_sees_a_black_hole_and_the_hole(batch: Batch) -> None:
    step = painted(batch, replace(Weights(), supervision=0.0))
    step.update(batch)
    ((masked, hole),) = step.networks["generator"].given  # one picture for all turns
    assert torch.equal(hole, batch.hole)
    assert torch.equal(masked, batch.image * (1 - batch.hole))


def test_a_discriminator_learns_to_score_real_faces_higher(batch: Batch) -> None:
    step = painted(batch, replace(Weights(), supervision=0.0), ("local",))
    judge = step.networks["local"]
    step.optimizers["local"] = torch.optim.Adam(judge.parameters(), 1e-3)
    before = float(step.update(batch)["local"])
    for _ in range(20):
        after = float(step.update(batch)["local"])
    assert after < before - 0.05  # E[D(fake)] - E[D(real)]
