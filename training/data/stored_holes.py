"""Holes that others have drawn, in one file: the irregular masks of Liu et al. 2018, for holes by coverage.

The file is one of safetensors: `bits` uint8 [holes, side * side / 8], rows of pixels, eight to a byte, 1 = missing;
`ratios` float32 [holes], missing shares. Holes are read when they are asked for, so that 55,000 take no memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from training.checkpoint import write_atomically
from training.data.table import DataError

WAYS = 8  # a hole can be turned and mirrored so many ways, without a change of its ratio


class StoredHoles:
    """A file of training.prepare irregular. Raises DataError for one of something else."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._opened = safetensors.safe_open(str(file), framework="numpy")
            self.ratios: NDArray[np.float32] = self._opened.get_tensor("ratios")
            self._bits = self._opened.get_slice("bits")
        except (OSError, safetensors.SafetensorError) as error:
            raise DataError(f"{file} is no file of holes, as training.prepare irregular writes them") from error
        self._places: dict[tuple[float, float], NDArray[np.intp]] = {}

    def __reduce__(self) -> tuple[type[StoredHoles], tuple[Path]]:
        return StoredHoles, (self.file,)  # a loader process that is spawned opens the file again

    def __len__(self) -> int:
        return len(self.ratios)

    @cached_property
    def side_pixels(self) -> int:
        return round((8 * self._bits.get_shape()[1]) ** 0.5)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """[side,side] in {0,1}."""
        bits: NDArray[np.uint8] = self._bits[index : index + 1]
        return np.unpackbits(bits[0]).reshape(self.side_pixels, self.side_pixels)

    def draw(self, rng: np.random.Generator, pixels: int, low: float = 0.0, high: float = 1.0) -> NDArray[np.uint8]:
        """[pixels,pixels] in {0,1}: one that misses more than `low` and at most `high`, turned and mirrored by chance.

        Raises DataError if there is none.
        """
        places = self.between(low, high)
        hole = self[int(places[rng.integers(len(places))])]
        way = int(rng.integers(WAYS))
        turned = np.rot90(hole if way < WAYS // 2 else hole[:, ::-1], way)
        resized = cv2.resize(np.ascontiguousarray(turned), (pixels, pixels), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(resized, dtype=np.uint8)

    def between(self, low: float, high: float) -> NDArray[np.intp]:
        """Which holes miss so much."""
        if (low, high) not in self._places:
            self._places[low, high] = np.flatnonzero((self.ratios > low) & (self.ratios <= high))
        if not len(self._places[low, high]):
            raise DataError(f"{self.file} has no hole that misses {100 * low:g} to {100 * high:g} %")
        return self._places[low, high]


def save_holes(file: Path, holes: Iterable[NDArray[np.uint8]], about: dict[str, str]) -> NDArray[np.float32]:
    """What `StoredHoles` reads, of holes [S,S] in {0,1}, S a multiple of 8; their ratios.

    `about` is metadata of the file. Raises DataError without a hole.
    """
    rows, ratios = [], []
    for hole in holes:
        rows.append(np.packbits(hole))
        ratios.append(hole.mean())
    if not rows:
        raise DataError(f"no hole for {file}")
    shares = np.array(ratios, np.float32)
    stored = safetensors.numpy.save({"bits": np.stack(rows), "ratios": shares}, about)
    write_atomically(file, lambda beside: beside.write_bytes(stored))
    return shares
