"""Parts of a face moved onto others: the affine map that takes one set of points nearest to another."""

from __future__ import annotations

import numpy as np

from service.imaging.arrays import Floats


def moving(source: Floats, target: Floats, weight: Floats | float = 1.0) -> Floats:
    """[2,3] the matrix that takes points [n,2] nearest to others [n,2], by least squares; weight [n,1]."""
    columns = np.column_stack((source, np.ones(len(source), np.float32)))
    return np.asarray(np.linalg.lstsq(columns * weight, target * weight, rcond=None)[0].T, np.float32)


def moved(points: Floats, matrix: Floats) -> Floats:
    """[...,2] through a matrix [2,3]."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)
