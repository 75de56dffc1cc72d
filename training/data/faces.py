"""Prepared folders: images/, landmarks.npy, parsing/, faces.csv. Their faces are read from a pack of the folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.data.listing import MAPS
from training.data.pack import Pack, open_pack
from training.data.table import FACES_FILE, SPLITS, DataError

VALIDATION_FACES = 54  # of a folder whose table has no splits
ALL = "all"


class Faces(Protocol):
    """A set of aligned faces. Pictures are RGB [H,W,3] uint8; landmarks float32, (x, y) in their pixels:
    [68,2], or [98,2] in the order of WFLW."""

    @property
    def parsing_classes(self) -> int: ...  # size of the set of classes that the parsing maps use
    def __len__(self) -> int: ...
    def image(self, index: int) -> NDArray[np.uint8]: ...
    def landmarks(self, index: int) -> NDArray[np.float32]: ...
    def parsing(self, index: int) -> NDArray[np.uint8] | None: ...
    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]: ...  # [A]; DataError for an unknown
    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]: ...  # [A]; NaN for an unknown


class FaceFolder:
    """The faces of a prepared folder, or the `rows` of it that are named. Raises DataError for a folder with faults.

    Opening looks at the dates and sizes of all files; the faces themselves are looked at when the folder is packed.
    Pictures and maps are decoded whenever they are asked for.
    """

    def __init__(self, folder: Path, rows: Sequence[int] | None = None, *, pack: Pack | None = None) -> None:
        self.folder = Path(folder)
        self.pack = open_pack(self.folder) if pack is None else pack
        self.rows = list(range(len(self.names))) if rows is None else list(rows)
        self._columns: dict[tuple[str, ...], list[int]] = {}

    @property
    def names(self) -> list[str]:
        """Names of the whole folder; `name(index)` is that of a face of this set."""
        return self.pack.names

    @property
    def parsing_classes(self) -> int:
        return self.pack.classes

    @cached_property
    def has_maps(self) -> bool:
        """Whether these faces have parsing maps. Raises DataError if some have and others have not."""
        there = self.pack.has_map[self.rows]
        if there.any() and not there.all():
            without = self.name(int(np.argmin(there)))
            raise DataError(
                f"{self.folder / MAPS} has maps of {there.sum()} of these {len(self)} faces; {without} has none"
            )
        return bool(there.all())

    @property
    def content(self) -> str:
        """SHA-256 of what the whole folder holds."""
        return self.pack.content

    def only(self, indices: Sequence[int]) -> FaceFolder:
        """Some faces of this set."""
        return FaceFolder(self.folder, [self.rows[index] for index in indices], pack=self.pack)

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return self.names[self.rows[index]]

    def image(self, index: int) -> NDArray[np.uint8]:
        return self.pack.picture(self.rows[index])

    def landmarks(self, index: int) -> NDArray[np.float32]:
        return np.array(self.pack.landmarks[self.rows[index]])

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        """Raises DataError if some faces of this set have a map and others have not."""
        return None if not self.has_maps else self.pack.parsing(self.rows[index])

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Columns of faces.csv, [A]. Raises DataError for a column that is not there or lacks a number of any face."""
        return np.array(self.pack.numbers[self.rows[index], self.find_columns(names)])

    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Columns of faces.csv, [A]; NaN where the folder has no such column or the face no number in it."""
        row, columns = self.pack.numbers[self.rows[index]], self.pack.columns
        return np.array([row[columns.index(name)] if name in columns else np.nan for name in names], np.float32)

    def find_columns(self, names: Sequence[str]) -> list[int]:
        """Places of columns that hold a number of every face of this set. Raises DataError."""
        key = tuple(names)
        if key not in self._columns:
            self._columns[key] = [self._find_column(name) for name in names]
        return self._columns[key]

    def _find_column(self, name: str) -> int:
        file = self.folder / FACES_FILE
        if name not in self.pack.columns:
            raise DataError(f"{file} has no column {name!r}; there are {', '.join(self.pack.columns) or 'no others'}")
        column = self.pack.columns.index(name)
        without = np.flatnonzero(np.isnan(self.pack.numbers[self.rows, column]))
        if len(without):
            count = f", nor have {len(without) - 1} others" if len(without) > 1 else ""
            raise DataError(f"{file}: {self.name(int(without[0]))} has no number in {name!r}{count}")
        return column


def open_split(folder: Path, split: str) -> FaceFolder:
    """The `train`, `validation` or `test` faces of a prepared folder, as its column `split` says, or `all`.

    Without that column validation is the last 54 names that are no variants (`v...`); of a folder with fewer than 540
    faces, the last tenth, at least one. All others are for training. Raises DataError if the split has no faces.
    """
    if split not in (*SPLITS, ALL):
        raise DataError(f"unknown split {split!r}; there are {', '.join((*SPLITS, ALL))}")
    faces = FaceFolder(folder)
    if split == ALL:
        return faces
    parts = split_rows(faces.pack)
    if not parts[split]:
        counts = ", ".join(f"{len(rows)} {name}" for name, rows in parts.items())
        raise DataError(f"{faces.folder} has no faces of the split {split!r}: {counts}")
    return faces.only(parts[split])


def has_split(folder: Path, split: str) -> bool:
    """Whether a prepared folder has faces of a split. Raises DataError for a folder with faults."""
    return bool(split_rows(open_pack(Path(folder)))[split])


def split_rows(pack: Pack) -> dict[str, list[int]]:
    """Split -> rows of its faces."""
    if pack.splits[0] >= 0:
        return {name: [int(row) for row in np.flatnonzero(pack.splits == i)] for i, name in enumerate(SPLITS)}
    originals = [row for row, name in enumerate(pack.names) if not name.startswith("v")]
    count = min(VALIDATION_FACES, max(1, len(pack.names) // 10))
    validation = originals[-count:]
    held_out = set(validation)
    train = [row for row in range(len(pack.names)) if row not in held_out]
    return {"train": train, "validation": validation, "test": []}
