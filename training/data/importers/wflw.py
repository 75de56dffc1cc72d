"""WFLW (Wu et al. 2018): 10,000 faces of WIDER FACE with 98 landmarks, 7,500 for training and 2,500 for tests.

WFLW_images/, with the folders of WIDER FACE; and the lists
WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{train,test}.txt, a face in each line: x and y of 98
points, the box (left, top, right, bottom), six attributes of 0 or 1, and the path of the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.frames import apply, frame_of_landmarks, warp_picture
from training.data.importers.source import ImportedFace, Points, read_colours, require_there
from training.data.landmarks import COUNTS, WFLW_COUNT, to_68
from training.data.table import DataError

PICTURES = "WFLW_images"
LISTS = {  # list -> split
    f"WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_{split}.txt": split
    for split in ("train", "test")
}
# The six attributes, in the order of the lists, called as the lists of the test set's subsets are.
SUBSETS = ("largepose", "expression", "illumination", "makeup", "occlusion", "blur")
NUMBERS = 2 * WFLW_COUNT + 4 + len(SUBSETS)  # in a line, before the path


@dataclass(frozen=True)
class Line:
    """A face of the lists."""

    path: str  # below PICTURES
    points: NDArray[np.float32]  # [98,2], pixels of the picture
    attributes: tuple[float, ...]
    split: str


class WFLW:
    """The unpacked data set. Faces are cut out by their landmarks, as FFHQ's are. `count` 68: the 68 of the 98."""

    licence = "WFLW (Wu et al. 2018): research, not commerce; the pictures are of WIDER FACE"
    doubtful = False
    parsing_classes = None

    def __init__(self, folder: Path, *, count: int = WFLW_COUNT) -> None:
        assert count in COUNTS
        self.folder, self.count = folder, count
        self._lines: dict[str, Line] = {}

    def names(self) -> list[str]:
        """`train-00001` and so on, by the line of the list: a picture may show several faces. Raises DataError."""
        require_there(self.folder, (PICTURES, *LISTS), "name the folder of the unpacked WFLW")
        for file, split in LISTS.items():
            for number, line in enumerate(read_lines(self.folder / file, split), start=1):
                self._lines[f"{split}-{number:05d}"] = line
        return list(self._lines)

    def lists(self) -> list[Path]:
        return [self.folder / file for file in LISTS]

    def columns(self) -> list[str]:
        """1 for a face of the subset, 0 for others."""
        return list(SUBSETS)

    def own_points(self, name: str) -> NDArray[np.float32]:
        points = self._lines[name].points
        return points if self.count == WFLW_COUNT else to_68(points)

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """The face that the landmarks are of, also where others are asked for."""
        line = self._lines[name]
        picture = read_colours(self.folder / PICTURES / line.path)
        matrix = frame_of_landmarks(line.points, pixels)
        frame = warp_picture(picture, matrix, pixels)
        known = points.known(name)
        landmarks = points.look(frame) if known is None else apply(matrix, known)
        return [ImportedFace(name, frame, landmarks, split=line.split, numbers=line.attributes)]


def read_lines(file: Path, split: str) -> Iterator[Line]:
    """Raises DataError that names the first line that is wrong."""
    for number, text in enumerate(file.read_text().splitlines(), start=1):
        *cells, path = text.split(maxsplit=NUMBERS) or [""]
        try:
            numbers = np.array(cells, np.float32).reshape(NUMBERS)
        except ValueError:
            raise DataError(f"{file}, line {number}: expected {NUMBERS} numbers and the path of a picture") from None
        points = numbers[: 2 * WFLW_COUNT].reshape(WFLW_COUNT, 2)
        yield Line(path.strip(), points, tuple(numbers[-len(SUBSETS) :].tolist()), split)
