"""Gated convolutions and SPADE blocks against their formulas."""

import torch
import torch.nn.functional as F

from training.papers.showface.gated import GatedConvolution, GatedResidualBlock, Spade, SpadeResidualBlock


def test_a_gate_between_0_and_1_weighs_each_feature() -> None:
    layer, x = GatedConvolution(3, 4, 5, 2), torch.randn(2, 3, 8, 8)
    features, gate = F.conv2d(x, layer.both.weight, layer.both.bias, 2, 2).split(4, dim=1)
    assert torch.allclose(layer(x), F.leaky_relu(features, 0.2) * gate.sigmoid(), atol=1e-6)
    assert layer(x).shape == (2, 4, 4, 4)


def test_a_gated_block_adds_to_what_comes() -> None:
    block, x = GatedResidualBlock(4), torch.randn(1, 4, 8, 8)
    added = block(x) - x
    assert added.mean(dim=(2, 3)).abs().max() < 1e-5  # normed
    assert (added.var(dim=(2, 3)) - 1).abs().max() < 0.05


def test_spade_scales_and_shifts_what_is_normed_by_a_map_of_another_size() -> None:
    spade, x, guide = Spade(4, 3, 5), 7 + 3 * torch.randn(1, 4, 8, 8), torch.randn(1, 3, 4, 4)
    large = guide.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)  # nearest
    gamma, beta = spade.both(spade.shared(large).relu()).split(4, dim=1)
    normed = (x - x.mean(dim=(2, 3), keepdim=True)) / (x.var(dim=(2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
    assert torch.allclose(spade(x, guide), normed * (1 + gamma) + beta, atol=1e-4)
    assert not list(spade.norm.parameters())


def test_the_short_cut_is_a_convolution_only_where_the_width_changes() -> None:
    guide = torch.randn(1, 3, 4, 4)
    assert SpadeResidualBlock(4, 2, 3, 5)(torch.randn(1, 4, 8, 8), guide).shape == (1, 2, 8, 8)
    assert not list(SpadeResidualBlock(4, 4, 3, 5).short.parameters())
