"""Tables 6 to 9, row by row."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.training.layers.layout import in_plain_layout, last
from training.papers.dsa.attention import DualSpatialAttention
from training.papers.dsa.contextual import ContextualAttention
from training.papers.dsa.networks import ATTENDED, LEVELS, SUPERVISED, Discriminator, Generator, Halving, enlarged

# kernel, channels, stride, BN of each row of the encoder: Tables 6 and 8
ENCODER = [(7, 64, 2, False), (5, 128, 2, True), (3, 256, 2, True), *[(3, 512, 2, True)] * 5]
# the encoder's layer that is concatenated, and channels: Tables 6 and 8, from layer 9 (11) on
DECODER = {
    256: [(7, 512), (6, 512), (5, 512), (4, 512), (3, 256), (2, 128), (1, 64)],
    1024: [(9, 512), (8, 512), (7, 512), (6, 512), (5, 512), (4, 512), (3, 256), (2, 128), (1, 64)],
}


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("pixels", LEVELS)
def test_the_encoder_is_that_of_the_table(pixels: int) -> None:
    with torch.device("meta"):
        generator = Generator(LEVELS[pixels])
    rows = [*ENCODER, *[ENCODER[-1]] * (LEVELS[pixels] - 8)]
    for layer, (kernel, channels, stride, norm) in zip(generator.encoder, rows, strict=True):
        convolution, *others = layer
        assert (convolution.kernel_size, convolution.out_channels) == ((kernel, kernel), channels)
        assert convolution.stride == (stride, stride)
        assert [type(one) for one in others] == [*([nn.BatchNorm2d] if norm else []), nn.ReLU]


@pytest.mark.parametrize("pixels", LEVELS)
def test_the_decoder_is_that_of_the_table(pixels: int) -> None:
    with torch.device("meta"):
        generator = Generator(LEVELS[pixels])
    channels = [4, *(layer[0].out_channels for layer in generator.encoder)]
    inputs = channels[-1]
    for layer, (skip, outputs) in zip(generator.decoder, DECODER[pixels], strict=True):
        assert layer.conv.weight.shape == (outputs, inputs + channels[skip], 3, 3)
        assert layer.conv.stride == (1, 1)
        assert (type(layer.norm), type(layer.activation)) == (nn.BatchNorm2d, nn.LeakyReLU)
        assert layer.activation.negative_slope == 0.2
        inputs = outputs
    assert generator.last.weight.shape == (3, 64 + 4, 3, 3)


@pytest.mark.parametrize(("pixels", "layers"), [(256, (12, 13, 14)), (1024, (14, 15, 16))])
def test_attention_stands_where_the_table_has_it_at_16_32_and_64_pixels(pixels: int, layers: tuple[int, ...]) -> None:
    levels = LEVELS[pixels]
    assert tuple(levels + place for place in ATTENDED) == layers
    assert levels + SUPERVISED == layers[0]
    generator, seen, last = Generator(levels, 1).eval(), [], list[Tensor]()
    generator.last.register_forward_hook(lambda *given: last.append(given[2]))
    for place, layer in enumerate(generator.decoder, start=1):
        assert isinstance(layer.attention, DualSpatialAttention) == (place in ATTENDED)
        if layer.attention is not None:
            layer.attention.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[2:]))
    raw = generator(torch.rand(1, 3, pixels, pixels), torch.zeros(1, 1, pixels, pixels))
    assert seen == [(16, 16), (32, 32), (64, 64)]
    assert raw.shape == (1, 3, pixels, pixels)
    assert torch.allclose(raw, torch.sigmoid(last[0]))


def test_parameters_without_attention() -> None:
    """32,340,948 with a picture alone; the hole is a fourth channel in the first layer and in the last concat."""
    with torch.device("meta"):
        assert count(Generator(attention=None)) == 32_340_948 + 7 * 7 * 64 + 3 * 3 * 3


@pytest.mark.parametrize(("strides", "convolutions"), [(3, 5), (5, 7)])
def test_discriminators_are_those_of_tables_7_and_9(strides: int, convolutions: int) -> None:
    layers = [layer for layer in Discriminator(32, strides).body if isinstance(layer, nn.Conv2d)]
    assert len(layers) == convolutions
    assert [layer.stride[0] for layer in layers] == [2] * strides + [1, 1]
    factors = [1, 2, 4, 8, 8, 8][: convolutions - 1]
    assert [layer.out_channels for layer in layers] == [*(32 * factor for factor in factors), 1]
    assert {layer.kernel_size for layer in layers} == {(4, 4)}
    whole = list(Discriminator(32, strides).body)
    assert [type(layer) for layer in whole] == [*[nn.Conv2d, nn.LeakyReLU] * (convolutions - 1), nn.Conv2d]  # no norm
    assert {layer.negative_slope for layer in whole if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_a_score_is_the_mean_over_the_map_of_patches() -> None:
    judge = Discriminator(4)
    image = torch.rand(2, 3, 48, 64)
    patches = judge.body(image)
    assert patches.shape == (2, 1, 4, 6)
    assert torch.allclose(judge(image), patches.mean(dim=(1, 2, 3)))
    assert Discriminator(4).body(torch.rand(1, 3, 24, 24)).shape == (1, 1, 1, 1)


def test_small_frames_meet_a_side_of_one_and_come_back() -> None:
    raw = Generator(8, 2)(torch.rand(2, 3, 64, 64), torch.zeros(2, 1, 64, 64))
    assert raw.shape == (2, 3, 64, 64)
    assert enlarged(torch.rand(1, 2, 1, 1), torch.rand(1, 2, 1, 1)).shape == (1, 2, 1, 1)
    x = torch.arange(4.0).reshape(1, 1, 2, 2)
    assert torch.equal(enlarged(x, torch.zeros(1, 1, 4, 4)), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_gradients_of_small_frames_are_no_leftovers_of_memory() -> None:
    """In bfloat16 too, and over a single position: twice the same, whatever lay in the memory before."""
    torch.manual_seed(0)
    halving = Halving(192, 192, 3, 2, 1).to(memory_format=torch.channels_last)
    x = torch.randn(32, 192, 1, 1).to(memory_format=torch.channels_last)

    def gradient() -> Tensor:
        halving.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            painted = halving(x)
        painted.float().square().sum().backward()
        assert halving.weight.grad is not None
        return halving.weight.grad.clone()

    found = gradient()
    for value in (1e20, -1e20):
        leftovers = [torch.full((size,), value) for size in (9 * 192 * 192 // 2, 9 * 192 * 192, 10**6, 4 * 10**6)]
        del leftovers
        assert torch.equal(gradient(), found)
    outer = torch.ones(3, 3, dtype=torch.bool)
    outer[1, 1] = False
    assert not found[:, :, outer].any(), "only the middle of the kernel lies on the position"


def test_the_supervised_pass_paints_what_the_plain_one_does() -> None:
    generator, hole = Generator(8, 4).eval(), torch.zeros(2, 1, 256, 256)
    hole[0, :, 60:190, 70:180] = 1
    hole[1, :, 10:100, 140:250] = 1
    masked = torch.rand(2, 3, 256, 256) * (1 - hole)
    raw, maps = generator.supervised(masked, hole)
    assert torch.equal(raw, generator(masked, hole))
    assert maps.there.sum(dim=1).tolist() == [9 * 8, 7 * 8]  # positions of 16 px that the boxes touch
    assert maps.known.sum(dim=1).tolist() == [256 - 9 * 8, 256 - 7 * 8]


def test_the_oracle_sees_the_whole_picture_and_no_hole_with_the_same_positions() -> None:
    generator, image = Generator(8, 4).eval(), torch.rand(1, 3, 256, 256)
    hole = torch.zeros(1, 1, 256, 256)
    hole[:, :, 64:192, 64:192] = 1
    given: list[Tensor] = []
    generator.encoder[0].register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
    oracle, found = generator.oracle(image, hole), generator.supervised(image * (1 - hole), hole)[1]
    assert torch.equal(given[0], torch.cat((image, torch.zeros_like(hole)), dim=1))
    assert torch.equal(oracle.there, found.there)
    assert torch.equal(oracle.known, found.known)
    assert not torch.allclose(oracle.cross, found.cross)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_script_equals_eager_for_any_hole() -> None:
    generator = Generator(8, 4).eval()
    for layer in generator.decoder:
        if layer.attention is not None:
            torch.nn.init.constant_(layer.attention.alpha, 0.5)
            torch.nn.init.constant_(layer.attention.beta, 0.5)
    scripted = torch.jit.freeze(torch.jit.script(generator))
    holes = torch.zeros(4, 1, 256, 256)
    holes[1, :, 64:192, 64:192], holes[2] = 1, 1
    holes[3] = (torch.rand(1, 256, 256) > 0.999).float()
    with torch.no_grad():
        for chosen in ([0], [1], [2], [3], [0, 1, 2, 3]):
            masked = torch.rand(len(chosen), 3, 256, 256) * (1 - holes[chosen])
            assert torch.allclose(scripted(masked, holes[chosen]), generator(masked, holes[chosen]), atol=1e-5), chosen


def test_the_networks_keep_channels_last() -> None:
    image, hole = last(2, 3, 256, 256), torch.zeros(2, 1, 256, 256)
    hole[:, :, 64:192, 64:192] = 1
    assert in_plain_layout(Generator(8, 8), image, hole) == []
    assert in_plain_layout(Discriminator(8), image) == []


def test_contextual_attention_takes_the_same_places() -> None:
    with torch.device("meta"):
        generator = Generator(8, attention=ContextualAttention)
    found = [place for place, one in enumerate(generator.decoder, 1) if isinstance(one.attention, ContextualAttention)]
    assert tuple(found) == ATTENDED
