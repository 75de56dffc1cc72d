"""What every importer gives: faces one by one, cut to a square frame, with landmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.data.frames import Matrix, apply
from training.data.table import DataError


class Unusable(DataError):
    """A face that is left out; `reason` is said of many, the message says what is wrong with this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True)
class ImportedFace:
    """picture [S,S,3] uint8 RGB; landmarks [68 or 98,2] in its pixels; parsing [S,S] uint8, ids of the source's."""

    name: str
    picture: NDArray[np.uint8]
    landmarks: NDArray[np.float32]
    parsing: NDArray[np.uint8] | None = None
    split: str | None = None  # one of SPLITS, if the data set says
    numbers: tuple[float, ...] = ()  # in the source's columns of faces.csv; NaN = not known


OwnLandmarks = Callable[[str], NDArray[np.float32]]  # a picture's name -> [68,2] or [98,2] in its pixels


class Points(Protocol):
    """Where the landmarks of the faces come from. Used by several threads at once."""

    description: str

    def known(self, name: str) -> NDArray[np.float32] | None:
        """[68 or 98,2] in pixels of the data set's picture; None where they are not known before the face is looked at.

        Raises Unusable.
        """
        ...

    def look(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[68,2] in pixels of a frame [S,S,3] in which a face lies roughly as FFHQ's do."""
        ...


class Source(Protocol):
    """A data set on disk. Its faces are asked for by several threads at once."""

    @property
    def folder(self) -> Path: ...  # the unpacked data set
    @property
    def licence(self) -> str: ...  # of the pictures, in words
    @property
    def parsing_classes(self) -> int | None: ...  # size of its set of classes; None: it has no maps
    @property
    def doubtful(self) -> bool: ...  # whether its pictures may show no face
    @property
    def own_points(self) -> OwnLandmarks | None: ...  # of a picture, by name; raises Unusable. None: it has none

    def names(self) -> list[str]:
        """Names of all pictures, in order. Raises DataError."""
        ...

    def lists(self) -> list[Path]:
        """The files that say what the data set holds, of those that are there."""
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


def require_there(folder: Path, names: Sequence[str], hint: str) -> None:
    """DataError that names the first of these files and folders that is missing."""
    for name in names:
        if not (folder / name).exists():
            raise DataError(f"{folder / name} is missing: {hint}")


def read_colours(path: Path) -> NDArray[np.uint8]:
    """RGB [H,W,3], upright. Raises Unusable for a file that is missing, broken or cut off."""
    return read_picture(path, "RGB", "picture")


def read_grey(path: Path) -> NDArray[np.uint8]:
    """[H,W]; a picture in colours becomes grey. Raises Unusable."""
    return read_picture(path, "L", "mask")


def read_picture(path: Path, mode: str, what: str) -> NDArray[np.uint8]:
    """Pillow refuses what is cut off, which OpenCV would fill with grey, and prints no warnings of its own."""
    try:
        with Image.open(path) as opened:
            return np.array(ImageOps.exif_transpose(opened).convert(mode), dtype=np.uint8)
    except FileNotFoundError:
        raise Unusable(f"missing {what}", str(path)) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Unusable(f"no {what}, or a broken one", str(path)) from None
