import math

import pytest
import torch
from torch import Tensor

from training.papers.reference.attention import BOUNDS, FORWARD, REVERSE, AsymmetricGaussian, MaskBranch
from training.papers.reference.extractors import Auxiliary, Extractor
from training.papers.reference.networks import Discriminator, Generator


def inputs(count: int = 2, pixels: int = 128) -> tuple[Tensor, Tensor, Tensor]:
    hole = torch.zeros(count, 1, pixels, pixels)
    hole[:, :, 20:70, 30:90] = 1
    return torch.rand(count, 3, pixels, pixels), hole, torch.rand(count, 8) * 2 - 1


def test_the_backbone_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        generator = Generator(64, 0)
    assert sum(parameter.numel() for parameter in generator.parameters()) == 68_304_948
    assert not [name for name, _ in generator.named_parameters() if name.endswith("bias")]


@pytest.mark.parametrize("pixels", [128, 256])
def test_the_generator_paints_the_whole_frame(pixels: int) -> None:
    raw = Generator(2)(*inputs(pixels=pixels))
    assert raw.shape == (2, 3, pixels, pixels)
    assert 0 < float(raw.min()) < float(raw.max()) < 1


def test_the_generator_sees_nothing_of_the_hole() -> None:
    image, hole, attributes = inputs()
    generator = Generator(2)
    other = torch.where(hole > 0, torch.rand_like(image), image)
    assert torch.equal(generator(image, hole, attributes), generator(other, hole, attributes))


def test_attributes_join_at_the_bottleneck_and_each_of_them_counts() -> None:
    image, hole, attributes = inputs(1)
    generator = Generator(2)
    assert generator.decoder[0].weight.shape[0] == 16 + 8
    attributes.requires_grad_()
    generator(image, hole, attributes).square().sum().backward()
    assert attributes.grad is not None
    assert bool((attributes.grad != 0).all())


def test_one_encoding_serves_many_attributes() -> None:
    image, hole, attributes = inputs()
    generator = Generator(2)
    maps = generator.maps(hole)
    features = generator.encode(image, hole, maps)
    for vector in (attributes, -attributes):
        assert torch.equal(generator.decode(features, maps, vector), generator(image, hole, vector))


def test_maps_depend_on_the_hole_alone_seven_forward_and_six_of_both() -> None:
    _, hole, _ = inputs(1)
    maps = Generator(2).maps(hole)
    assert [tuple(one.shape[1:]) for one in maps[:7]] == [
        (2, 64, 64), (4, 32, 32), (8, 16, 16), (16, 8, 8), (16, 4, 4), (16, 2, 2), (16, 1, 1)
    ]  # fmt: skip
    assert [one.shape[1] for one in maps[7:]] == [4, 8, 16, 32, 32, 32]
    assert torch.equal(maps[7][:, :2], maps[0])


def gaussian(x: float, a: float, mu: float, sigma1: float, sigma2: float) -> float:
    if x < mu:
        return a * math.exp(-sigma1 * (x - mu) ** 2)
    return 1 + (a - 1) * math.exp(-sigma2 * (x - mu) ** 2)


@pytest.mark.parametrize("numbers", [FORWARD, REVERSE, (3.0, 0.5, 2.0, 0.7)])
def test_the_asymmetric_gaussian(numbers: tuple[float, float, float, float]) -> None:
    places = [-1.0, 0.0, 0.4, 0.5, 1.0, 1.99, 2.0, 5.0]
    found = AsymmetricGaussian(*numbers)(torch.tensor(places))
    assert found.tolist() == pytest.approx([gaussian(x, *numbers) for x in places], rel=1e-5)


def test_no_denormal_numbers_far_from_the_middle() -> None:
    found = AsymmetricGaussian(*FORWARD)(torch.tensor([-30.0, 30.0]))
    assert float(found[0]) > torch.finfo(torch.float32).tiny
    assert float(found[1]) == 1


def test_numbers_are_brought_into_their_bounds() -> None:
    generator = Generator(2)
    for parameter in (*generator.forward_branch.parameters(), *generator.reverse_branch.parameters()):
        if parameter.ndim == 0:
            parameter.data.fill_(9)
    generator.constrain()
    numbers = generator.reverse_branch.levels[3].gaussian
    assert [float(getattr(numbers, name)) for name in BOUNDS] == pytest.approx([high for _, high in BOUNDS.values()])


def test_the_mask_grows_into_the_hole_and_its_gradient_is_finite() -> None:
    branch = MaskBranch((2, 2, 2), FORWARD)
    mask = torch.zeros(1, 3, 32, 32)
    mask[..., :8] = 1
    mask.requires_grad_()
    maps = branch(mask)
    sum(one.sum() for one in maps).backward()
    assert mask.grad is not None
    assert bool(mask.grad.isfinite().all())
    next_mask = branch.levels[0](mask.detach())[1][0, 0, 8]
    assert float(next_mask[2]) == pytest.approx(2**0.8, rel=0.5)
    assert float(next_mask[4]) > 0  # its window reaches the mask
    assert float(next_mask[6]) == 0


def test_first_maps_let_the_valid_part_pass_and_hold_back_the_hole() -> None:
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 64:] = 1
    ahead = Generator(4).maps(hole)[0]
    assert float(ahead[..., 8:56, 8:24].mean()) > 0.8
    assert float(ahead[..., 8:56, 40:56].mean()) < 0.05


@pytest.mark.parametrize("kind", [Extractor, Auxiliary])
@pytest.mark.parametrize("pixels", [0, 64])
def test_extractors_read_attributes_in_range(kind: type[Extractor | Auxiliary], pixels: int) -> None:
    network = kind(2, 5, pixels)
    for side in (128, 256):
        found = network(torch.rand(2, 3, side, side))
        assert found.shape == (2, 5)
        assert float(found.abs().max()) <= 1


def test_extractors_are_of_the_papers_kind() -> None:
    with torch.device("meta"):
        extractor, auxiliary = Extractor(), Auxiliary()
    convolutions = [m for m in extractor.features if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 13
    assert sum(p.numel() for m in convolutions for p in m.parameters()) == 14_714_688  # of VGG-16
    assert isinstance(extractor.head, torch.nn.Linear)
    assert not [m for m in auxiliary.modules() if isinstance(m, torch.nn.Linear)]


def test_the_discriminator_gives_one_unbounded_score() -> None:
    discriminator = Discriminator(2)
    assert discriminator(torch.rand(3, 3, 128, 128)).shape == (3,)
    convolutions = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 6
    assert all(torch.nn.utils.parametrize.is_parametrized(m, "weight") for m in convolutions)


@pytest.mark.parametrize("network", [Generator(2), Extractor(2, 8, 64), Auxiliary(2, 8, 64)])
def test_the_networks_script(network: torch.nn.Module) -> None:
    given = inputs() if isinstance(network, Generator) else inputs()[:1]
    with torch.no_grad():
        assert torch.allclose(torch.jit.script(network)(*given), network(*given), atol=1e-6)
