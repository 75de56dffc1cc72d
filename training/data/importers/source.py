"""What every importer gives: faces one by one, cut to a square frame, with landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.frames import Matrix, apply
from training.data.table import DataError


class Unusable(DataError):
    """A face that is left out; `reason` is said of many, the message says what is wrong with this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True)
class ImportedFace:
    """picture [S,S,3] uint8 RGB; landmarks [68,2] in its pixels; parsing [S,S] uint8, ids in the source's classes."""

    name: str
    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    parsing: NDArray[np.uint8] | None = None
    split: str | None = None  # one of SPLITS, if the data set says
    numbers: tuple[float, ...] = ()  # in the source's columns of faces.csv


class Points(Protocol):
    """Where the 68 landmarks of the faces come from."""

    description: str

    def known(self, name: str) -> NDArray[np.float32] | None:
        """[68,2] in pixels of the data set's picture; None where they are not known before the face is looked at.

        Raises Unusable.
        """
        ...

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[68,2] in pixels of a frame [S,S,3] in which a face lies roughly as FFHQ's do."""
        ...


class Source(Protocol):
    """A data set on disk."""

    @property
    def parsing_classes(self) -> int | None: ...  # size of its set of classes; None: it has no maps
    @property
    def own_points(self) -> Callable[[str], Path] | None: ...  # file of a picture's landmarks; None: it has none

    def names(self) -> list[str]:
        """Names of all pictures, in order. Raises DataError."""
        ...

    def columns(self) -> list[str]:
        """Of faces.csv, beside name and split; known when the names are."""
        ...

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """The faces of a picture in frames of `pixels`. Raises Unusable for one that is left out."""
        ...


def points_in(points: Points, name: str, frame: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.float32]:
    """Landmarks of a picture in its frame [S,S,3], which the matrix leads to."""
    known = points.known(name)
    return points.look(frame) if known is None else apply(matrix, known)


def resizing(width: int, height: int, pixels: int) -> Matrix:
    """The map of a picture of that size onto [pixels,pixels]."""
    scale = np.array([pixels / width, pixels / height])
    return np.column_stack((np.diag(scale), (scale - 1) / 2))


def read_colours(path: Path) -> NDArray[np.uint8]:
    """RGB [H,W,3]. Raises Unusable."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise Unusable("no picture, or a broken one", str(path))
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_grey(path: Path) -> NDArray[np.uint8]:
    """[H,W]; a picture in colours becomes grey. Raises Unusable."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise Unusable("no mask, or a broken one", str(path))
    return np.asarray(picture, dtype=np.uint8)
