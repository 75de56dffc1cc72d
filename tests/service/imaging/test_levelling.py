from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.levelling import BAND_PIXELS, FADE_PIXELS, RIM_PIXELS, levelled

SIZE = 256


def disc(radius: int = 50) -> np.ndarray:
    hole = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(hole, (128, 128), radius, 1, -1)
    return hole


def slope() -> np.ndarray:
    return np.repeat((60 + np.arange(SIZE) // 4)[None, :, None], SIZE, axis=0).repeat(3, axis=2).astype(np.uint8)


def with_rim(lift: int) -> np.ndarray:
    """The truth along the edge, as networks paint it, and so many levels more behind it."""
    depth = cv2.distanceTransform(disc(), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return (slope() + np.rint(np.clip(depth / RIM_PIXELS, 0, 1) * lift)[..., None]).astype(np.uint8)


@pytest.mark.parametrize("lift", [-25, 25])
def test_behind_the_rim_there_is_no_step(lift: int) -> None:
    answer = levelled(with_rim(lift), slope(), disc()).astype(int)
    depth = cv2.distanceTransform(disc(), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    band = (depth > 0) & (depth <= RIM_PIXELS + BAND_PIXELS)
    assert np.abs((answer - slope())[band].mean(axis=0)).max() <= 3
    assert np.abs(np.diff(answer[128], axis=0)).max() <= 4
    deep = depth > FADE_PIXELS
    assert np.array_equal(answer[deep], with_rim(lift)[deep]), "the middle stays as the network painted it"


def test_outside_stands_the_image() -> None:
    answer = levelled(with_rim(25), slope(), disc())
    assert np.array_equal(answer[disc() == 0], slope()[disc() == 0])


def test_what_fits_stays() -> None:
    assert np.abs(levelled(slope(), slope(), disc()).astype(int) - slope()).max() <= 2


@pytest.mark.parametrize("hole", [disc(2), np.ones((SIZE, SIZE), np.uint8), np.zeros((SIZE, SIZE), np.uint8)])
def test_without_depth_or_surroundings_nothing_changes(hole: np.ndarray) -> None:
    raw = with_rim(25)
    assert np.array_equal(levelled(raw, slope(), hole), raw)


def test_what_the_image_holds_in_the_hole_plays_no_part() -> None:
    painted = slope()
    painted[disc() > 0] = 0
    assert np.array_equal(levelled(with_rim(25), painted, disc()), levelled(with_rim(25), slope(), disc()))
