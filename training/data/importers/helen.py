"""Helen with the labels of Smith et al. 2013: 2,330 photographs, eleven soft masks each.

images/NAME.jpg; labels/NAME/NAME_lblNN.png, NN = class id 00 to 10, 0..255 = how sure. The lists exemplars.txt,
tuning.txt and testing.txt hold lines `number , NAME`; the test list comes last, to become the validation faces.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.faces import DataError
from training.data.frames import FrameError, frame_of_face, warp_parsing, warp_picture
from training.data.importers.source import ImportedFace, read_colours, read_grey
from training.data.parsing import HELEN, IGNORE

LISTS = ("exemplars.txt", "tuning.txt", "testing.txt")
LEAST_SURE = 64  # of 255: where no class has as much, nothing is known


class Helen:
    """The unpacked data set; eleven classes. Faces are cut out by their eyes and mouth, as FFHQ's are."""

    parsing_classes = len(HELEN)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        lists = [self.folder / name for name in LISTS if (self.folder / name).is_file()]
        if not lists:
            raise DataError(f"{self.folder} has none of {', '.join(LISTS)}: name the unpacked labels of Smith et al.")
        lines = [line for path in lists for line in path.read_text().splitlines() if line.strip()]
        names = [line.split(",")[-1].strip() for line in lines]
        return list(dict.fromkeys(names))

    def face(self, name: str, pixels: int) -> ImportedFace | None:
        """None for a face whose labels lack eyes or mouth."""
        picture, parsing = read_colours(self.folder / "images" / f"{name}.jpg"), self.parsing(name)
        if picture.shape[:2] != parsing.shape:
            raise DataError(f"{name}: the labels have {list(parsing.shape)}, the picture {list(picture.shape[:2])}")
        try:
            matrix = frame_of_face(parsing, self.parsing_classes, pixels)
        except FrameError:
            return None
        return ImportedFace(name, warp_picture(picture, matrix, pixels), warp_parsing(parsing, matrix, pixels))

    def parsing(self, name: str) -> NDArray[np.uint8]:
        """The surest class of each pixel."""
        folder = self.folder / "labels" / name
        masks = [read_grey(folder / f"{name}_lbl{index:02d}.png") for index in range(len(HELEN))]
        if len({mask.shape for mask in masks}) != 1:
            raise DataError(f"{folder}: the masks differ in size")
        stacked = np.stack(masks)
        surest = stacked.argmax(axis=0).astype(np.uint8)
        surest[stacked.max(axis=0) < LEAST_SURE] = IGNORE
        return surest
