import math

import pytest
import torch
from torch import Tensor

from training.frozen.features import IMAGENET_DEVIATION, IMAGENET_MEAN
from training.papers.finder.windows import SIZES_SEEN, WINDOW_PIXELS, Pyramid, Windows

SIDE = 128


def window_at(image: Tensor, hole: Tensor, x: float, y: float, size: float, degrees: float = 0.0) -> Tensor:
    """One window, [4,96,96]."""
    radians = math.radians(degrees)
    place = torch.tensor([[x, y, size, math.sin(radians), math.cos(radians)]])
    return Windows()(Pyramid()(image, hole), place)[0]


@pytest.fixture
def image() -> Tensor:
    """Red grows to the right, green downwards."""
    image = torch.full((1, 3, SIDE, SIDE), 0.5)
    image[0, 0] = torch.linspace(0, 1, SIDE)
    image[0, 1] = torch.linspace(0, 1, SIDE)[:, None]
    return image


@pytest.fixture
def hole() -> Tensor:
    return torch.zeros(1, 1, SIDE, SIDE)


def test_a_window_is_so_many_sizes_wide_around_its_place(image: Tensor, hole: Tensor) -> None:
    size = WINDOW_PIXELS / SIZES_SEEN  # a pixel of the picture is one of the window
    window = window_at(image, hole, 63.5, 63.5, size)
    colours = (image[0] - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_DEVIATION)[:, None, None]
    assert torch.allclose(window[:3], colours[:, 16:112, 16:112], atol=1e-4)
    assert (window[3] == 1).all()


def test_a_turned_face_stands_upright(image: Tensor, hole: Tensor) -> None:
    """Turned clockwise by 90 degrees, what lies at the right of the picture is above."""
    window = window_at(image, hole, 63.5, 63.5, 20.0, degrees=90)
    assert window[0, 0].mean() > window[0, -1].mean() + 0.5
    assert window[0].std(dim=1).max() < 0.01
    assert window[1, :, 0].mean() < window[1, :, -1].mean() - 0.5


def test_large_windows_are_means_and_skip_nothing(hole: Tensor) -> None:
    fine = torch.zeros(1, 3, SIDE, SIDE)
    fine[..., ::2] = 1
    window = window_at(fine, hole, 63.5, 63.5, 2.2 * WINDOW_PIXELS / SIZES_SEEN)
    inner = window[0, 30:66, 30:66]
    assert inner.std() < 1e-3


def test_what_lies_beyond_the_picture_and_in_the_hole_is_unknown(image: Tensor, hole: Tensor) -> None:
    hole[..., 60:70, 60:70] = 1
    window = window_at(image, hole, 0, 64, WINDOW_PIXELS / SIZES_SEEN)
    assert not window[:, :, :47].any()
    assert (window[3, 20:30, 60:90] == 1).all()
    lighter = torch.where(hole > 0, 1.0, image)
    assert torch.equal(window_at(lighter, hole, 64, 64, 20), window_at(image, hole, 64, 64, 20))
    assert not window_at(image, hole, 64.5, 64.5, 0.5)[3].any()
