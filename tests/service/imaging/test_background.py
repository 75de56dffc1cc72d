from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from service.imaging.background import fill_thin, fill_wide, thin_parts
from service.imaging.holes import Region, bounds
from tests.service.imaging.test_pyramid import wall


def disc(size: tuple[int, int], centre: tuple[int, int], radius: int) -> np.ndarray:
    hole = np.zeros(size, np.uint8)
    cv2.circle(hole, centre, radius, 1, -1)
    return hole


def filled(rgb: np.ndarray, hole: np.ndarray, barred: np.ndarray | None = None) -> np.ndarray:
    part = bounds(hole)
    assert part is not None
    whole = rgb.copy()
    painting = fill_wide(rgb, hole, np.zeros_like(hole) if barred is None else barred, part)
    assert painting.shape == (part.height, part.width, 3)
    np.copyto(whole[part.slices], painting, where=hole[part.slices][..., None] > 0)
    return whole


def test_thin_parts_are_thin_everywhere() -> None:
    hole = np.zeros((200, 200), np.uint8)
    cv2.line(hole, (10, 10), (180, 20), 1, 3)
    hole[0, 150] = hole[199, 0] = 1
    thin_alone = hole.copy()
    cv2.line(hole, (10, 100), (100, 100), 1, 3)
    cv2.circle(hole, (100, 100), 20, 1, -1)
    assert np.array_equal(thin_parts(hole), thin_alone)


def test_a_part_that_fills_the_picture_is_not_thin() -> None:
    hole = np.ones((50, 60), np.uint8)
    hole[0, 0] = 0
    assert not thin_parts(hole).any()


def test_a_scratch_on_a_slope_vanishes() -> None:
    slope = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None], 80, axis=0).repeat(3, axis=2) * np.uint8(2)
    hole = np.zeros((80, 100), np.uint8)
    cv2.line(hole, (10, 5), (90, 70), 1, 3)
    scratched = np.where(hole[..., None] > 0, np.uint8(255), slope)
    fill_thin(scratched, hole, hole)
    assert np.abs(scratched.astype(int) - slope).max() <= 4
    assert np.array_equal(scratched[hole == 0], slope[hole == 0])


def test_thin_parts_do_not_look_into_other_holes() -> None:
    picture = np.full((60, 80, 3), 90, np.uint8)
    scratch, other = np.zeros((60, 80), np.uint8), np.zeros((60, 80), np.uint8)
    scratch[30:32, 10:70] = 1
    other[33:50, 20:60] = 1
    picture[other > 0] = 255
    fill_thin(picture, scratch, scratch | other)
    assert np.abs(picture[scratch > 0].astype(int) - 90).max() <= 1


@pytest.mark.parametrize("times", [1, 4, 9])
def test_a_wall_goes_on_at_full_size(times: int) -> None:
    """Enlarged walls are solved on a smaller copy; the fill keeps their colours, their grain and their edges."""
    picture = cv2.resize(wall(), None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(2).normal(0, 5, picture.shape)
    picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    hole = disc(picture.shape[:2], (85 * times, 60 * times), 22 * times)
    answer = filled(np.where(hole[..., None] > 0, np.uint8(128), picture), hole)
    inside = hole > 0
    assert np.array_equal(answer[~inside], picture[~inside])
    assert np.abs(answer[inside].mean(axis=0) - picture[inside].mean(axis=0)).max() < 4
    rough, wanted = (cv2.Laplacian(one, cv2.CV_32F)[inside].std() for one in (answer, picture))
    assert 0.7 < rough / wanted < 1.2


def test_what_stands_in_the_hole_plays_no_part() -> None:
    picture = cv2.resize(wall(), None, fx=3, fy=3)
    hole = disc(picture.shape[:2], (250, 180), 90)
    noise = np.random.default_rng(0).integers(0, 256, picture.shape).astype(np.uint8)
    answers = [filled(np.where(hole[..., None] > 0, paint, picture), hole) for paint in (np.uint8(0), noise)]
    assert np.array_equal(*answers)


def test_other_holes_are_not_copied() -> None:
    """Another part that is still to be filled: nothing of its paint may come over."""
    picture = wall()
    hole = disc((120, 160), (60, 60), 14) | disc((120, 160), (110, 60), 20)
    painted = np.where(disc((120, 160), (110, 60), 20)[..., None] > 0, np.array([255, 0, 255], np.uint8), picture)
    part = Region(46, 46, 75, 75)
    painting = fill_wide(painted, hole, np.zeros_like(hole), part)
    inside = hole[part.slices] > 0
    assert (painting[inside][:, 1] > 40).all()


@pytest.mark.parametrize("kind", ["barred", "rest"])
def test_with_nothing_to_copy_the_surroundings_go_on_smoothly(kind: str) -> None:
    """All but a part is barred, or nearly all is missing: the colour beside the hole is carried on."""
    picture = np.full((300, 400, 3), (120, 90, 60), np.uint8)
    hole = disc((300, 400), (200, 150), 80)
    barred = np.ones_like(hole) if kind == "barred" else np.zeros_like(hole)
    if kind == "rest":
        hole = 1 - disc((300, 400), (200, 150), 2)
    answer = filled(np.where(hole[..., None] > 0, np.uint8(255), picture), hole, barred)
    assert np.abs(answer.astype(int) - (120, 90, 60)).max() <= 2


def test_a_part_amid_other_holes_sees_what_is_known_far_away() -> None:
    picture = np.full((300, 400, 3), (120, 90, 60), np.uint8)
    hole = np.ones((300, 400), np.uint8)
    hole[:4] = 0
    painting = fill_wide(
        np.where(hole[..., None] > 0, np.uint8(255), picture), hole, hole * 0, Region(190, 200, 210, 220)
    )
    assert np.abs(painting.astype(int) - (120, 90, 60)).max() <= 2


@pytest.mark.parametrize("size", [(1, 40), (6, 6), (3, 500)])
def test_pictures_smaller_than_a_patch(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 77, np.uint8)
    hole = np.zeros(size, np.uint8)
    hole[0, : size[1] // 2] = 1
    assert np.array_equal(filled(np.where(hole[..., None] > 0, np.uint8(255), picture), hole), picture)


def test_the_time_hardly_grows_with_the_picture() -> None:
    """The search works on a copy of bounded size: 36 times the pixels may not cost eight times as much."""
    seconds = []
    for times in (3, 18):
        picture = cv2.resize(wall(), None, fx=times, fy=times)
        hole = disc(picture.shape[:2], (85 * times, 60 * times), 12 * times)
        begun = time.process_time()
        filled(picture, hole)
        seconds.append(time.process_time() - begun)
    assert seconds[1] < 8 * seconds[0]
