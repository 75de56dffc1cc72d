"""What a snapshot carries beside its weights, and how a generator that obeys nobody yet begins to learn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.papers.reference.attributes import CELEBA, RATINGS, names
from training.papers.reference.backbone import BackboneStep
from training.papers.reference.networks import Discriminator, Generator
from training.papers.reference.recipe import PAPER, build, build_tiny
from training.papers.reference.snapshots import BOTTLENECK, described, names_in, obeying, weights_in
from training.recipe import Files
from training.step import State

NAMES = names(CELEBA)


def bare(attributes: int) -> State:
    """A generator whose rows for attributes are 0, with one number of its attention out of bounds."""
    torch.manual_seed(3)
    state = dict(Generator(2, attributes).state_dict())
    state[BOTTLENECK] = torch.cat((state[BOTTLENECK][:16], torch.zeros(attributes, *state[BOTTLENECK].shape[1:])))
    state["forward_branch.levels.0.gaussian.a"] = torch.tensor(9.0)
    return state


def backbone() -> BackboneStep:
    generator, discriminator = Generator(2, 0), Discriminator(2)
    networks = {"generator": generator, "discriminator": discriminator}
    optimizers = {name: torch.optim.Adam(network.parameters()) for name, network in networks.items()}
    return BackboneStep(generator, discriminator, optimizers, None, weights=PAPER)


def test_names_and_side_come_and_go() -> None:
    state = described(bare(8), NAMES, 64)
    assert names_in(state) == NAMES
    assert weights_in(state).keys() == bare(8).keys()
    assert names_in(bare(8)) == ()


@pytest.mark.parametrize("attributes", [0, 8, 5])
def test_the_papers_training_begins_with_a_generator_that_obeys_nobody(attributes: int) -> None:
    """The backbone alone, and a converted one with a row of 0 for each of some attributes."""
    step = build(Files(), width=2, judge_width=2, extractor=(2, 0), auxiliary=(2, 0))
    state = bare(attributes)
    step.thaw("generator", state)
    held = step.generator.decoder[0].weight.detach()
    assert torch.equal(held[:16], state[BOTTLENECK][:16])
    assert held.shape[0] == 16 + 8
    assert float(held[16:].abs().max()) == 0
    assert float(step.generator.forward_branch.levels[0].gaussian.a.detach()) == 6.0  # within its bounds
    assert names_in(step.freeze(step.networks)["generator"]) == NAMES


def test_rows_of_0_learn() -> None:
    step = build(Files(), width=2, judge_width=2, extractor=(2, 0), auxiliary=(2, 0))
    step.thaw("generator", bare(0))
    image, hole = torch.rand(1, 3, 128, 128), torch.ones(1, 1, 128, 128)
    step.generator(image, hole, torch.ones(1, 8)).sum().backward()
    slope = step.generator.decoder[0].weight.grad
    assert slope is not None
    assert bool((slope[16:].flatten(1).abs().amax(dim=1) > 0).all())


@pytest.mark.parametrize("attributes", [0, 8])
def test_the_training_of_the_backbone_begins_with_it_too(attributes: int) -> None:
    step, state = backbone(), bare(attributes)
    step.thaw("generator", state)
    assert torch.equal(step.generator.decoder[0].weight.detach(), state[BOTTLENECK][:16])
    assert float(step.generator.forward_branch.levels[0].gaussian.a.detach()) == 6.0


def test_one_that_obeys_keeps_to_its_attributes() -> None:
    """Neither a training with other attributes nor one without goes on with it."""
    obedient: dict[str, Tensor] = described(Generator(2, 8).state_dict(), names(RATINGS), 0)
    assert obeying(obedient, NAMES) is obedient
    build_tiny(Files()).thaw("generator", obedient)
    paper = build(Files(), width=2, judge_width=2, extractor=(2, 0), auxiliary=(2, 0))
    with pytest.raises(RuntimeError, match=r"its attributes are gender, age.*not Bushy_Eyebrows"):
        paper.thaw("generator", obedient)
    with pytest.raises(RuntimeError, match="size mismatch"):
        backbone().thaw("generator", weights_in(obedient))
