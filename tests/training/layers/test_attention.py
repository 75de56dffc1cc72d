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
