"""Values known at some pixels -> smooth values at the others. Float32, [h,w,3]; masks are [h,w]."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats

Mask: TypeAlias = NDArray[np.bool_]

SMALLEST_SIDE_PIXELS = 4  # where halving ends
SWEEPS = 16  # relaxations at every resolution
CYCLES = 2  # corrections of what the first pass left over
CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.float32)


def fill_smoothly(values: Floats, known: Mask) -> Floats:
    """Pull and push: averages of known values at ever lower resolutions fill what lies between. Known values stay.

    With nothing known the answer is 0.
    """
    share = known.astype(np.float32)
    return spread(np.dstack((values * share[..., None], share)))


def spread(sums: Floats) -> Floats:
    """[h,w,C+1], values times their share and the share itself -> [h,w,C]: values where the share is 1, coarser
    averages where it is 0, a mixture between."""
    if sums[..., -1].min() >= 1 or max(sums.shape[:2]) == 1:
        return np.asarray(sums[..., :-1] / np.maximum(sums[..., -1:], np.float32(1e-6)), dtype=np.float32)
    return spread_into(sums, spread(halved_sums(sums)))


def spread_into(sums: Floats, coarse: Floats) -> Floats:
    """The same with what the coarser averages, half as large, came to; bilinear between them."""
    fine = cv2.resize(coarse, (2 * coarse.shape[1], 2 * coarse.shape[0]), interpolation=cv2.INTER_LINEAR)
    fine = fine.reshape(*fine.shape[:2], -1)[: sums.shape[0], : sums.shape[1]]
    return np.asarray(sums[..., :-1] + fine * (1 - sums[..., -1:]), dtype=np.float32)


def halved_sums(sums: Floats) -> Floats:
    """The means of blocks of 2 x 2; beyond the picture nothing is known."""
    below, right = sums.shape[0] % 2, sums.shape[1] % 2
    even = cv2.copyMakeBorder(sums, 0, below, 0, right, cv2.BORDER_CONSTANT) if below or right else sums
    size = even.shape[1] // 2, even.shape[0] // 2
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.float32).reshape(*size[::-1], -1)


def solve_laplace(values: Floats, known: Mask, inside: Mask) -> Floats:
    """The harmonic function inside: equal to the values at known neighbours, no slope across every other edge.

    Multigrid: a smooth guess, then corrections, each computed from coarse to fine. Where no known value can reach,
    the guess stands. Exact to about half a grey level.
    """
    solution = np.where((known | inside)[..., None], fill_smoothly(values, known), np.float32(0))
    neighbours = _neighbours(known | inside)
    for _ in range(CYCLES):
        solution = _relaxed(solution, np.zeros_like(solution), neighbours, inside)
        missing = (_cross(solution) - neighbours * solution) * inside[..., None]
        solution = solution + _correction(missing, known, inside)
    return _relaxed(solution, np.zeros_like(solution), neighbours, inside)


def _correction(missing: Floats, known: Mask, inside: Mask) -> Floats:
    """What to add inside, 0 at known pixels, so that the neighbours' differences add up to -missing."""
    start = np.zeros_like(missing)
    if min(known.shape) > SMALLEST_SIDE_PIXELS:
        known_share, _ = _halved(start, known.astype(np.float32))
        inside_share, coarse_missing = _halved(missing, inside.astype(np.float32))
        coarse_known = known_share > 0
        coarse_inside = (inside_share > 0) & ~coarse_known
        sums = coarse_missing * (4 * inside_share * coarse_inside)[..., None]
        coarse = _correction(sums, coarse_known, coarse_inside)
        start = _doubled(coarse, (coarse_known | coarse_inside).astype(np.float32), known.shape) * inside[..., None]
    return _relaxed(start, missing, _neighbours(known | inside), inside)


def _relaxed(start: Floats, missing: Floats, neighbours: Floats, inside: Mask) -> Floats:
    """Jacobi sweeps, damped: every pixel inside moves towards the mean of its neighbours, plus its share of missing."""
    share = (0.8 * inside[..., None] / np.maximum(neighbours, 1)).astype(np.float32)
    kept = (1 - 0.8 * inside[..., None]).astype(np.float32)
    solution = start
    for _ in range(SWEEPS):
        solution = (_cross(solution) + missing) * share + solution * kept
    return solution


def _neighbours(meant: Mask) -> Floats:
    """[h,w,1]: how many of the four neighbours take part."""
    return np.asarray(_cross(meant.astype(np.float32))[..., None], dtype=np.float32)


def _cross(values: Floats) -> Floats:
    """The sum of the four neighbours; beyond the border there are none."""
    return np.asarray(cv2.filter2D(values, -1, CROSS, borderType=cv2.BORDER_CONSTANT), dtype=np.float32)


def _halved(values: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Blocks of 2 x 2: the mean weight, and the weighted mean of the values (0 where there is no weight)."""
    means = halved_sums(np.dstack((values * weight[..., None], weight)))
    coarse_weight = np.ascontiguousarray(means[..., -1])
    coarse = means[..., :-1] / np.maximum(means[..., -1:], np.float32(1e-6))
    return coarse_weight, np.asarray(coarse, dtype=np.float32)


def _doubled(coarse: Floats, weight: Floats, size: tuple[int, ...]) -> Floats:
    """Bilinear, every coarse pixel counting by its weight."""
    stacked = np.dstack((coarse * weight[..., None], weight))
    fine = cv2.resize(stacked, (2 * stacked.shape[1], 2 * stacked.shape[0]), interpolation=cv2.INTER_LINEAR)
    fine = fine[: size[0], : size[1]]
    return np.asarray(fine[..., :-1] / np.maximum(fine[..., -1:], np.float32(1e-6)), dtype=np.float32)
