"""LBAM alone: who learns from what, and what its one picture is judged by."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.fakes.painted import FrozenColours
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, batches
from training.losses.wasserstein import gradient_penalty
from training.masking import complete, mask_image
from training.papers.reference.backbone import BackboneStep
from training.papers.reference.extractors import FILL
from training.papers.reference.losses import inpainting_losses, weighted_sum
from training.papers.reference.networks import Discriminator
from training.papers.reference.recipe import build_backbone, reference_lbam
from training.recipe import Files
from training.step import unmoved


@pytest.fixture(scope="module")
def batch() -> Batch:
    part = reference_lbam().part("generator")
    small = replace(part.stages[-1], pixels=128, batch_size=2)
    return next(batches(part.stream(DrawnFaces(2, 128), part, small), start=0, batch_size=2, workers=0))


def tiny() -> BackboneStep:
    torch.manual_seed(0)
    step = build_backbone(Files(), width=2)
    step.frozen["features"] = FrozenColours()
    return step


def turn(step: BackboneStep, name: str, batch: Batch) -> dict[str, Tensor]:
    """The figures of one turn, whose gradients the networks then have."""
    for network in step.networks.values():
        network.zero_grad(set_to_none=True)
    loss, figures = dict(step.turns())[name](batch)
    loss.backward()
    return figures


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_each_turn_teaches_its_own_network_alone(batch: Batch, name: str) -> None:
    step = tiny()
    turn(step, name, batch)
    taught = {key for key, network in step.networks.items() if any(p.grad is not None for p in network.parameters())}
    assert taught == {name}


def test_its_picture_is_judged_by_every_loss_but_structure_and_attributes(batch: Batch) -> None:
    step = tiny()
    figures = turn(step, "generator", batch)
    assert set(figures) == {"hole", "valid", "perceptual", "style", "adversarial"}
    raw = step.raw(batch)
    losses = inpainting_losses(raw, batch.image, batch.hole, FrozenColours(), step.weights)
    with unmoved(step.networks["discriminator"]):
        losses["adversarial"] = -step.networks["discriminator"](raw).mean()
    for key, loss in losses.items():
        assert float(figures[key].detach()) == pytest.approx(float(loss.detach()), rel=1e-3)
    whole, _ = step.generator_loss(batch)
    assert float(whole.detach()) == pytest.approx(float(weighted_sum(losses, step.weights).detach()), rel=1e-3)


def test_the_discriminator_sees_the_raw_picture_and_its_norms_move_once(batch: Batch) -> None:
    step = tiny()
    fake, other = step.raw(batch).detach(), copy.deepcopy(step.networks["discriminator"])
    assert isinstance(other, Discriminator)
    assert batch.chance is not None
    figures = turn(step, "discriminator", batch)
    real_scores, fake_scores = other(torch.cat((batch.image, fake))).chunk(2)
    for (name, one), again in zip(step.networks["discriminator"].named_buffers(), other.buffers(), strict=True):
        assert torch.equal(one, again), name
    other.eval()
    critic = fake_scores.mean() - real_scores.mean()
    penalty = gradient_penalty(other, batch.image, fake, batch.chance[:, 0])
    assert float(figures["critic"].detach()) == pytest.approx(float(critic.detach()), rel=1e-5)
    assert float(figures["penalty"].detach()) == pytest.approx(float(penalty.detach()), rel=1e-5)


def test_an_update_moves_both_and_keeps_the_attention_in_its_bounds(batch: Batch) -> None:
    step = tiny()
    step.generator.reverse_branch.levels[2].gaussian.mu.data.fill_(50)
    before = {name: [p.clone() for p in network.parameters()] for name, network in step.networks.items()}
    assert all(bool(value.isfinite()) for value in step.update(batch).values())
    for name, network in step.networks.items():
        assert any(not torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True)), name
    assert float(step.generator.reverse_branch.levels[2].gaussian.mu.detach()) <= 3


@torch.no_grad()
def test_the_sheet_shows_the_raw_picture_and_the_completed_one(batch: Batch) -> None:
    step = tiny()
    sheet = step.sheet(step.networks, batch)
    assert sheet.shape == (2, len(step.columns), 3, 128, 128)
    assert torch.equal(sheet[:, 0], mask_image(batch.image, batch.hole, FILL))
    assert torch.equal(sheet[:, 2], complete(sheet[:, 1], batch.image, batch.hole))
    assert torch.equal(sheet[:, 3], batch.image)
