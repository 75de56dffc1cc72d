from __future__ import annotations

import cv2
import numpy as np
import pytest

from service.imaging.membrane import fill_smoothly, solve_laplace


def solved_directly(values: np.ndarray, known: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The same equations as a dense linear system."""
    number = np.cumsum(inside.ravel()).reshape(inside.shape) - 1
    unknowns = int(inside.sum())
    matrix, right = np.zeros((unknowns, unknowns)), np.zeros((unknowns, 3))
    height, width = inside.shape
    for y, x in np.argwhere(inside):
        row = number[y, x]
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= v < height and 0 <= u < width and (known[v, u] or inside[v, u])):
                continue
            matrix[row, row] += 1
            if known[v, u]:
                right[row] += values[v, u]
            else:
                matrix[row, number[v, u]] -= 1
    solution = np.zeros_like(values)
    solution[inside] = np.linalg.solve(matrix, right)
    return solution


def shapes() -> dict[str, np.ndarray]:
    disc, corner, strokes, frame = (np.zeros((48, 57), np.uint8) for _ in range(4))
    cv2.circle(disc, (28, 24), 18, 1, -1)
    corner[:35, :40] = 1
    cv2.line(strokes, (4, 4), (50, 40), 1, 5)
    cv2.line(strokes, (50, 4), (8, 44), 1, 2)
    frame[:] = 1
    frame[20:30, 20:30] = 0
    return {"disc": disc, "at the corner": corner, "strokes": strokes, "around an island": frame}


@pytest.mark.parametrize("shape", shapes())
@pytest.mark.parametrize("noise", [0, 10])
def test_laplace_agrees_with_a_direct_solver(shape: str, noise: float) -> None:
    hole = shapes()[shape]
    inside, known = hole > 0, (cv2.dilate(hole, np.ones((5, 5), np.uint8)) > 0) & (hole == 0)
    rows, columns = np.mgrid[:48, :57]
    values = np.stack((columns * 0.7 - 20, rows * 0.5, 20 * np.sin(columns / 9)), axis=-1)
    values = (values + np.random.default_rng(0).normal(0, noise, values.shape)).astype(np.float32)
    difference = (solve_laplace(values, known, inside) - solved_directly(values, known, inside))[inside]
    assert np.abs(difference).max() < 1.0
    assert np.abs(difference).mean() < 0.3


def test_a_constant_stays_constant() -> None:
    hole = shapes()["strokes"]
    values = np.full((48, 57, 3), 7, np.float32)
    assert np.allclose(solve_laplace(values, hole == 0, hole > 0)[hole > 0], 7, atol=1e-3)
    assert np.allclose(fill_smoothly(values, hole == 0), 7, atol=1e-3)


def test_nothing_known_is_zero() -> None:
    everywhere, nowhere = np.ones((9, 14), bool), np.zeros((9, 14), bool)
    values = np.full((9, 14, 3), 5, np.float32)
    assert not solve_laplace(values, nowhere, everywhere).any()
    assert not fill_smoothly(values, nowhere).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (5, 200)])
def test_narrow_pictures(size: tuple[int, int]) -> None:
    known = np.zeros(size, bool)
    known[0, 0] = True
    values = np.full((*size, 3), 9, np.float32)
    assert np.allclose(fill_smoothly(values, known), 9, atol=1e-3)
    assert np.allclose(solve_laplace(values, known, ~known), 9, atol=0.1)


def test_known_values_stay() -> None:
    known = np.random.default_rng(1).random((33, 47)) < 0.3
    values = np.random.default_rng(2).normal(0, 50, (33, 47, 3)).astype(np.float32)
    assert np.allclose(fill_smoothly(values, known)[known], values[known], atol=1e-3)
