"""Poisson blending: what is harmonic, what is kept, what is never read."""

import numpy as np
import pytest
import torch

from tests.golden import GOLDEN
from training.blending import BLENDS, poisson


@pytest.fixture
def parts() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    hole = torch.zeros(2, 1, 32, 40)
    hole[0, :, 8:20, 10:30] = 1
    hole[1, :, 0:16, 0:12] = 1  # at the picture's corner
    return 0.25 + 0.5 * torch.rand(2, 3, 32, 40), hole


def test_a_shade_too_dark_is_mended_exactly(parts) -> None:
    image, hole = parts
    assert torch.allclose(poisson(image - 0.1, image, hole), image, atol=2e-3)


def test_gradients_inside_the_hole_are_the_raw_pictures(parts) -> None:
    image, hole = parts
    raw = 0.3 + 0.4 * torch.rand(2, 3, 32, 40)
    added = (poisson(raw, image, hole) - raw)[0, :, 8:20, 10:30]
    inner = added[:, 1:-1, 1:-1]
    around = added[:, :-2, 1:-1] + added[:, 2:, 1:-1] + added[:, 1:-1, :-2] + added[:, 1:-1, 2:]
    unclamped = (poisson(raw, image, hole)[0, :, 9:19, 11:29] % 1 != 0).all(dim=0)
    assert unclamped.float().mean() > 0.9
    assert ((around / 4 - inner).abs() * unclamped).max() < 5e-3


def test_known_pixels_stay_and_missing_ones_are_never_read(parts) -> None:
    image, hole = parts
    raw = torch.rand(2, 3, 32, 40)
    completed = poisson(raw, image, hole)
    assert torch.equal(completed * (1 - hole), image * (1 - hole))
    assert torch.equal(completed, poisson(raw, image * (1 - hole), hole))
    assert 0 <= completed.min() <= completed.max() <= 1


def test_a_whole_hole_keeps_the_raw_colours() -> None:
    raw = torch.rand(1, 3, 8, 8)
    assert torch.equal(poisson(raw, torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)), raw)


def test_no_blend_is_a_plain_paste(parts) -> None:
    image, hole = parts
    assert torch.equal(BLENDS["none"](1 - image, image, hole), (1 - image) * hole + image * (1 - hole))


def test_it_is_the_services_own_method() -> None:
    raw, image, hole, completed = (np.array(GOLDEN["poisson"][name]) for name in ("raw", "image", "hole", "completed"))
    pictures = [torch.from_numpy(one / 255).permute(2, 0, 1)[None].float() for one in (raw, image)]
    blended = poisson(*pictures, torch.from_numpy(hole)[None, None].float())
    assert np.abs((255 * blended[0]).round().permute(1, 2, 0).numpy() - completed).max() <= 1
