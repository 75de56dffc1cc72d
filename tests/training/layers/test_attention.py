import pytest
import torch

from training.layers.attention import LongShortAttention, PositionAttention, SelfAttention, attend


def test_weights_sum_to_one_over_the_last_axis() -> None:
    weights = PositionAttention(8)(torch.randn(2, 8, 4, 6))
    assert weights.shape == (2, 24, 24)
    assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 24))


def test_attend_reads_with_the_rows() -> None:
    x = torch.arange(8.0).reshape(1, 2, 2, 2)
    weights = torch.zeros(1, 4, 4)
    weights[0, :, 3] = 1  # every position reads the last
    assert torch.equal(attend(x, weights), x[..., 1:, 1:].expand(1, 2, 2, 2))


def test_gamma_zero_is_the_identity() -> None:
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(SelfAttention(8)(x), x)


def test_at_first_the_long_term_is_the_valid_part_alone() -> None:
    layer = LongShortAttention(8, spectral=False)
    x, earlier = torch.randn(2, 1, 8, 4, 4)
    hole = torch.zeros(1, 1, 4, 4)
    hole[..., :2] = 1
    expected = layer.merge(torch.cat((x, earlier * (1 - hole)), dim=1))
    assert torch.equal(layer(x, earlier, hole), expected)
    other = earlier + hole  # another content of the hole changes nothing while alpha is 0
    assert torch.allclose(layer(x, other, hole), expected)


LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_maps_are_read_as_apart(layout: torch.memory_format) -> None:
    """Against the plain arithmetic, map by map, with gamma and alpha that do not hide anything."""
    layer = LongShortAttention(8, spectral=False)
    torch.nn.init.constant_(layer.gamma, 0.7)
    torch.nn.init.constant_(layer.alpha, 1.3)
    x, earlier = (map_.contiguous(memory_format=layout) for map_ in torch.randn(2, 2, 8, 6, 4))
    hole = torch.rand(2, 1, 6, 4)
    query = torch.nn.functional.conv2d(x, layer.attention.query.weight, layer.attention.query.bias).flatten(2)
    weights = torch.softmax(query.transpose(1, 2) @ query, dim=-1).transpose(1, 2)
    short = 0.7 * (x.flatten(2) @ weights).reshape(x.shape) + x
    long = 1.3 * hole * (earlier.flatten(2) @ weights).reshape(x.shape) + (1 - hole) * earlier
    found = layer(x, earlier, hole)
    assert torch.allclose(found, layer.merge(torch.cat((short, long), dim=1)), atol=1e-5)
    assert found.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_self_attention_keeps_the_layout(layout: torch.memory_format) -> None:
    found = SelfAttention(8)(torch.randn(2, 8, 6, 4).contiguous(memory_format=layout))
    assert found.is_contiguous(memory_format=layout)
