"""Eq. 6 of LaFIn by hand."""

import pytest
import torch

from training.losses.adversarial import lsgan_discriminator, lsgan_generator


def test_generator_wants_scores_of_one():
    assert lsgan_generator(torch.ones(2, 1, 3, 3)).item() == 0
    assert lsgan_generator(torch.full((2, 1, 3, 3), 0.25)).item() == pytest.approx(0.5625)


def test_discriminator_sums_both_halves():
    real, fake = torch.full((2, 1, 3, 3), 0.5), torch.full((2, 1, 3, 3), 0.5)
    assert lsgan_discriminator(real, fake).item() == pytest.approx(0.25 + 0.25)
    assert lsgan_discriminator(torch.ones(1), torch.zeros(1)).item() == 0
    assert lsgan_discriminator(torch.zeros(1), torch.ones(1)).item() == 2
