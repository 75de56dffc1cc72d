"""How sure a mean over faces is: bootstrap intervals, and the paired comparison of two methods on the same holes.

Everything is drawn from a fixed seed, so a table is the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
FLIPS = 10_000
SHARE_PERCENT = 95
FEWEST = 2  # faces without which nothing can be said
BLOCK_VALUES = 4_000_000  # of resampled figures at once: 32 MB


@dataclass(frozen=True)
class Difference:
    """The first method's mean less the second's, on the same faces under the same holes."""

    mean: float
    low: float  # of the interval that holds the true mean with 95 %
    high: float
    p: float  # how often a difference as large comes by chance, were both methods alike
    faces: int


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % percentile bootstrap interval of the mean (Efron 1979); None for one face or figures not finite."""
    sample = np.asarray(values, np.float64)
    if len(sample) < FEWEST or not np.isfinite(sample).all():
        return None
    dice = np.random.default_rng(0)
    means = np.concatenate(
        [sample[dice.integers(len(sample), size=(rows, len(sample)))].mean(axis=1) for rows in blocks(len(sample))]
    )
    edge = (100 - SHARE_PERCENT) / 2
    low, high = np.percentile(means, [edge, 100 - edge])
    return float(low), float(high)


def compare(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Paired: figure by figure of the same faces. None where fewer than two are finite in both."""
    assert len(first) == len(second), (len(first), len(second))
    with np.errstate(invalid="ignore"):  # equal pictures have an infinite PSNR
        apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    apart = apart[np.isfinite(apart)]
    edges = interval(apart.tolist())
    return None if edges is None else Difference(float(apart.mean()), *edges, sign_flips(apart), len(apart))


def sign_flips(differences: NDArray[np.float64]) -> float:
    """Two-sided p of the permutation test: were both methods alike, each difference could as well have the other sign.

    Of all signs where there are at most FLIPS of them, else of FLIPS drawn ones with the observed among them.
    """
    count, observed = len(differences), abs(differences.mean()) * (1 - 1e-12)
    if 2**count <= FLIPS:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((np.abs((signs * differences).mean(axis=1)) >= observed).mean())
    dice, hits = np.random.default_rng(0), 0
    for rows in blocks(count, FLIPS):
        signs = 1 - 2 * dice.integers(2, size=(rows, count), dtype=np.int8)
        hits += int((np.abs(signs @ differences / count) >= observed).sum())
    return (hits + 1) / (FLIPS + 1)


def blocks(count: int, total: int = RESAMPLES) -> list[int]:
    """`total` resamples of `count` figures, in so many at once as memory should hold."""
    most = max(1, BLOCK_VALUES // count)
    return [min(most, total - start) for start in range(0, total, most)]
