"""Partial convolution against its two equations, computed by hand."""

import pytest
import torch
import torch.nn.functional as F

from training.papers.showface.partial import PartialConvolution


def filled_with(weight: float, bias: float, channels: tuple[int, ...] = (2,), size: int = 3) -> PartialConvolution:
    layer = PartialConvolution(channels, 1, size)
    torch.nn.init.constant_(layer.convolution.weight, weight)
    torch.nn.init.constant_(layer.convolution.bias, bias)
    return layer.requires_grad_(False)


def test_where_all_is_valid_it_is_a_convolution() -> None:
    layer = PartialConvolution((3,), 4, 3)
    x = torch.randn(2, 3, 6, 6)
    found, valid = layer(x, torch.ones(2, 1, 6, 6))
    expected = F.conv2d(x, layer.convolution.weight, layer.convolution.bias, padding=1)
    assert torch.allclose(found[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], atol=1e-5)
    assert (valid == 1).all()


def test_the_sum_is_that_of_a_full_window_and_the_bias_comes_afterwards() -> None:
    """Eq. 1: a window that holds k of 18 values counts 18 / k times; the bias does not."""
    layer = filled_with(0.5, 10.0)
    valid = torch.zeros(1, 1, 5, 5)
    valid[..., 2, 2] = 1
    x = torch.full((1, 2, 5, 5), 3.0)
    found, after = layer(x, valid)
    assert float(found[0, 0, 2, 2]) == pytest.approx(0.5 * 2 * 3 * 9 + 10)
    assert float(found[0, 0, 1, 1]) == pytest.approx(0.5 * 2 * 3 * 9 + 10)  # one valid pixel there, too
    assert after.sum() == 9  # Eq. 2: every window that sees it


def test_outside_of_the_frame_nothing_is_valid() -> None:
    """In a corner a window sees four of nine pixels, and makes up for the others."""
    found, _ = filled_with(1.0, 0.0)(torch.ones(1, 2, 4, 4), torch.ones(1, 1, 4, 4))
    assert torch.allclose(found, torch.full_like(found, 18.0))


def test_a_window_without_a_valid_value_gives_nothing_not_even_its_bias() -> None:
    valid = torch.ones(1, 1, 9, 9)
    valid[..., 2:7, 2:7] = 0
    found, after = filled_with(1.0, 5.0)(torch.randn(1, 2, 9, 9), valid)
    assert (found[..., 3:6, 3:6] == 0).all()
    assert (after[..., 3:6, 3:6] == 0).all()
    assert (after.sum(), found.count_nonzero()) == (81 - 9, 81 - 9)


def test_what_is_missing_is_never_seen() -> None:
    layer, valid = PartialConvolution((3,), 4, 5, 2), (torch.rand(1, 1, 8, 8) > 0.5).float()
    x = torch.randn(1, 3, 8, 8)
    changed = x + (1 - valid) * 100
    assert torch.equal(layer(x, valid)[0], layer(changed, valid)[0])
    assert layer(x, valid)[0].shape == (1, 4, 4, 4)


def test_each_group_of_channels_has_its_own_valid_map() -> None:
    """A window with all of three channels and nothing of one other holds 27 of 36 values."""
    layer = filled_with(1.0, 0.0, channels=(3, 1))
    valid = torch.stack((torch.ones(5, 5), torch.zeros(5, 5)))[None]
    x = torch.ones(1, 4, 5, 5)
    x[:, 3] = 100
    assert float(layer(x, valid)[0][0, 0, 2, 2]) == pytest.approx(27 * 36 / 27)
    assert layer(x, 1 - valid)[0][0, 0, 2, 2] == pytest.approx(900 * 36 / 9)
