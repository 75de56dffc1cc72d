from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from service.imaging.grain import Grain, add_grain, grain_of


def smooth(size: int = 300) -> np.ndarray:
    colours = np.random.default_rng(3).integers(60, 190, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(colours, (size, size), interpolation=cv2.INTER_CUBIC)


def noisy(picture: np.ndarray, deviation: float, *, grey: bool = False) -> np.ndarray:
    noise = np.random.default_rng(4).normal(0, deviation, picture.shape)
    return np.clip(picture + (noise[..., :1] if grey else noise), 0, 255).round().astype(np.uint8)


def everywhere(picture: np.ndarray) -> np.ndarray:
    return np.ones(picture.shape[:2], np.uint8)


def deviation_of(picture: np.ndarray, among: np.ndarray | None = None) -> float:
    return grain_of(picture, everywhere(picture) if among is None else among).deviation


@pytest.mark.parametrize("deviation", [1.5, 4.0, 12.0])
def test_noise_is_measured(deviation: float) -> None:
    assert deviation_of(noisy(smooth(), deviation)) == pytest.approx(deviation, rel=0.1)


def test_a_smooth_picture_has_none() -> None:
    assert deviation_of(smooth()) == 0


def test_edges_are_not_grain() -> None:
    """Stripes over two fifths of the picture hardly change the figure."""
    picture = smooth()
    picture[:, 40:160][:, ::8] = 255
    picture[:, 44:160][:, ::8] = 0
    assert deviation_of(noisy(picture, 3)) == pytest.approx(3, rel=0.25)


def test_only_the_pixels_in_question_are_looked_at() -> None:
    picture, among = noisy(smooth(), 3), everywhere(smooth())
    picture[:, 150:] = np.random.default_rng(0).integers(0, 256, (300, 150, 3))
    among[:, 150:] = 0
    assert deviation_of(picture, among) == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("size", [1, 5, 12])
def test_too_few_pixels_say_nothing(size: int) -> None:
    assert deviation_of(noisy(smooth(), 9)[:size, :size]) == 0


@pytest.mark.parametrize("deviation", [2.0, 6.0])
@pytest.mark.parametrize("correlated", [False, True])
def test_what_is_missing_is_added(deviation: float, correlated: bool) -> None:
    """After that the grain is that of the surroundings, in both octaves, also when it is two pixels wide."""
    photograph = noisy(smooth(), deviation)
    if correlated:
        wide = np.random.default_rng(1).normal(0, deviation, (150, 150, 3)).repeat(2, axis=0).repeat(2, axis=1)
        photograph = np.clip(photograph + wide, 0, 255).astype(np.uint8)
    wanted = grain_of(photograph, everywhere(photograph))
    painted, hole = smooth(), np.zeros((300, 300), np.uint8)
    hole[40:260, 30:270] = 1
    add_grain(painted, hole, wanted.beyond(grain_of(painted, hole)))
    for got, want in zip(grain_of(painted, hole).octaves, wanted.octaves, strict=True):
        assert abs(np.sqrt(np.trace(got)) - np.sqrt(np.trace(want))) < 0.2 * np.sqrt(np.trace(wanted.octaves[0]))
    assert np.array_equal(painted[hole == 0], smooth()[hole == 0])
    assert np.abs(painted.astype(float).mean(axis=(0, 1)) - smooth().mean(axis=(0, 1))).max() < 0.5


def test_a_painting_with_grain_enough_stays() -> None:
    painted = noisy(smooth(), 6)
    before = painted.copy()
    mine = grain_of(painted, everywhere(painted))
    add_grain(painted, everywhere(painted), grain_of(noisy(smooth(), 3), everywhere(painted)).beyond(mine))
    assert np.array_equal(painted, before)


def test_grey_grain_stays_grey() -> None:
    grey = np.repeat(smooth()[..., :1], 3, axis=2)
    wanted = grain_of(noisy(grey, 5, grey=True), everywhere(grey))
    painted = grey.copy()
    add_grain(painted, everywhere(grey), wanted)
    assert not np.array_equal(painted, grey)
    assert (painted.max(axis=2) - painted.min(axis=2)).max() <= 1


def test_equal_pictures_get_equal_grain() -> None:
    grain = grain_of(noisy(smooth(), 5), everywhere(smooth()))
    answers = [smooth(), smooth()]
    for answer in answers:
        add_grain(answer, everywhere(answer), grain)
    assert np.array_equal(*answers)


def test_measuring_takes_no_longer_for_a_larger_picture() -> None:
    """The quickest of several: other threads of the test process count too."""

    def seconds(size: int) -> float:
        picture = np.full((size, size, 3), 120, np.uint8)
        among = everywhere(picture)
        took: list[float] = []
        for _ in range(5):
            begun = time.process_time()
            grain_of(picture, among)
            took.append(time.process_time() - begun)
        return min(took)

    assert seconds(4800) < 4 * seconds(1200)


def test_beyond_is_never_negative() -> None:
    little = Grain((np.eye(3), np.eye(3)))
    much = Grain((np.eye(3) * 4, np.eye(3) * 9))
    assert little.beyond(much).deviation == pytest.approx(0, abs=1e-6)
    assert much.beyond(little).deviation == pytest.approx(np.sqrt(3))
