import pytest
import torch
import torch.nn.functional as F

from tests.training.layers.layout import copied_numbers, in_plain_layout, last
from training.papers.gfc.networks import Discriminator, Generator, grained, unpool


def test_the_papers_generator_has_137_million_parameters() -> None:
    with torch.device("meta"):
        generator = Generator()
    assert sum(parameter.numel() for parameter in generator.parameters()) == 137_071_331


def test_the_generator_paints_a_picture_of_128_pixels_and_no_other_size() -> None:
    generator = Generator(2, 8)
    assert generator(torch.zeros(2, 3, 128, 128)).shape == (2, 3, 128, 128)
    with pytest.raises(AssertionError, match="128 px"):
        generator(torch.zeros(1, 3, 64, 64))


def test_unpooling_is_torchs() -> None:
    x = torch.randn(2, 3, 8, 12)
    pooled, places = F.max_pool2d_with_indices(x, 2)
    assert torch.equal(unpool(pooled, places), F.max_unpool2d(pooled, places, 2))


def test_unpooling_puts_values_back_where_they_were_highest() -> None:
    x = torch.tensor([[[[1.0, 5.0, 0.0, 0.0], [2.0, 3.0, 7.0, 0.0]]]])
    pooled, places = F.max_pool2d_with_indices(x, 2)
    assert unpool(10 * pooled, places).tolist() == [[[[0, 50, 0, 0], [0, 0, 70, 0]]]]


def test_the_decoder_mirrors_the_encoder() -> None:
    """Every un-pooled map has as many channels as the pool whose places it takes."""
    generator = Generator(2, 8)
    pooled = [block[-3].out_channels for block in generator.encoder]
    unpooled = [block[0].in_channels for block in generator.decoder]
    assert pooled == [2, 4, 8, 16]
    assert unpooled == pooled[::-1]


def test_other_noise_gives_another_picture() -> None:
    generator = Generator(4, 16)
    first, second = (generator(2 * torch.rand(1, 3, 128, 128) - 1) for _ in range(2))
    assert not torch.equal(first, second)


def test_calibrated_layers_begin_with_mean_0_and_deviation_1() -> None:
    generator = Generator(4, 16)
    pictures = 2 * torch.rand(8, 3, 128, 128) - 1
    generator.calibrate(pictures)
    seen: list[torch.Tensor] = []
    layers = [layer for layer in generator.modules() if isinstance(layer, torch.nn.Conv2d)][:-1]
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, values: seen.append(values))
    generator(pictures)
    assert len(seen) == 20
    for values in seen:
        assert values.mean((0, 2, 3)).abs().max() < 0.05
        assert (values.std((0, 2, 3)) - 1).abs().max() < 0.1


@pytest.mark.parametrize(("pixels", "stages"), [(64, 4), (128, 5)])
def test_discriminators_halve_down_to_4_pixels_without_norm(pixels: int, stages: int) -> None:
    discriminator = Discriminator(pixels, 2)
    kinds = [type(layer) for layer in discriminator.body]
    one = [torch.nn.Conv2d, torch.nn.LeakyReLU, torch.nn.Conv2d, torch.nn.LeakyReLU]
    assert kinds == [*one * stages, torch.nn.Flatten, torch.nn.Linear]
    assert {layer.negative_slope for layer in discriminator.body if isinstance(layer, torch.nn.LeakyReLU)} == {0.2}
    assert discriminator(torch.zeros(3, 3, pixels, pixels)).shape == (3, 1)
    assert [layer.kernel_size for layer in discriminator.body if isinstance(layer, torch.nn.Conv2d)] == [
        (3, 3),
        (4, 4),
    ] * stages


@torch.no_grad()
def test_the_script_equals_eager() -> None:
    generator = Generator(4, 16).eval()
    script = torch.jit.freeze(torch.jit.script(generator))
    for batch in (1, 2, 3):
        pictures = 2 * torch.rand(batch, 3, 128, 128) - 1
        assert torch.allclose(script(pictures), generator(pictures), atol=1e-5)


def test_grained_noise_is_smooth_and_as_far_spread() -> None:
    noise = 2 * torch.rand(4, 3, 128, 128, generator=torch.Generator().manual_seed(0)) - 1
    assert torch.equal(grained(noise, 1), noise)
    smooth = grained(noise, 32)
    assert smooth.shape == noise.shape
    steps = (smooth[..., 1:] - smooth[..., :-1]).abs()
    assert 0 < steps.max() <= 2 / 32 + 1e-6
    assert smooth.abs().max() <= 1
    assert smooth.std() > 0.3


def test_both_keep_channels_last() -> None:
    assert in_plain_layout(Generator(4, 16), last(2, 3, 128, 128)) == []
    assert in_plain_layout(Discriminator(128, 4), last(2, 3, 128, 128)) == []


def test_the_generator_copies_no_map_but_the_smallest() -> None:
    assert copied_numbers(Generator(4, 16), last(1, 3, 128, 128)) == 32 * 8 * 8
