"""Eq. 3 of LaFIn by hand."""

import pytest
import torch

from training.losses.perceptual import perceptual


def test_is_the_sum_of_mean_differences():
    fake = {"a": torch.zeros(2, 3, 4, 4), "b": torch.zeros(2, 5, 2, 2)}
    real = {"a": torch.full((2, 3, 4, 4), 0.5), "b": torch.full((2, 5, 2, 2), -0.25)}
    assert perceptual(fake, real).item() == pytest.approx(0.75)
    assert perceptual(real, real).item() == 0


def test_divides_by_channels_height_and_width():
    fake, real = torch.zeros(1, 4, 2, 3), torch.zeros(1, 4, 2, 3)
    fake[0, 1, 1, 2] = 6
    assert perceptual({"a": fake}, {"a": real}).item() == pytest.approx(6 / (4 * 2 * 3))


def test_other_layers_are_refused():
    with pytest.raises(AssertionError):
        perceptual({"a": torch.zeros(1, 1, 1, 1)}, {"b": torch.zeros(1, 1, 1, 1)})
