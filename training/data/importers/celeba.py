"""CelebA (Liu et al. 2015), aligned pictures: 202,599 of 178 x 218 px, with splits, five landmarks and 40 attributes.

img_align_celeba/NNNNNN.jpg beside the lists

- list_eval_partition.txt: `NNNNNN.jpg 0`, where 0 is training (162,770), 1 validation (19,867), 2 test (19,962);
- list_attr_celeba.txt: a count, the names of the attributes, then `NNNNNN.jpg -1 1 ...`;
- list_landmarks_align_celeba.txt: a count, `lefteye_x lefteye_y ...`, then `NNNNNN.jpg 69 109 ...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.frames import Matrix, apply, frame_of_features, square, warp_picture
from training.data.importers.source import ImportedFace, Points, Unusable, points_in, read_colours, require_there
from training.data.table import SPLITS, DataError

PICTURES = "img_align_celeba"
PARTITION, ATTRIBUTES = "list_eval_partition.txt", "list_attr_celeba.txt"
LANDMARKS = "list_landmarks_align_celeba.txt"
LISTS = (PARTITION, ATTRIBUTES, LANDMARKS)
WIDTH_PIXELS, HEIGHT_PIXELS = 178, 218
FEATURES = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
FEATURE_COLUMNS = [f"{feature}_{axis}" for feature in FEATURES for axis in "xy"]
FRAMES = ("crop", "ffhq")


@dataclass(frozen=True)
class Listed:
    """A list of the data set: numbers [columns] of each picture."""

    columns: list[str]
    rows: dict[str, NDArray[np.float32]]


class CelebA:
    """The unpacked data set. `frame` crop: its middle square of 178 px, as the papers do; ffhq: as FFHQ's faces lie."""

    licence = "CelebA (Liu et al. 2015): research, not commerce; the pictures belong to others"
    doubtful = False
    parsing_classes = None
    own_points = None  # five points are not 68

    def __init__(self, folder: Path, frame: str = "crop") -> None:
        assert frame in FRAMES
        self.folder, self.frame = folder, frame
        self._splits: dict[str, str] = {}
        self._attributes = self._features = Listed([], {})

    def names(self) -> list[str]:
        """File names in the order of the list of splits. Raises DataError that names the first file that is missing."""
        require_there(self.folder, (PICTURES, *LISTS), "name the folder of the unpacked CelebA")
        self._splits = read_partition(self.folder / PARTITION)
        self._attributes = read_list(self.folder / ATTRIBUTES)
        self._features = read_list(self.folder / LANDMARKS)
        if self._features.columns != FEATURE_COLUMNS:
            raise DataError(f"{self.folder / LANDMARKS}: the columns must be {' '.join(FEATURE_COLUMNS)}")
        return list(self._splits)

    def lists(self) -> list[Path]:
        return [self.folder / name for name in LISTS]

    def columns(self) -> list[str]:
        """The attributes, -1 or 1, and the five points in pixels of the frame."""
        return [*self._attributes.columns, *FEATURE_COLUMNS]

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        if name not in self._attributes.rows or name not in self._features.rows:
            raise Unusable("in the list of splits alone", name)
        picture = read_colours(self.folder / PICTURES / name)
        if picture.shape[:2] != (HEIGHT_PIXELS, WIDTH_PIXELS):
            raise Unusable(f"not {WIDTH_PIXELS} x {HEIGHT_PIXELS} pixels", name)
        five = self._features.rows[name].reshape(-1, 2)
        matrix = self.matrix(five, pixels)
        frame = warp_picture(picture, matrix, pixels)
        inside = apply(matrix, five).round(2).ravel()
        numbers = (*self._attributes.rows[name].tolist(), *inside.tolist())
        landmarks = points_in(points, name, frame, matrix)
        return [ImportedFace(Path(name).stem, frame, landmarks, split=self._splits[name], numbers=numbers)]

    def matrix(self, five: NDArray[np.float32], pixels: int) -> Matrix:
        """The frame of a face from its five points [5,2]."""
        if self.frame == "ffhq":
            return frame_of_features(five[0], five[1], five[3:].mean(axis=0), pixels)
        middle = np.array([(WIDTH_PIXELS - 1) / 2, (HEIGHT_PIXELS - 1) / 2])
        return square(middle, WIDTH_PIXELS, np.array([1.0, 0.0]), pixels)


def read_partition(file: Path) -> dict[str, str]:
    """Name of a picture -> its split. Raises DataError."""
    splits = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        words = line.split()
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise DataError(f"{file}, line {number}: {line!r} is not a picture and 0, 1 or 2")
        splits[words[0]] = SPLITS[int(words[1])]
    if not splits:
        raise DataError(f"{file} is empty")
    return splits


def read_list(file: Path) -> Listed:
    """Raises DataError."""
    count, header, *lines = [*file.read_text().splitlines(), "", ""]
    columns = header.split()
    rows: dict[str, NDArray[np.float32]] = {}
    for number, line in enumerate(lines, start=3):
        if not line:
            continue
        name, *cells = line.split()
        try:
            rows[name] = np.array(cells, np.float32).reshape(len(columns))
        except ValueError:
            raise DataError(f"{file}, line {number}: expected a picture and {len(columns)} numbers") from None
    if count.strip() != str(len(rows)):
        raise DataError(f"{file}: the first line must be the number of pictures, which is {len(rows)}")
    return Listed(columns, rows)
