from __future__ import annotations

import numpy as np
import pytest

from service.imaging.holes import Region, bounds, dilate


def hole_of(*rectangles: tuple[int, int, int, int], size: tuple[int, int] = (60, 80)) -> np.ndarray:
    hole = np.zeros(size, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        hole[y0:y1, x0:x1] = 1
    return hole


def test_bounds() -> None:
    assert bounds(hole_of((10, 5, 20, 9), (70, 50, 80, 60))) == Region(10, 5, 80, 60)
    assert bounds(hole_of()) is None


def test_region_grows_to_the_borders_only() -> None:
    assert Region(10, 5, 20, 9).grown(8, (60, 80)) == Region(2, 0, 28, 17)
    assert Region(70, 50, 80, 60).grown(8, (60, 80)) == Region(62, 42, 80, 60)


@pytest.mark.parametrize("radius", [0, 1, 3, 10, 200])
def test_dilate_is_a_disc(radius: int) -> None:
    hole = hole_of((40, 30, 41, 31), (0, 59, 1, 60))
    rows, columns = np.mgrid[:60, :80]
    near = np.minimum((rows - 30) ** 2 + (columns - 40) ** 2, (rows - 59) ** 2 + columns**2) <= radius**2
    assert np.array_equal(dilate(hole, radius), near.astype(np.uint8))


def test_dilate_nothing() -> None:
    assert not dilate(hole_of(), 5).any()
