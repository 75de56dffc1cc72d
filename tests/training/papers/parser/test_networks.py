import pytest
import torch

from tests.training.layers.layout import copied_numbers, in_plain_layout, last
from training.papers.parser.networks import Parser, spread

PUBLISHED_PARAMETERS = 13_300_416


def test_the_full_network_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        parser = Parser(19)
    assert sum(parameter.numel() for parameter in parser.parameters()) == PUBLISHED_PARAMETERS


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160)])
def test_three_heads_at_an_eighth_an_eighth_and_a_sixteenth(height: int, width: int) -> None:
    parser = Parser(11, width=4).eval()
    main, at_8, at_16 = parser(torch.randn(2, 3, height, width))
    assert main.shape == at_8.shape == (2, 11, height // 8, width // 8)
    assert at_16.shape == (2, 11, height // 16, width // 16)
    assert main.dtype == torch.float32


def test_the_logits_that_count_are_the_first_head() -> None:
    torch.manual_seed(0)
    parser = Parser(14, width=4).eval()
    image = torch.randn(1, 3, 64, 64)
    assert torch.equal(parser.parse(image), parser(image)[0])


def test_spread_keeps_the_corners_and_adds_no_extremes() -> None:
    logits = torch.randn(1, 3, 4, 4)
    large = spread(logits, 32, 64)
    assert large.shape == (1, 3, 32, 64)
    assert torch.allclose(large[..., 0, 0], logits[..., 0, 0])
    assert torch.allclose(large[..., -1, -1], logits[..., -1, -1])
    assert large.max() <= logits.max() + 1e-6
    assert large.min() >= logits.min() - 1e-6


def test_the_global_context_reaches_every_place() -> None:
    """A change in one corner moves the logits in the opposite one: the pooled branch and the gates see everything."""
    torch.manual_seed(0)
    parser = Parser(11, width=4).eval()
    image = torch.randn(1, 3, 256, 256)
    other = image.clone()
    other[..., :8, :8] += 5
    assert not torch.equal(parser.parse(image)[..., -1, -1], parser.parse(other)[..., -1, -1])


def test_it_keeps_channels_last() -> None:
    parser, picture = Parser(11, 8), last(1, 3, 64, 64)
    assert in_plain_layout(parser, picture) == []
    assert copied_numbers(parser, picture) == 0
