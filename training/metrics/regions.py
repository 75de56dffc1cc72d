"""Figures of parsing maps: F-score and intersection over union of each class, from one confusion matrix."""

from __future__ import annotations

import torch
from torch import Tensor

from training.data.parsing import IGNORE


def confusion(predicted: Tensor, target: Tensor, classes: int) -> Tensor:
    """Pixels of each true class (row) by the class they were given (column): int64 [classes, classes + 1].

    Two [B,H,W] of class ids. Pixels whose target is 255 do not count; predicted ones of 255 stand in the last column.
    """
    assert predicted.shape == target.shape, (predicted.shape, target.shape)
    known = target != IGNORE
    rows, columns = target[known].long(), predicted[known].long()
    columns = columns.masked_fill(columns == IGNORE, classes)
    counts = torch.bincount(rows * (classes + 1) + columns, minlength=classes * (classes + 1))
    return counts.reshape(classes, classes + 1)


def f_scores(counts: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of each class over all pixels, in [0,1]; NaN for a class that is neither true nor given.

    counts as `confusion` returns them, summed over batches -> float64 [classes].
    """
    right, true, given = _sums(counts)
    return 2 * right / (true + given)


def intersections_over_unions(counts: Tensor) -> Tensor:
    """TP / (TP + FP + FN) of each class, in [0,1]; NaN for a class that is neither true nor given."""
    right, true, given = _sums(counts)
    return right / (true + given - right)


def pixel_accuracy(counts: Tensor) -> float:
    """Share of the known pixels whose class is right; NaN when none is known."""
    right, true, _ = _sums(counts)
    return float(right.sum() / true.sum())


def mean_of_present(figures: Tensor) -> float:
    """Mean over the classes that have a figure."""
    return float(figures.nanmean())


def _sums(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels that are right, true and given, of each class."""
    classes = counts.shape[0]
    assert counts.shape == (classes, classes + 1), counts.shape
    exact = counts.double()
    return exact.diagonal(), exact.sum(dim=1), exact[:, :classes].sum(dim=0)
