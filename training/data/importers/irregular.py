"""The irregular masks of Liu et al. 2018: any folder of masks of 512 px.

Their set for tests, 12,000 masks, is white where something is missing; their set for training, 55,116, is black there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.cores import usable_cores
from training.data.importers.source import Unusable, read_grey
from training.data.in_order import in_order
from training.data.table import DataError

LICENCE = "Liu et al. 2018: CC BY-NC-SA 4.0"
ENDINGS = (".png", ".jpg", ".bmp")
COLOURS = ("white", "black")  # of what is missing
WHITE = 128  # and more
BITS_OF_A_BYTE = 8


@dataclass
class Masks:
    """A folder of masks, and those below it. `missing` is the colour of the holes."""

    folder: Path
    missing: str
    left_out: dict[str, str] = field(default_factory=dict)  # path -> why, when the holes have been read

    def paths(self) -> list[Path]:
        """Sorted. Raises DataError if there is none."""
        if not self.folder.is_dir():
            raise DataError(f"there is no folder {self.folder}")
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in ENDINGS)
        if not paths:
            raise DataError(f"{self.folder} holds no masks ({', '.join(ENDINGS)})")
        return paths

    def holes(self, paths: list[Path], side_pixels: int, *, strict: bool) -> Iterator[NDArray[np.uint8]]:
        """[side,side] in {0,1} of each file that can be used. With `strict` DataError for the first that cannot."""
        work = in_order(partial(self.read, side_pixels), paths, usable_cores())
        for path, hole in zip(paths, tqdm(work, "importing", len(paths), unit="mask"), strict=True):
            if isinstance(hole, Unusable):
                if strict:
                    raise DataError(f"--strict, and {path} cannot be used: {hole}")
                self.left_out[str(path)] = hole.reason
            else:
                yield hole

    def read(self, side_pixels: int, path: Path) -> NDArray[np.uint8] | Unusable:
        """A hole, or why there is none."""
        try:
            mask = read_grey(path)
            if mask.shape != (side_pixels, side_pixels):
                raise Unusable(f"not {side_pixels} x {side_pixels} pixels", str(path))
            hole = ((mask >= WHITE) == (self.missing == "white")).astype(np.uint8)
            if not hole.any():
                raise Unusable("nothing is missing", str(path))
            return hole
        except Unusable as error:
            return error

    def reasons(self) -> Counter[str]:
        """Why masks were left out, with their counts."""
        return Counter(self.left_out.values())

    def left_out_for(self, reason: str) -> list[str]:
        """Paths, sorted."""
        return sorted(path for path in self.left_out if self.left_out[path] == reason)


def side_of(path: Path) -> int:
    """Side of the square masks, by the first of them. Raises DataError."""
    height, width = read_grey(path).shape
    if height != width or height % BITS_OF_A_BYTE:
        raise DataError(f"{path} has {width} x {height} pixels; masks are squares of a multiple of {BITS_OF_A_BYTE}")
    return int(height)
