from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.holes import Region
from service.imaging.mirror import lend, mirror_of, wanted
from tests.fakes.engine import mean_shape
from tests.fakes.pictures import scene

PIXELS = 256
SHAPE = mean_shape()  # parted by the line x = 128
WHOLE = Region(0, 0, PIXELS, PIXELS)
EVERYWHERE = np.ones((PIXELS, PIXELS), np.uint8)
PICTURE = scene(PIXELS, PIXELS)


def right_half(start: int = 129) -> np.ndarray:
    hole = np.zeros((PIXELS, PIXELS), np.uint8)
    hole[:, start:] = 1
    return hole


def turned(degrees: float, points: np.ndarray = SHAPE) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((128, 128), degrees, 1)
    return points @ matrix[:, :2].T + matrix[:, 2]


def wider_right(times: float) -> np.ndarray:
    """The face turned so that the half on the right of the picture is so much wider than the other."""
    points = SHAPE.copy()
    right = points[:, 0] > 128
    points[right, 0] = 128 + (points[right, 0] - 128) * times
    return points


def test_what_is_missing_comes_from_the_same_place_on_the_other_side() -> None:
    mirror = mirror_of(SHAPE)
    assert mirror is not None
    picture, lent = lend(PICTURE, right_half(), mirror, right_half(), WHOLE)
    assert np.array_equal(picture[:, 129:], PICTURE[:, 1:128][:, ::-1])
    assert np.array_equal(picture[:, :129], PICTURE[:, :129])
    assert np.array_equal(lent, right_half())


@pytest.mark.parametrize("degrees", [30, 90, 180])
def test_at_any_roll_opposite_points_are_found(degrees: float) -> None:
    mirror = mirror_of(turned(degrees))
    assert mirror is not None
    x, y = mirror.sources(WHOLE)
    here, there = turned(degrees, np.array([[168.0, 150.0]]))[0], turned(degrees, np.array([[88.0, 150.0]]))[0]
    column, row = np.rint(here).astype(int)
    assert np.hypot(x[row, column] - there[0], y[row, column] - there[1]) < 1


def test_a_wider_side_is_taken_narrower() -> None:
    mirror = mirror_of(wider_right(1.5))
    assert mirror is not None
    x, y = mirror.sources(WHOLE)
    assert x[150, 128 + 60] == pytest.approx(128 - 40, abs=0.5)
    assert x[150, 128 - 40] == pytest.approx(128 + 60, abs=0.5)
    assert y[150, 188] == pytest.approx(150, abs=0.5)


@pytest.mark.parametrize("times", [0.3, 3.5])
def test_a_face_turned_far_has_no_second_side(times: float) -> None:
    assert mirror_of(wider_right(times)) is None
    assert mirror_of(turned(70, wider_right(times))) is None


def test_nothing_of_the_hole_or_from_beyond_the_picture_is_lent() -> None:
    """The hole reaches over the line; what lies opposite to the hole stays, and so does what has nothing opposite."""
    mirror = mirror_of(SHAPE - np.array((28, 0)))  # parted at x = 100: opposite to 200 and more there is no picture
    assert mirror is not None
    hole = right_half(91)
    results = []
    for value in (0, 255):
        filled = np.where(hole[..., None] > 0, np.uint8(value), PICTURE)
        picture, lent = lend(filled, hole, mirror, hole, WHOLE)
        assert (picture[lent == 0] == filled[lent == 0]).all()
        results.append((picture[lent > 0], lent))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])
    lent = results[0][1]
    assert lent[:, 112:199].all()
    assert not lent[:, :110].any()
    assert not lent[:, 202:].any()


def test_a_part_of_a_large_picture_is_lent_as_the_whole_would_be() -> None:
    mirror, picture = mirror_of(SHAPE + np.array((0, 400))), scene(900, PIXELS, seed=3)
    hole = np.zeros((900, PIXELS), np.uint8)
    hole[:, 129:] = 1
    assert mirror is not None
    whole, _ = lend(picture, hole, mirror, hole, Region(0, 0, PIXELS, 900))
    part = Region(100, 250, 240, 700)
    lent, plane = lend(picture, hole, mirror, hole[part.slices], part)
    assert np.array_equal(lent, whole[part.slices])
    assert np.array_equal(plane, hole[part.slices])


def test_wide_parts_beside_the_head_are_wanted_and_nothing_on_the_face() -> None:
    plane = wanted(right_half(), SHAPE)
    assert plane[40:240, 225:].all()  # beside the cheek, up to the frame's border
    for x, y in np.rint(SHAPE).astype(int):
        assert plane[y, x] == 0
    assert not plane[:, :129].any()


def test_what_networks_fill_well_is_not_wanted() -> None:
    """A box on the face, a stroke beside it, and a box over one cheek and what lies beside it."""
    for rows, columns in (
        (slice(64, 192), slice(64, 192)),
        (slice(0, 256), slice(222, 246)),
        (slice(70, 210), slice(128, 256)),
    ):
        hole = np.zeros((PIXELS, PIXELS), np.uint8)
        hole[rows, columns] = 1
        assert not wanted(hole, SHAPE).any()
    assert wanted(right_half(215), SHAPE)[:, 230:].all()
    assert not wanted(np.zeros((PIXELS, PIXELS), np.uint8), SHAPE).any()


def test_frames_of_any_size_want_the_same() -> None:
    small = wanted(np.ascontiguousarray(right_half()[::2, ::2]), SHAPE / 2)
    large = cv2.resize(wanted(right_half(), SHAPE), (128, 128), interpolation=cv2.INTER_NEAREST)
    assert (small != large).mean() < 0.02
