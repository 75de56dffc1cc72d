"""The faces of several prepared folders in one training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.faces import FaceFolder, Faces, open_split
from training.data.landmarks import COUNT, to_68
from training.data.parsing import CLASS_SETS, merge_table
from training.data.table import DataError


def open_faces(folders: Sequence[Path], split: str) -> FaceFolder | JoinedFaces:
    """One split of every folder, one after another; each folder keeps its own rule for its splits. Raises DataError."""
    if twice := {str(folder) for folder in folders if list(folders).count(folder) > 1}:
        raise DataError(f"{', '.join(sorted(twice))} is named twice")
    parts = [open_split(folder, split) for folder in folders]
    return parts[0] if len(parts) == 1 else JoinedFaces(parts)


class ComposedFaces(ABC):
    """Faces that stand in other sets of faces."""

    @abstractmethod
    def _place(self, index: int) -> tuple[Faces, int]:
        """The set that a face stands in, and its index there."""

    def image(self, index: int) -> NDArray[np.uint8]:
        faces, place = self._place(index)
        return faces.image(place)

    def landmarks(self, index: int) -> NDArray[np.float32]:
        faces, place = self._place(index)
        return faces.landmarks(place)

    def known_attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """[A]; NaN for what the face has no number of."""
        faces, place = self._place(index)
        return faces.known_attributes(place, names)


class JoinedFaces(ComposedFaces):
    """All faces of `parts` in their order. Pictures may differ in size, and maps in their set of classes.

    Maps are merged to the largest set of classes that all folders can be merged to. Where some folders have 98
    landmarks and others 68, all give 68.
    """

    def __init__(self, parts: Sequence[FaceFolder]) -> None:
        assert parts
        self.parts = list(parts)
        self._ends = list(accumulate(len(part) for part in self.parts))

    @property
    def has_maps(self) -> bool:
        """Raises DataError if some folders have maps and others have not."""
        without = [str(part.folder) for part in self.parts if not part.has_maps]
        if without and len(without) < len(self.parts):
            raise DataError(f"{', '.join(without)} has no parsing maps; the other folders have")
        return not without

    @cached_property
    def parsing_classes(self) -> int:
        """Raises DataError for maps of sets of classes that cannot become one."""
        present = {part.parsing_classes for part in self.parts}
        common = [to for to in CLASS_SETS if all(merge_table(one, to) is not None for one in present)]
        if not common:
            raise DataError(f"parsing maps of {' and of '.join(map(str, sorted(present)))} classes cannot be joined")
        return max(common)

    def landmarks(self, index: int) -> NDArray[np.float32]:
        points = super().landmarks(index)
        return to_68(points) if self._fewest_points == COUNT else points

    @cached_property
    def _fewest_points(self) -> int:
        return min(part.pack.landmarks.shape[1] for part in self.parts)

    @property
    def content(self) -> str:
        """SHA-256 of what all folders hold, in their order."""
        return sha256(" ".join(part.content for part in self.parts).encode()).hexdigest()

    def __len__(self) -> int:
        return self._ends[-1]

    def _place(self, index: int) -> tuple[FaceFolder, int]:
        part = bisect_right(self._ends, index)
        return self.parts[part], index - (self._ends[part - 1] if part else 0)

    def name(self, index: int) -> str:
        faces, place = self._place(index)
        return faces.name(place)

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        if not self.has_maps:
            return None
        faces, place = self._place(index)
        parsing = faces.parsing(place)
        table = merge_table(faces.parsing_classes, self.parsing_classes)
        assert parsing is not None
        assert table is not None
        merged: NDArray[np.uint8] = table[parsing]
        return merged

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        """Columns that every folder must have."""
        for part in self.parts:
            part.find_columns(names)
        faces, place = self._place(index)
        return faces.attributes(place, names)
