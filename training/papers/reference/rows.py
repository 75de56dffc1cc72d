"""The row of training items: which faces stand in it, and how often, by what is known of their attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from training.data.faces import DataError, Faces
from training.data.joined import ComposedFaces
from training.data.stream import Item
from training.recipe import Part, Stage, face_stream

LABELS = "labels"  # the phase that teaches the auxiliary extractor alone
LABELLED_SHARE = 0.25  # of the row: where fewer faces have labels, they stand in it more often


class ChosenFaces(ComposedFaces):
    """Faces of a set by their indices, any of them any number of times."""

    def __init__(self, faces: Faces, indices: Sequence[int]) -> None:
        self.faces, self.indices = faces, indices

    @property
    def parsing_classes(self) -> int:
        return self.faces.parsing_classes

    def __len__(self) -> int:
        return len(self.indices)

    def _place(self, index: int) -> tuple[Faces, int]:
        return self.faces, self.indices[index]

    def parsing(self, index: int) -> NDArray[np.uint8] | None:
        return self.faces.parsing(self.indices[index])

    def attributes(self, index: int, names: Sequence[str]) -> NDArray[np.float32]:
        return self.faces.attributes(self.indices[index], names)


def attribute_stream(faces: Faces, part: Part, stage: Stage) -> Dataset[Item]:
    """Faces with labels alone while the auxiliary extractor learns from them, else all. Raises DataError."""
    names = part.wants.attributes
    labelled = [i for i in range(len(faces)) if not np.isnan(faces.known_attributes(i, names)).all()]
    if not labelled:
        raise DataError(f"no face has a number of any of {', '.join(names)} in its faces.csv")
    if stage.phase == LABELS:
        return face_stream(ChosenFaces(faces, labelled), part, stage)
    others = len(faces) - len(labelled)
    wanted = LABELLED_SHARE / (1 - LABELLED_SHARE) * others / len(labelled)
    again = labelled * max(0, math.ceil(wanted) - 1)
    return face_stream(ChosenFaces(faces, [*range(len(faces)), *again]), part, stage)
