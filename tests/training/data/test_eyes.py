from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fakes.engine import mean_shape
from training.data.eyes import eye_crops

HEIGHT_PIXELS, WIDTH_PIXELS = 48, 96  # at 128 px
FACE = torch.from_numpy(mean_shape().astype(np.float32))[None] / 2  # in a frame of 128 px


def spot(places: torch.Tensor) -> torch.Tensor:
    """White spots at (x, y)."""
    rows, columns = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    away = (columns[None] - places[:, 0, None, None]) ** 2 + (rows[None] - places[:, 1, None, None]) ** 2
    return torch.exp(-away / 8).amax(dim=0)[None, None].repeat(1, 3, 1, 1)


def highest(half: torch.Tensor) -> list[int]:
    place = int(half[0, 0].argmax())
    return [place % half.shape[-1], place // half.shape[-1]]


@pytest.mark.parametrize("degrees", [0.0, 25.0, -160.0])
def test_eyes_stand_level_at_a_quarter_and_three_quarters(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    face = (FACE - 64) @ turn + 64
    eyes = torch.stack((face[0, 36:42].mean(dim=0), face[0, 42:48].mean(dim=0)))
    crop = eye_crops(spot(eyes), face)
    assert crop.shape == (1, 3, HEIGHT_PIXELS, WIDTH_PIXELS)
    left, right = crop[..., : WIDTH_PIXELS // 2], crop[..., WIDTH_PIXELS // 2 :]
    assert highest(left) == pytest.approx([WIDTH_PIXELS // 4, HEIGHT_PIXELS // 2], abs=2)
    assert highest(right) == pytest.approx([WIDTH_PIXELS // 4, HEIGHT_PIXELS // 2], abs=2)
    assert float(left.max()) == pytest.approx(1, abs=0.1)


def test_each_picture_has_its_own_eyes_and_what_is_beyond_is_its_border() -> None:
    pictures = torch.stack((torch.zeros(3, 128, 128), torch.ones(3, 128, 128)))
    crops = eye_crops(pictures, torch.cat((FACE, FACE - 60)))
    assert float(crops[0].max()) == 0
    assert float(crops[1].min()) == pytest.approx(1)


def test_gradients_reach_the_eyes_alone() -> None:
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    eye_crops(picture, FACE).sum().backward()
    assert picture.grad is not None
    reached = picture.grad[0, 0] != 0
    middle = FACE[0, 36:48].mean(dim=0).round().int()
    assert reached[middle[1], middle[0]]
    assert 0.03 < float(reached.float().mean()) < 0.2
    assert not reached[:20].any()
    assert not reached[100:].any()


@pytest.mark.parametrize(("pixels", "size"), [(64, (48, 96)), (128, (48, 96)), (256, (96, 192))])
def test_crops_grow_with_the_frame_and_stay_large_enough_for_a_feature_network(
    pixels: int, size: tuple[int, int]
) -> None:
    picture = torch.rand(1, 3, pixels, pixels)
    assert eye_crops(picture, FACE * pixels / 128).shape == (1, 3, *size)
