from __future__ import annotations

import numpy as np

from tests.fakes.pictures import pixels, png, scene


def test_a_picture_that_a_test_paints_on_is_its_own() -> None:
    painted, before = scene(seed=9), scene(seed=9).copy()
    painted[:] = 0
    assert np.array_equal(scene(seed=9), before)


def test_a_file_holds_the_picture_as_it_is_when_asked_for() -> None:
    picture = scene(seed=9)
    assert png(picture) is png(picture.copy())
    picture[0, 0] = 255 - picture[0, 0]
    assert np.array_equal(pixels(png(picture)), picture)
