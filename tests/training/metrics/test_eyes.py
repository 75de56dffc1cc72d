"""Differences between two eyes that were painted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.data.landmarks import LEFT_EYE, RIGHT_EYE, flip
from training.metrics.eyes import iris_difference, opening, opening_difference


def landmarks(left_opening: float = 8.0, right_opening: float = 8.0) -> Tensor:
    """Eyes 24 px wide at (40, 60) and (90, 60), open by so many pixels; all other points in the corner."""
    points = torch.zeros(1, 68, 2)
    for eye, x, open_pixels in ((LEFT_EYE, 40.0, left_opening), (RIGHT_EYE, 90.0, right_opening)):
        half = open_pixels / 2
        shape = [(-12.0, 0.0), (-4.0, -half), (4.0, -half), (12.0, 0.0), (4.0, half), (-4.0, half)]
        points[0, list(eye)] = torch.tensor([(x + dx, 60 + dy) for dx, dy in shape])
    return points


def picture(left: tuple[float, ...], right: tuple[float, ...]) -> Tensor:
    """Grey, with a disc of each colour where the irises are."""
    canvas = torch.full((1, 3, 128, 128), 0.5)
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    for centre, colour in ((40, left), (90, right)):
        disc = (x - centre) ** 2 + (y - 60) ** 2 <= 36
        canvas[0, :, disc] = torch.tensor(colour)[:, None]
    return canvas


def test_equal_irises_do_not_differ_whatever_lies_around() -> None:
    assert iris_difference(picture((0.1, 0.2, 0.3), (0.1, 0.2, 0.3)), landmarks()).item() == pytest.approx(0, abs=1e-3)


def test_a_blue_and_a_brown_iris_differ_by_their_colours() -> None:
    found = iris_difference(picture((0.2, 0.4, 0.8), (0.4, 0.2, 0.0)), landmarks())
    assert found.item() == pytest.approx(255 * (0.2 + 0.2 + 0.8) / 3, rel=1e-4)


def test_the_opening_is_the_lids_distance_over_the_width() -> None:
    assert opening(landmarks()[:, list(LEFT_EYE)]).item() == pytest.approx(8 / 24)
    assert opening_difference(landmarks(8, 6)).item() == pytest.approx(100 * 2 / 24, rel=1e-5)
    assert opening_difference(landmarks()).item() == 0


def test_a_mirrored_face_has_the_same_differences() -> None:
    points, image = landmarks(9, 5), picture((0.2, 0.4, 0.8), (0.4, 0.2, 0.0))
    mirrored = flip(points, 128)
    assert torch.allclose(opening_difference(mirrored), opening_difference(points))
    assert torch.allclose(iris_difference(image.flip(3), mirrored), iris_difference(image, points), atol=1e-3)
