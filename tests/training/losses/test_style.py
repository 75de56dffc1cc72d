"""Eq. 4 of LaFIn by hand."""

import pytest
import torch

from training.losses.style import gram, style


def test_gram_matrix_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # C = 2, H = 1, W = 2
    assert torch.allclose(gram(features), torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 4)


def test_is_the_mean_difference_of_gram_matrices():
    fake, real = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]), torch.zeros(1, 2, 1, 2)
    assert style({"a": fake}, {"a": real}).item() == pytest.approx((5 + 11 + 11 + 25) / 4 / 4)
    assert style({"a": fake, "b": fake}, {"a": real, "b": fake}).item() == pytest.approx((5 + 11 + 11 + 25) / 16)


def test_does_not_see_where_features_stand():
    features = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert style({"a": features}, {"a": features.flip(3)}).item() == pytest.approx(0, abs=1e-6)


def test_large_half_precision_maps_do_not_overflow():
    features = torch.full((1, 2, 64, 64), 300.0, dtype=torch.float16)
    assert torch.allclose(gram(features), torch.full((1, 2, 2), 300.0**2 / 2))
