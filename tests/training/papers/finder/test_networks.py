import pytest
import torch

from training.papers.finder.networks import CHANNELS, HEAT, Finder, empty

NARROW = ((4, 4, 8, 8, 8, 8), (1, 1, 1, 1))


@pytest.fixture
def finder() -> Finder:
    torch.manual_seed(0)
    return Finder(*NARROW).eval()


def test_maps_have_an_eighth_of_the_sides(finder: Finder) -> None:
    maps = finder(torch.rand(2, 3, 128, 192), torch.zeros(2, 1, 128, 192))
    assert maps.shape == (2, CHANNELS, 16, 24)
    assert maps.dtype == torch.float32


def test_what_is_under_the_hole_changes_nothing(finder: Finder) -> None:
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 30:90, 20:100] = 1
    one, other = torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)
    other = other * hole + one * (1 - hole)
    assert not torch.equal(one, other)
    assert torch.equal(finder(one, hole), finder(other, hole))


def test_a_hole_is_not_a_grey_box(finder: Finder) -> None:
    image, hole = torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128)
    hole[..., 30:90, 20:100] = 1
    grey = image * (1 - hole) + 0.5 * hole
    assert torch.equal(empty(image, hole)[:, :3], empty(grey, torch.zeros_like(hole))[:, :3])
    assert not torch.allclose(finder(image, hole), finder(grey, torch.zeros_like(hole)))


def test_every_cell_sees_far(finder: Finder) -> None:
    """An erased face is known by what lies around it, about 180 pixels away at least."""
    image = torch.rand(1, 3, 512, 512, requires_grad=True)
    finder(image, torch.zeros(1, 1, 512, 512))[0, HEAT, 32, 32].backward()
    assert image.grad is not None
    reached = image.grad[0].abs().sum(dim=0).nonzero()
    assert reached.min() <= 80
    assert reached.max() >= 432


def test_at_first_nothing_is_a_face(finder: Finder) -> None:
    heat = torch.sigmoid(finder(torch.rand(1, 3, 128, 128), torch.zeros(1, 1, 128, 128))[:, HEAT])
    assert heat.max() < 0.1


def test_it_fits_into_the_repository() -> None:
    with torch.device("meta"):
        finder = Finder()
    assert sum(parameter.numel() for parameter in finder.parameters()) < 2_000_000
    assert sum(tensor.numel() for tensor in finder.state_dict().values()) * 2 < 12e6
