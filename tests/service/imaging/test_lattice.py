from __future__ import annotations

import numpy as np
import pytest

from service.imaging.lattice import without_lattice
from tests.fakes.pictures import scene

SIDE = 128
HOLE = np.zeros((SIDE, SIDE), np.uint8)
HOLE[30:100, 20:90] = 1
INSIDE = HOLE > 0


def gradient() -> np.ndarray:
    """A smooth one, exact."""
    down, across = np.mgrid[:SIDE, :SIDE]
    return np.stack((90 + 0.5 * across, 100 + 0.4 * down, 80 + 0.2 * (across + down)), axis=-1)


def with_lattice(picture: np.ndarray, period: int, levels: float) -> np.ndarray:
    tile = np.random.default_rng(2).uniform(-levels, levels, (period, period, 3))
    tile -= tile.mean(axis=(0, 1))
    return np.clip(np.rint(picture + np.tile(tile, (SIDE // period, SIDE // period, 1))), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("period", [2, 4])
def test_a_lattice_on_a_smooth_gradient_is_gone(period: int) -> None:
    painted = with_lattice(gradient(), period, 6)
    mended = without_lattice(painted, HOLE)
    assert np.abs(painted - gradient())[INSIDE].mean() > 2
    assert np.abs(mended - gradient())[INSIDE].mean() < 0.6


def test_outside_the_hole_nothing_changes() -> None:
    painted = with_lattice(gradient(), 4, 6)
    mended = without_lattice(painted, HOLE)
    assert (mended[~INSIDE] == painted[~INSIDE]).all()


def test_what_is_drawn_stays() -> None:
    drawn = gradient()
    drawn[50:54, 30:80] = 20  # an edge along the blocks
    drawn[60:90, 50] = 240
    painted = np.rint(drawn).astype(np.uint8)
    changed = np.abs(without_lattice(painted, HOLE).astype(int) - painted)
    assert changed.max() <= 5
    assert changed[INSIDE].mean() < 1


def test_a_natural_picture_hardly_changes() -> None:
    picture = scene(SIDE, SIDE)
    assert np.abs(without_lattice(picture, HOLE).astype(int) - picture)[INSIDE].mean() < 1


def test_a_side_that_is_no_multiple_of_four_stays() -> None:
    odd = with_lattice(gradient(), 4, 6)[:126]
    assert (without_lattice(odd, HOLE[:126]) == odd).all()
