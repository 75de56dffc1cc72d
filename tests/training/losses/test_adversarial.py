"""Eq. 6 of LaFIn and Eq. 1 of GFC by hand."""

import math

import pytest
import torch

from training.losses.adversarial import (
    hinge_discriminator,
    hinge_generator,
    log_loss_discriminator,
    log_loss_generator,
    lsgan_discriminator,
    lsgan_generator,
)


def test_generator_wants_scores_of_one():
    assert lsgan_generator(torch.ones(2, 1, 3, 3)).item() == 0
    assert lsgan_generator(torch.full((2, 1, 3, 3), 0.25)).item() == pytest.approx(0.5625)


def test_discriminator_sums_both_halves():
    real, fake = torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 3, 3), 0.5)
    assert lsgan_discriminator(real, fake).item() == pytest.approx(0.25 + 0.25)
    assert lsgan_discriminator(torch.ones(1), torch.zeros(1)).item() == 0
    assert lsgan_discriminator(torch.zeros(1), torch.ones(1)).item() == 2


def test_the_log_loss_is_that_of_probabilities():
    real, fake = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    probability = [1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1))]
    expected = -math.log(probability[0]) - math.log(1 - probability[1])
    assert log_loss_discriminator(real, fake).item() == pytest.approx(expected)
    assert log_loss_generator(fake).item() == pytest.approx(-math.log(probability[1]))


def test_guessing_costs_the_discriminator_two_log_two():
    assert log_loss_discriminator(torch.zeros(3, 1), torch.zeros(3, 1)).item() == pytest.approx(2 * math.log(2))


def test_the_hinge_teaches_nothing_beyond_one():
    assert hinge_discriminator(torch.zeros(3, 2), torch.zeros(3, 2)).item() == 2
    assert hinge_discriminator(torch.full((2, 1), 3.0), torch.full((2, 1), -1.0)).item() == 0
    assert hinge_discriminator(torch.tensor([0.5]), torch.tensor([0.25])).item() == pytest.approx(0.5 + 1.25)
    assert hinge_generator(torch.tensor([1.0, 3.0])).item() == -2
