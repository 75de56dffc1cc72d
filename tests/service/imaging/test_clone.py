from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging import clone
from service.imaging.compose import compose


def smooth(seed: int, side: int = 400) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(60, 196, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)


def strokes(side: int = 400) -> np.ndarray:
    hole = np.zeros((side, side), np.uint8)
    for index, (x, y) in enumerate(np.random.default_rng(3).integers(20, side - 20, (6, 2))):
        cv2.line(hole, (int(x), int(y)), (200, 60 * index + 20), 1, 24)
    return hole


def box(side: int = 400) -> np.ndarray:
    hole = np.zeros((side, side), np.uint8)
    hole[40:360, 30:350] = 1
    return hole


@pytest.mark.parametrize("hole", [box(), strokes()], ids=["box", "strokes"])
def test_a_large_hole_solved_on_a_smaller_copy_is_nearly_the_same(
    hole: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas, painted = smooth(1), smooth(2)
    whole = compose(canvas, painted, hole, "poisson").astype(int)
    monkeypatch.setattr(clone, "MOST_SOLVED_PIXELS", 100 * 100)
    small = compose(canvas, painted, hole, "poisson").astype(int)
    assert np.array_equal(small[hole == 0], canvas[hole == 0])
    difference = np.abs(small - whole)[hole > 0]
    assert np.abs(canvas.astype(int) - painted)[hole > 0].mean() > 30
    assert difference.mean() < 2
    assert np.percentile(difference, 99) < 10


def test_a_large_hole_meets_the_canvas_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clone, "MOST_SOLVED_PIXELS", 100 * 100)
    canvas, hole = smooth(1) // 2 + 50, box()
    completed = compose(canvas, canvas + 20, hole, "poisson")
    assert np.abs(completed.astype(int) - canvas)[hole > 0].max() <= 2
