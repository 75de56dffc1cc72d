"""The bench of the finder finds the sample's face in what it times."""

from __future__ import annotations

import numpy as np

from tests.bench.finding import HEIGHT, WIDTH, hole, picture, quickest


def test_the_picture_has_25_megapixels_and_the_hole_lies_in_it() -> None:
    assert picture().shape == (HEIGHT, WIDTH, 3)
    assert round(HEIGHT * WIDTH / 1e6) == 25
    assert hole().shape == (HEIGHT, WIDTH)
    assert 0.01 < hole().mean() < 0.1


def test_the_quickest_turn_counts() -> None:
    work = {"much": lambda: int(np.sort(np.random.default_rng(0).random(2_000_000)).size > 0), "little": lambda: 0}
    found = quickest(work, 2)
    assert found["much"][0] > found["little"][0] >= 0
    assert (found["much"][1], found["little"][1]) == (1, 0)
