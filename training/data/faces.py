"""Prepared folders: images/, landmarks.npy, parsing/, faces.csv."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.parsing import CLASS_SETS, HELEN, IGNORE
from training.errors import TrainingError

VALIDATION_FACES = 54
CLASSES_FILE = "classes.txt"  # in parsing/: class names in the order of their ids


class DataError(TrainingError):
    """A data folder that cannot be used; the message names the file and what is wrong with it."""


class Faces(Protocol):
    """A set of aligned faces. Pictures are RGB [H,W,3] uint8; landmarks [68,2] float32, (x, y) in their pixels."""

    @property
    def parsing_classes(self) -> int: ...  # size of the set of classes that the parsing maps use
    def __len__(self) -> int: ...
    def image(self, index: int) -> NDArray[np.uint8]: ...
    def landmarks(self, index: int) -> NDArray[np.float32]: ...
    def parsing(self, index: int) -> NDArray[np.uint8] | None: ...
    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]: ...  # columns of faces.csv


class FaceFolder:
    """The faces of a prepared folder, or the `rows` of it that are named.

    Decoded pictures are kept in memory (196 kB each at 256 px) when `cache` is set.
    """

    def __init__(self, folder: Path, rows: Sequence[int] | None = None, *, cache: bool = True) -> None:
        self.folder = Path(folder)
        self.names = read_names(self.folder)
        landmarks_file = self.folder / "landmarks.npy"
        if not landmarks_file.is_file():
            raise DataError(f"{landmarks_file} is missing; training.prepare makes a prepared folder")
        self._landmarks = np.load(landmarks_file, allow_pickle=False)
        if self._landmarks.shape != (len(self.names), 68, 2):
            raise DataError(
                f"{landmarks_file} has shape {list(self._landmarks.shape)}, expected [{len(self.names)}, 68, 2]"
            )
        self.parsing_classes = read_class_count(self.folder)
        self.rows = list(range(len(self.names))) if rows is None else list(rows)
        self._cache: dict[int, NDArray[np.uint8]] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return self.names[self.rows[index]]

    def image(self, index: int) -> NDArray[np.uint8]:
        row = self.rows[index]
        if self._cache is None:
            return read_picture(self.folder / "images", self.names[row])
        if row not in self._cache:
            self._cache[row] = read_picture(self.folder / "images", self.names[row])
        return self._cache[row]

    def landmarks(self, index: int) -> NDArray[np.float32]:
        return np.asarray(self._landmarks[self.rows[index]], dtype=np.float32)

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        path = self.folder / "parsing" / f"{self.names[self.rows[index]]}.png"
        if not path.is_file():
            return None
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.ndim != 2 or stored.dtype != np.uint8:
            raise DataError(f"{path} is no parsing map: it must be a PNG of one byte a pixel, the class id")
        parsing = np.asarray(stored, dtype=np.uint8)
        wrong = parsing[(parsing >= self.parsing_classes) & (parsing != IGNORE)]
        if wrong.size:
            raise DataError(f"{path} holds class {wrong[0]}; its folder has {self.parsing_classes} classes")
        return parsing

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Columns of faces.csv, [A]. Raises DataError that names what is missing."""
        row = read_rows(self.folder)[self.rows[index]]
        if absent := [name for name in names if not row.get(name)]:
            raise DataError(f"{self.folder / 'faces.csv'}: {self.name(index)} has no {', '.join(absent)}")
        return np.array([float(row[name]) for name in names], np.float32)


def open_split(folder: Path, split: str) -> FaceFolder:
    """The `train`, `validation` or `all` faces of a prepared folder.

    Validation is the last 54 names that are no variants (`v...`); of a folder with fewer than 540 faces, the last
    tenth, at least one.
    """
    names = read_names(Path(folder))
    originals = [row for row, name in enumerate(names) if not name.startswith("v")]
    count = min(VALIDATION_FACES, max(1, len(names) // 10))
    validation = originals[-count:]
    if split == "validation":
        return FaceFolder(folder, validation)
    if split == "train":
        held_out = set(validation)
        return FaceFolder(folder, [row for row in range(len(names)) if row not in held_out])
    if split == "all":
        return FaceFolder(folder)
    raise DataError(f"unknown split {split!r}; there are train, validation, all")


def read_names(folder: Path) -> list[str]:
    """The names in faces.csv, in its order."""
    return [row["name"] for row in read_rows(folder)]


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The lines of faces.csv."""
    table = folder / "faces.csv"
    if not table.is_file():
        raise DataError(f"{table} is missing; training.prepare makes a prepared folder")
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines))


def read_class_count(folder: Path) -> int:
    """How many classes the parsing maps have: the lines of parsing/classes.txt, Helen's eleven without that file."""
    path = folder / "parsing" / CLASSES_FILE
    if not path.is_file():
        return len(HELEN)
    names = tuple(path.read_text().split())
    if CLASS_SETS.get(len(names)) != names:
        raise DataError(f"{path} must name one of the known sets of classes, of {sorted(CLASS_SETS)}, a name a line")
    return len(names)


def read_picture(folder: Path, name: str) -> NDArray[np.uint8]:
    """RGB [H,W,3] of NAME.jpg or NAME.png."""
    for ending in (".jpg", ".png", ".jpeg", ".webp"):
        path = folder / f"{name}{ending}"
        if path.is_file():
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if picture is None:
                raise DataError(f"{path} cannot be decoded")
            return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    raise DataError(f"no picture of {name} in {folder}")
