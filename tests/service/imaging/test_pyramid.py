from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.pyramid import fill_by_patches


def wall(height: int = 120, width: int = 160) -> np.ndarray:
    """Bricks: 16 x 8 pixels, every second row shifted, with noise."""
    y, x = np.indices((height, width))
    joint = (y % 8 == 0) | ((x + 8 * (y // 8 % 2)) % 16 == 0)
    grey = np.where(joint, 210, 110)[..., None] + np.array([20, -10, -20])
    return np.clip(grey + np.random.default_rng(0).normal(0, 4, grey.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    hole = np.zeros((120, 160), np.uint8)
    cv2.ellipse(hole, (85, 60), (26, 19), 0, 0, 360, 1, -1)
    return hole


def nothing() -> np.ndarray:
    return np.zeros((120, 160), np.uint8)


def test_a_wall_goes_on(hole: np.ndarray) -> None:
    """The bricks' joints continue through the hole: most pixels are what they were."""
    emptied = np.where(hole[..., None] > 0, np.uint8(128), wall())
    solved = fill_by_patches(emptied, hole, nothing())
    assert solved is not None
    off = np.abs(solved[0] - wall())[hole > 0]
    assert np.median(off) < 8
    assert (off.max(axis=1) > 50).mean() < 0.15


def test_outside_nothing_changes_and_the_field_says_so(hole: np.ndarray) -> None:
    solved = fill_by_patches(wall(), hole, nothing())
    assert solved is not None
    filled, field = solved
    assert np.array_equal(filled[hole == 0], wall()[hole == 0])
    far = cv2.dilate(hole, np.ones((9, 9), np.uint8)) == 0
    assert np.array_equal(field[far], np.arange(hole.size).reshape(hole.shape)[far])


def test_what_stands_in_the_hole_plays_no_part(hole: np.ndarray) -> None:
    answers = []
    for paint in (0, 128, 255):
        solved = fill_by_patches(np.where(hole[..., None] > 0, np.uint8(paint), wall()), hole, nothing())
        assert solved is not None
        answers.append(solved[0])
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


def test_barred_pixels_are_not_copied(hole: np.ndarray) -> None:
    """A red sign beside the hole: as long as it may be copied, some of it may come; barred, none does."""
    picture, barred = wall(), nothing()
    picture[20:100, 112:150] = barred_colour = (255, 0, 0)
    barred[20:100, 112:150] = 1
    solved = fill_by_patches(picture, hole, barred)
    assert solved is not None
    assert (np.abs(solved[0] - barred_colour).max(axis=2)[hole > 0] > 60).all()
    assert not barred.ravel()[solved[1][hole > 0]].any()


def test_without_a_patch_to_copy_there_is_no_answer(hole: np.ndarray) -> None:
    assert fill_by_patches(wall(), hole, np.ones_like(hole)) is None
    assert fill_by_patches(wall()[:5], hole[:5], nothing()[:5]) is None


@pytest.mark.parametrize("size", [(7, 9), (13, 40), (33, 31)])
def test_small_and_odd_pictures(size: tuple[int, int]) -> None:
    hole = np.zeros(size, np.uint8)
    hole[0, -1] = 1
    solved = fill_by_patches(wall()[: size[0], : size[1]], hole, np.zeros_like(hole))
    assert solved is not None
    assert solved[0].shape == (*size, 3)
