from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from service.imaging.compose import compose
from service.imaging.feather import BLOCK_PIXELS, TILE_PIXELS
from service.imaging.holes import bounds
from service.imaging.membrane import fill_smoothly
from service.imaging.seam import RING_PIXELS, mismatch, ring
from tests.service.imaging.test_compose import smooth

HEIGHT, WIDTH = 2 * TILE_PIXELS + 45, TILE_PIXELS + BLOCK_PIXELS + 7  # neither tiles nor blocks fit
PIXELS = 16


def in_one_piece(
    canvas: np.ndarray, painted: np.ndarray, hole: np.ndarray, comparable: np.ndarray | None
) -> np.ndarray:
    """What tiles must come to: the same sums over the whole picture at once."""
    known, inside = ring(hole, comparable), hole > 0
    distance = cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    left = np.clip(1 - distance / PIXELS, 0, 1)
    fading = left * left * (3 - 2 * left)
    correction = fill_smoothly(mismatch(canvas, painted, known), known) * fading[..., None]
    return np.where(inside[..., None], np.clip(np.rint(painted + correction), 0, 255), canvas).astype(np.uint8)


def holes() -> dict[str, np.ndarray]:
    names = ("large", "most", "all but one", "lines", "dust", "at a corner")
    planes = {name: np.zeros((HEIGHT, WIDTH), np.uint8) for name in names}
    planes["large"][20:-30, 15:-25] = 1
    planes["most"][:] = 1
    planes["most"][300:310, 40:200] = 0
    planes["all but one"][:] = 1
    planes["all but one"][0, 0] = 0
    for place in range(0, HEIGHT, 90):
        cv2.line(planes["lines"], (0, place), (WIDTH, HEIGHT - place), 1, 9)
    planes["dust"][np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.01] = 1
    planes["at a corner"][-40:, -40:] = 1
    return planes


@pytest.mark.parametrize("partly", [False, True])
@pytest.mark.parametrize("name", holes())
def test_tiles_change_nothing(name: str, partly: bool) -> None:
    hole, canvas, painted = holes()[name], smooth(HEIGHT, WIDTH, 1), smooth(HEIGHT, WIDTH, 2)
    comparable = None
    if partly:
        comparable = np.zeros_like(hole)
        comparable[:, : WIDTH // 2] = 1
    completed = compose(canvas, painted, hole, "feather", PIXELS, comparable=comparable)
    near = bounds(hole).grown(RING_PIXELS, hole.shape).slices  # averages begin at the corner of the hole's bounds
    expected = canvas.copy()
    parts = canvas[near], painted[near], hole[near], None if comparable is None else comparable[near]
    expected[near] = in_one_piece(*parts)
    assert np.array_equal(completed[hole == 0], canvas[hole == 0])
    difference = np.abs(completed.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4, "only where a sum lies between two grey levels"


def test_a_fading_wider_than_a_tile() -> None:
    hole, canvas = np.zeros((HEIGHT, WIDTH), np.uint8), np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    hole[:, 10:] = 1
    row = compose(canvas, canvas + 40, hole, "feather", WIDTH)[HEIGHT // 2, :, 0].astype(int)
    assert row[10] == 100
    assert (np.diff(row) >= 0).all()
    assert np.diff(row).max() <= 1
    assert row[-1] >= 139


def test_the_memory_is_that_of_a_tile() -> None:
    side = 2500
    hole = np.zeros((side, side), np.uint8)
    hole[10:-10, 10:-10] = 1
    canvas, painted = np.zeros((side, side, 3), np.uint8), np.full((side, side, 3), 9, np.uint8)
    tracemalloc.start()
    try:
        compose(canvas, painted, hole, "feather", PIXELS)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1.5 * canvas.nbytes, "the answer itself, and little more"
