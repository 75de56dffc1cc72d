import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.training.faces98 import Faces98
from training.data.drawn import DrawnFaces
from training.data.stream import Batch, FaceStream, Wants, batches
from training.papers.lafin.networks import Predictor
from training.papers.lafin.recipe import (
    AUGMENTATION,
    GENERATOR_HOLES,
    PREDICTOR_HOLES,
    build_demo_generator,
    build_generator,
    build_predictor,
)
from training.papers.lafin.step import PredictorStep
from training.recipe import Files


def one_batch(pixels: int) -> Batch:
    stream = FaceStream(DrawnFaces(2, pixels), GENERATOR_HOLES, pixels=pixels, seed=0)
    return next(itertools.islice(batches(stream, start=0, batch_size=2, workers=0), 0, 1))


def gradients(network: torch.nn.Module) -> list[Tensor | None]:
    return [None if p.grad is None else p.grad.clone() for p in network.parameters()]


def test_the_generators_update_leaves_the_discriminator_alone() -> None:
    step = build_generator(Files(), width=8)
    batch = one_batch(64)
    step.descend("discriminator", [batch], step.discriminator_loss)
    before = gradients(step.networks["discriminator"])
    weights = {key: value.clone() for key, value in step.networks["discriminator"].named_parameters()}
    step.descend("generator", [batch], step.generator_loss)
    after = gradients(step.networks["discriminator"])
    assert any(gradient is not None for gradient in before)
    assert all(
        (a is None) == (b is None) and (a is None or torch.equal(a, b)) for a, b in zip(before, after, strict=True)
    )
    assert all(torch.equal(weights[key], value) for key, value in step.networks["discriminator"].named_parameters())
    assert all(parameter.requires_grad for parameter in step.networks["discriminator"].parameters())


def test_the_discriminators_update_leaves_the_generator_alone() -> None:
    step = build_generator(Files(), width=8)
    batch = one_batch(64)
    step.descend("discriminator", [batch], step.discriminator_loss)
    assert all(gradient is None for gradient in gradients(step.networks["generator"]))


def test_the_generator_overfits_one_batch() -> None:
    step = build_demo_generator(Files(), width=8, judge_width=8)
    batch = one_batch(32)
    first = float(step.update(batch)["pixel"])
    for _ in range(60):
        last = float(step.update(batch)["pixel"])
    assert last < 0.5 * first


def test_the_predictor_overfits_one_batch() -> None:
    step = build_predictor(Files())
    for group in step.optimizers["predictor"].param_groups:
        group["lr"] = 1e-2
    stream = FaceStream(DrawnFaces(2, 256), PREDICTOR_HOLES, pixels=256, seed=0)
    batch = next(batches(stream, start=0, batch_size=2, workers=0))
    first = float(step.update(batch)["nme_percent"])
    for _ in range(14):
        last = float(step.update(batch)["nme_percent"])
    assert last < 0.5 * first


def test_without_landmarks_the_map_is_empty() -> None:
    batch = one_batch(32)
    assert not build_generator(Files(), width=8, landmarks=False).dots(batch).any()
    assert build_generator(Files(), width=8).dots(batch).any()


def test_reconstruction_needs_no_discriminator() -> None:
    step = build_generator(Files(), width=8)
    step.phase = "reconstruction"
    losses = step.update(one_batch(64))
    assert set(losses) == {"pixel", "variation"}
    assert all(gradient is None for gradient in gradients(step.networks["discriminator"]))
    assert any(gradient is not None for gradient in gradients(step.networks["generator"]))


def test_a_predictor_of_98_points_learns_from_faces_with_98() -> None:
    step = build_predictor(Files(), landmarks=98)
    stream = FaceStream(Faces98(2, 256), PREDICTOR_HOLES, pixels=256, seed=0, wants=Wants(landmarks=98))
    batch = next(batches(stream, start=0, batch_size=2, workers=0))
    assert batch.landmarks.shape == (2, 98, 2)
    before = step.networks["predictor"].head.bias.clone()
    assert step.update(batch)["nme_percent"] > 0
    assert (step.networks["predictor"].head.bias != before).all(), "every point learns"


class Grey(torch.nn.Module):
    """Stands for a generator; remembers the landmark maps that it was given."""

    def forward(self, masked: Tensor, dots: Tensor, hole: Tensor) -> Tensor:
        assert torch.equal(masked * hole, hole.expand_as(masked)), "holes are white"
        self.dots = dots
        return torch.full_like(masked, 0.5)


@pytest.mark.parametrize("count", [68, 98])
def test_half_of_the_pictures_are_made_by_the_generator(count: int) -> None:
    """Section 4: under another hole than the one the predictor reads through, from the true landmarks."""
    grey = Grey()
    step = PredictorStep(
        Predictor(count), learning_rate=0.0, betas=(0.0, 0.9), weight_decay=0.0, squared=True, generator=grey
    )
    faces = Faces98(4, 64) if count == 98 else DrawnFaces(4, 64)
    wants = replace(AUGMENTATION, landmarks=count)
    stream = FaceStream(faces, PREDICTOR_HOLES, pixels=64, seed=0, wants=wants)
    batch = next(batches(stream, start=0, batch_size=4, workers=0))
    batch = replace(batch, chance=torch.tensor([[0.1], [0.7], [0.4], [0.9]]))
    pictures = step.pictures(batch)
    assert torch.equal(pictures[[1, 3]], batch.image[[1, 3]])
    hole = batch.other_hole[[0, 2]]
    assert torch.equal(pictures[[0, 2]], batch.image[[0, 2]] * (1 - hole) + 0.5 * hole)
    assert 0 < grey.dots.sum() <= 2 * 68
    assert torch.equal(step.pictures(replace(batch, chance=torch.ones(4, 1))), batch.image)


def test_without_a_generator_pictures_are_the_faces() -> None:
    batch = one_batch(32)
    assert build_predictor(Files()).pictures(batch) is batch.image
