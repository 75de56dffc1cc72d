"""One Million Impressions (Peterson et al. 2022): 1,004 synthetic faces, aligned as FFHQ's, with 34 mean ratings each.

images/N.jpg, 1024 px; attribute_ratings.csv: `stimulus,trustworthy,attractive,...`, then `N,43.67,...`, 0 to 100.
"""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from training.data.importers.source import ImportedFace, Points, points_in, read_colours, require_there, resizing
from training.data.table import DataError

PICTURES, RATINGS = "images", "attribute_ratings.csv"
FIRST_COLUMN = "stimulus"


class OMI:
    """The unpacked data set."""

    licence = "One Million Impressions (Peterson et al. 2022): CC BY-NC-SA 4.0"
    doubtful = False
    parsing_classes = None
    own_points = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._columns: list[str] = []
        self._ratings: dict[str, tuple[float, ...]] = {}

    def names(self) -> list[str]:
        """Numbers, in the order of the ratings. Raises DataError that names the first line that is wrong."""
        require_there(self.folder, (PICTURES, RATINGS), "name the folder of the unpacked data set")
        file = self.folder / RATINGS
        with file.open(newline="", encoding="utf-8-sig") as text:
            header, *rows = [*csv.reader(text)] or [[]]
        if header[:1] != [FIRST_COLUMN]:
            raise DataError(f"{file}: the first column must be `{FIRST_COLUMN}`")
        self._columns = header[1:]
        for line, row in enumerate(rows, start=2):
            try:
                self._ratings[str(int(row[0]))] = tuple(float(cell) if cell else np.nan for cell in row[1:])
            except (ValueError, IndexError):
                raise DataError(f"{file}, line {line}: expected a number of a picture and ratings") from None
            if len(row) != len(header):
                raise DataError(f"{file}, line {line}: {len(row)} fields, {len(header)} in the header")
        return list(self._ratings)

    def lists(self) -> list[Path]:
        return [self.folder / RATINGS]

    def columns(self) -> list[str]:
        """The attributes, 0 to 100."""
        return self._columns

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """The whole picture."""
        stored = read_colours(self.folder / PICTURES / f"{name}.jpg")
        picture = np.asarray(cv2.resize(stored, (pixels, pixels), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        landmarks = points_in(points, name, picture, resizing(stored.shape[1], stored.shape[0], pixels))
        return [ImportedFace(f"{int(name):04d}", picture, landmarks, numbers=self._ratings[name])]
