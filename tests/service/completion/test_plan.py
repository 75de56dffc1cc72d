from __future__ import annotations

import time

import numpy as np

from service.completion.plan import MOST_PARTS, NOBODY, STRIP_ROWS, owners, reaches_beyond, squares
from service.imaging.geometry import FrameTransform
from service.imaging.holes import Region

WHOLE = Region(0, 0, 1000, 600)


def upright(x: float, y: float, side_pixels: float) -> FrameTransform:
    return FrameTransform.from_square((x, y), side_pixels, (1.0, 0.0), 256)


def test_one_frame_owns_exactly_its_square() -> None:
    owned = owners([upright(299.5, 199.5, 200)], WHOLE)
    inside = np.zeros((600, 1000), bool)
    inside[100:300, 200:400] = True
    assert np.array_equal(owned == 0, inside)
    assert np.array_equal(owned == NOBODY, ~inside)


def test_where_frames_overlap_the_nearer_centre_wins() -> None:
    owned = owners([upright(299.5, 299.5, 400), upright(499.5, 299.5, 400)], WHOLE)
    assert owned[300, 390] == 0
    assert owned[300, 410] == 1
    assert (owned[300, 100:700] != NOBODY).all()


def test_nearness_is_measured_in_the_frames_own_size() -> None:
    large, small = upright(299.5, 299.5, 560), upright(499.5, 299.5, 100)
    owned = owners([large, small], WHOLE)
    assert owned[300, 500] == 1
    assert owned[300, 440] == 0


def test_a_turned_frame_owns_a_turned_square() -> None:
    half = float(np.sqrt(0.5))
    owned = owners([FrameTransform.from_square((500, 300), 200, (half, half), 256)], WHOLE)
    assert owned[300, 500 + 130] == 0  # the corner of the turned square
    assert owned[300 + 90, 500 + 90] == NOBODY


def test_a_region_is_a_window_of_the_whole() -> None:
    frames = [upright(300, 300, 400), upright(520, 310, 380)]
    window = Region(333, 77, 777, 77 + STRIP_ROWS + 31)
    assert np.array_equal(owners(frames, window), owners(frames, WHOLE)[window.slices])


def test_far_parts_get_a_square_each_and_near_ones_share() -> None:
    hole = np.zeros((600, 1000), np.uint8)
    hole[100:140, 100:140] = hole[100:140, 150:190] = hole[500:540, 900:940] = 1
    assert sorted(squares(hole, 8), key=lambda region: region.x0) == [
        Region(100, 100, 190, 140),
        Region(900, 500, 940, 540),
    ]


def test_no_more_squares_than_allowed_and_every_pixel_in_one() -> None:
    hole = np.zeros((600, 1000), np.uint8)
    for x in range(20, 1000, 200):
        for y in range(20, 600, 200):
            hole[y : y + 10, x : x + 10] = 1
    regions = squares(hole, 4)
    assert 1 <= len(regions) <= 4
    for region in regions:
        hole[region.slices] = 0
    assert not hole.any()


def test_dust_is_swept_together_in_bounded_time() -> None:
    random = np.random.default_rng(1)
    hole = (random.random((2000, 3000)) < 0.01).astype(np.uint8)
    start_seconds = time.thread_time()
    regions = squares(hole, MOST_PARTS)
    assert time.thread_time() - start_seconds < 20
    for region in regions:
        hole[region.slices] = 0
    assert not hole.any()


def test_no_hole_no_square() -> None:
    assert squares(np.zeros((64, 64), np.uint8), 8) == []


def test_whether_the_hole_reaches_beyond_a_frame() -> None:
    hole = np.zeros((400, 600), np.uint8)
    hole[150:250, 150:450] = 1
    assert reaches_beyond(hole, [upright(200, 200, 300)])
    assert not reaches_beyond(hole, [upright(200, 200, 300), FrameTransform.identity((400, 600))])
