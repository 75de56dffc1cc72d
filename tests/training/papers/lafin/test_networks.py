import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from tests.training.layers.layout import copied_numbers, in_plain_layout, last
from training.papers.lafin.networks import Discriminator, Generator, Predictor


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts_of_the_published_networks() -> None:
    assert count(Predictor()) == 2_554_569
    assert count(Generator()) == 11_734_981


@pytest.mark.parametrize("pixels", [256, 320, 448])
def test_the_predictor_takes_256_to_480_pixels(pixels: int) -> None:
    assert Predictor().eval()(torch.rand(1, 3, pixels, pixels)).shape == (1, 68, 2)


def test_the_generator_paints_in_zero_to_one_at_any_multiple_of_four() -> None:
    generator = Generator(8)
    raw = generator(torch.rand(2, 3, 36, 64), torch.zeros(2, 1, 36, 64), torch.ones(2, 1, 36, 64))
    assert raw.shape == (2, 3, 36, 64)
    assert 0 <= raw.min() <= raw.max() <= 1


def test_skips_are_zeroed_in_the_hole() -> None:
    """Over a whole hole no skip carries anything, so the fusion sees zeros first."""
    generator = Generator(8).eval()
    seen: list[torch.Tensor] = []
    generator.fusion1.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    generator.fusion2.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    generator(torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32), torch.ones(1, 1, 32, 32))
    half, full = seen
    assert half[:, :16].abs().max() < 1e-5  # the shrunk hole is 1 up to rounding
    assert full[:, :8].abs().max() == 0
    assert half[:, 16:].abs().max() > 0.1


def test_no_norm_before_the_last_tanh() -> None:
    assert [type(layer) for layer in Generator(8).output] == [nn.ReflectionPad2d, nn.Conv2d]


def test_the_ablation_without_attention_has_none() -> None:
    generator = Generator(8, attention=False)
    assert not [key for key in generator.state_dict() if key.startswith("attention")]
    generator(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 16))


def test_spectral_norm_stands_where_the_published_code_has_it() -> None:
    normed = {name for name, module in Generator(8).named_modules() if is_parametrized(module)}
    assert normed == {"attention.merge.first", "attention.merge.second", "attention.merge.bypass"}
    convolutions = [m for m in Discriminator(8).body if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 5
    assert all(is_parametrized(m, "weight") and m.bias is None for m in convolutions)


def test_the_discriminator_scores_30_by_30_patches_at_256() -> None:
    scores = Discriminator(8)(torch.rand(1, 3, 256, 256), torch.zeros(1, 1, 256, 256))
    assert scores.shape == (1, 1, 30, 30)
    assert 0 < scores.min() < scores.max() < 1


def test_all_three_keep_channels_last() -> None:
    image, one = last(2, 3, 256, 256), torch.zeros(2, 1, 256, 256)
    assert in_plain_layout(Generator(8, spectral=False), image, one, one) == ["encoder1.0"]  # four channels, padded
    assert in_plain_layout(Discriminator(8), image, one) == []
    assert in_plain_layout(Predictor(), image) == []


def test_the_generator_copies_no_map_but_its_input() -> None:
    image, one = last(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    assert copied_numbers(Generator(8, spectral=False), image, one, one) <= 4 * 70 * 70
