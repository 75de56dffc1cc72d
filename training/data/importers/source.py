"""What every importer gives: faces one by one, cut to a square frame, with a parsing map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.faces import DataError


@dataclass(frozen=True)
class ImportedFace:
    """picture [S,S,3] uint8 RGB; parsing [S,S] uint8, ids in the source's set of classes."""

    name: str
    picture: NDArray[np.uint8]
    parsing: NDArray[np.uint8]


class Source(Protocol):
    """A data set on disk."""

    parsing_classes: int  # size of its set of classes

    def names(self) -> list[str]:
        """Names of all faces, in order. Raises DataError."""
        ...

    def face(self, name: str, pixels: int) -> ImportedFace | None:
        """A face in a frame of `pixels`; None if it cannot be used. Raises DataError for a file that is broken."""
        ...


def read_colours(path: Path) -> NDArray[np.uint8]:
    """RGB [H,W,3]. Raises DataError."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError(f"{path} is missing or no picture")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_grey(path: Path) -> NDArray[np.uint8]:
    """[H,W]; a picture in colours becomes grey. Raises DataError."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise DataError(f"{path} is missing or no picture")
    return np.asarray(picture, dtype=np.uint8)
