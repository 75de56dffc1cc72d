"""FFHQ (Karras et al. 2019): 70,000 aligned faces.

images1024x1024/NN000/NNNNN.png, 1024 px, a folder for each thousand; or, where that is not there,
thumbnails128x128/ with the same names, 128 px. ffhq-dataset-v2.json, if it is there, has for each number the 68
landmarks of dlib in pixels of the 1024 px picture: {"0": {"image": {"face_landmarks": [[x, y], ...]}, ...}, ...}.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.importers.source import ImportedFace, Points, Unusable, points_in, read_colours, resizing
from training.data.landmarks import COUNT
from training.data.table import DataError

PICTURES = ("images1024x1024", "thumbnails128x128")  # the first that is there
SIDES_PIXELS = {"images1024x1024": 1024, "thumbnails128x128": 128}
LIST = "ffhq-dataset-v2.json"
LISTED_PIXELS = 1024  # side of the picture that the list's landmarks are of
FACES_IN_A_FOLDER = 1_000


class FFHQ:
    """The unpacked data set. Pictures are called by their number, of five digits."""

    licence = "FFHQ: CC BY-NC-SA 4.0; each picture has a licence of its own, which the list names"
    doubtful = False
    parsing_classes = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """All numbers, of the list or up to the last picture: one that is missing is then known. Raises DataError."""
        if not any((self.folder / name).is_dir() for name in PICTURES):
            raise DataError(f"{self.folder / PICTURES[0]} is missing: name the folder of the unpacked FFHQ")
        numbers = [int(path.stem) for path in self.pictures.glob("*/*.png") if path.stem.isdecimal()]
        if not numbers:
            raise DataError(f"{self.path('00000')} is missing: name the folder of the unpacked FFHQ")
        return [f"{number:05d}" for number in range(max(*numbers, *map(int, self.listed), 0) + 1)]

    @cached_property
    def pictures(self) -> Path:
        """The folder of the pictures."""
        return next(self.folder / name for name in PICTURES if (self.folder / name).is_dir())

    def path(self, name: str) -> Path:
        return self.pictures / f"{int(name) // FACES_IN_A_FOLDER * FACES_IN_A_FOLDER:05d}" / f"{name}.png"

    @cached_property
    def listed(self) -> dict[str, NDArray[np.float32]]:
        """Number -> the list's landmarks; nothing without a list. Raises DataError."""
        file = self.folder / LIST
        if not file.is_file():
            return {}
        try:
            listed = json.loads(file.read_text())
            points = {int(number): listed[number]["image"]["face_landmarks"] for number in listed}
            return {str(number): np.array(points[number], np.float32) for number in points}
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{file} is not FFHQ's list: {type(error).__name__} {error}") from None

    def lists(self) -> list[Path]:
        return [self.folder / LIST] if self.listed else []

    def columns(self) -> list[str]:
        return []

    def own_points(self, name: str) -> NDArray[np.float32]:
        """The list's, in pixels of the picture that is there."""
        if str(int(name)) not in self.listed:
            raise Unusable("no landmarks of its own (--landmarks names other sources)", f"{self.folder / LIST}, {name}")
        points = self.listed[str(int(name))]
        if points.shape != (COUNT, 2):
            raise Unusable(f"landmarks that are not {COUNT} points", f"{self.folder / LIST}, {name}")
        scale = SIDES_PIXELS[self.pictures.name] / LISTED_PIXELS
        return np.asarray((points + 0.5) * scale - 0.5, dtype=np.float32)

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """The whole picture."""
        stored = read_colours(self.path(name))
        picture = np.asarray(cv2.resize(stored, (pixels, pixels), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        landmarks = points_in(points, name, picture, resizing(stored.shape[1], stored.shape[0], pixels))
        return [ImportedFace(name, picture, landmarks)]
