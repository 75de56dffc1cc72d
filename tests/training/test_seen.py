"""The side that a network sees pictures at, in its snapshot and on the way."""

from __future__ import annotations

import pytest
import torch

from training.seen import enlarged, hole_at, pixels_in, seen_at, weights_at, with_pixels, without_pixels


def test_a_snapshot_says_the_side() -> None:
    state = {"weight": torch.ones(2)}
    assert (pixels_in(state), pixels_in(with_pixels(state, 128))) == (0, 128)
    assert set(with_pixels(state, 0)) == set(without_pixels(with_pixels(state, 128))) == {"weight"}
    assert set(weights_at(with_pixels(state, 128), 128)) == {"weight"}
    with pytest.raises(RuntimeError, match="it sees pictures at 128 px, not at 0"):
        weights_at(with_pixels(state, 128), 0)


def test_pictures_become_small_and_large() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4) / 16
    assert seen_at(image, 0) is image
    assert seen_at(image, 4) is image
    assert seen_at(image, 2).flatten().tolist() == [x / 16 for x in (2.5, 4.5, 10.5, 12.5)]
    assert enlarged(image, 4) is image
    assert enlarged(torch.full((1, 3, 2, 2), 0.25), 8).unique().tolist() == [0.25]
    steep = torch.tensor([0.0, 0.0, 1.0, 1.0]).view(1, 1, 1, 4).expand(1, 3, 4, 4)
    assert (float(enlarged(steep, 16).min()), float(enlarged(steep, 16).max())) == (0.0, 1.0)


def test_a_pixel_that_covers_any_of_the_hole_is_hole() -> None:
    hole = torch.zeros(1, 1, 8, 8)
    hole[:, :, 3, 3] = 1
    assert hole_at(hole, 0) is hole
    assert hole_at(hole, 4).nonzero()[:, 2:].tolist() == [[1, 1]]
