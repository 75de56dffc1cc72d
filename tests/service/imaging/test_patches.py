from __future__ import annotations

import numpy as np
import pytest

from service.imaging.patches import CHANNELS, REACH_PIXELS, Level, Match, allowed_middles, peel


def stripes(height: int = 40, width: int = 48) -> np.ndarray:
    """[h,w,5]: dark and light, two pixels each, all the way down."""
    light = np.where(np.arange(width) // 2 % 2 == 0, 200, 40).astype(np.float32)
    return np.repeat(np.repeat(light[None, :, None], height, axis=0), CHANNELS, axis=2)


def level(values: np.ndarray) -> Level:
    hole = np.zeros(values.shape[:2], np.bool_)
    hole[14:26, 17:31] = True
    emptied = np.where(hole[..., None], np.float32(128), values)
    return Level(emptied, hole, allowed_middles(hole))


def test_a_patch_lies_inside_and_holds_nothing_unusable() -> None:
    unusable = np.zeros((20, 24), np.bool_)
    unusable[10, 12] = True
    allowed = allowed_middles(unusable)
    for y, x in np.ndindex(20, 24):
        inside = REACH_PIXELS <= y < 20 - REACH_PIXELS and REACH_PIXELS <= x < 24 - REACH_PIXELS
        assert allowed[y, x] == (inside and max(abs(y - 10), abs(x - 12)) > REACH_PIXELS)


def test_peeling_carries_stripes_on() -> None:
    one = level(stripes())
    peel(one)
    assert np.array_equal(one.values, stripes())


def test_searching_and_voting_find_the_stripes_from_a_bad_start() -> None:
    one = level(stripes())
    peel(one)
    one.values[one.hole] += np.random.default_rng(1).normal(0, 30, (int(one.hole.sum()), CHANNELS)).astype(np.float32)
    match = Match(one)
    for _ in range(6):
        match.search()
        match.vote()
    assert np.abs(one.values - stripes()).max() < 8


def test_chance_finds_what_comparing_everything_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.imaging.patches.MOST_COMPARED", 0)
    test_searching_and_voting_find_the_stripes_from_a_bad_start()


def test_only_allowed_patches_are_copied() -> None:
    one = level(stripes())
    one.allowed[:, 24:] = False
    peel(one)
    match = Match(one)
    match.search()
    field = match.field()
    moved = field != np.arange(field.size).reshape(field.shape)
    assert moved.any()
    assert one.allowed.ravel()[field[moved]].all()


def test_known_values_stay() -> None:
    one = level(stripes())
    before = one.values.copy()
    peel(one)
    match = Match(one)
    match.search()
    match.vote()
    assert np.array_equal(one.values[~one.hole], before[~one.hole])
