"""Eq. 5 of LaFIn by hand."""

import pytest
import torch

from training.losses.variation import total_variation


def test_flat_picture_has_none():
    assert total_variation(torch.full((2, 3, 4, 4), 0.3)).item() == 0


def test_counts_both_directions_and_divides_by_pixels():
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 1, 1] = 2  # four neighbours differ by 2
    assert total_variation(image).item() == pytest.approx(8 / 16)
    assert total_variation(torch.cat([image, image])).item() == pytest.approx(8 / 16)
    assert total_variation(torch.cat([image, image], dim=1)).item() == pytest.approx(16 / 16)
