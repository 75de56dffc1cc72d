"""Landmarks that are known before an import: rows of a file of numpy, or the data set's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.checks import read_landmarks
from training.data.importers.source import OwnLandmarks, Unusable
from training.data.landmarks import COUNT
from training.data.table import DataError


class GivenPoints:
    """--landmarks FILE.npy: float32 [pictures,68 or 98,2], rows in the order of the data set's names; NaN = not known.

    Raises DataError for a file that does not fit.
    """

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        if not file.is_file():
            raise DataError(f"there is no file {file}")
        self.description = str(file)
        self._rows = dict(zip(names, read_landmarks(file, len(names)), strict=True))

    def known(self, name: str) -> NDArray[np.float32]:
        points = self._rows[name]
        if not np.isfinite(points).all():
            raise Unusable("no landmarks given")
        return points

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AssertionError("all landmarks are known")


class OwnPoints:
    """The data set's own."""

    description = "own"

    def __init__(self, of: OwnLandmarks) -> None:
        self._of = of

    def known(self, name: str) -> NDArray[np.float32]:
        return self._of(name)

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise AssertionError("all landmarks are known")


def read_pts(file: Path) -> NDArray[np.float32]:
    """[68,2] of a .pts file, whose first pixel is (1, 1); here it is (0, 0). Raises Unusable."""
    if not file.is_file():
        raise Unusable("no landmarks of its own (--landmarks names other sources)", str(file))
    inside = re.search(r"\{([^}]*)\}", file.read_text(errors="replace"))
    try:
        points = np.array((inside[1] if inside else "").split(), np.float32).reshape(-1, 2)
    except ValueError:
        points = np.empty((0, 2), np.float32)
    if points.shape != (COUNT, 2):
        raise Unusable(f"landmarks that are not {COUNT} points", str(file))
    return points - 1
