"""Helen with the labels of Smith et al. 2013: 2,330 photographs, eleven soft masks each.

images/NAME.jpg; labels/NAME/NAME_lblNN.png, NN = class id 00 to 10, 0..255 = how sure. The lists exemplars.txt (for
training), tuning.txt (validation) and testing.txt hold lines `number , NAME`. images/NAME.pts are the 68 landmarks of
the 300-W challenge, if they were put there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.frames import frame_of_face, warp_parsing, warp_picture
from training.data.importers.points import read_pts
from training.data.importers.source import ImportedFace, Points, Unusable, points_in, read_colours, read_grey
from training.data.parsing import HELEN, IGNORE
from training.data.table import DataError

LISTS = {"exemplars.txt": "train", "tuning.txt": "validation", "testing.txt": "test"}  # file -> split
LEAST_SURE = 64  # of 255: where no class has as much, nothing is known


class Helen:
    """The unpacked data set; eleven classes. Faces are cut out by their eyes and mouth, as FFHQ's are."""

    licence = "Helen (Le et al. 2012) and its labels (Smith et al. 2013): research, not commerce"
    doubtful = False
    parsing_classes = len(HELEN)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._splits: dict[str, str] = {}

    def names(self) -> list[str]:
        if not any((self.folder / name).is_file() for name in LISTS):
            raise DataError(f"{self.folder} has none of {', '.join(LISTS)}: name the unpacked labels of Smith et al.")
        for file, split in LISTS.items():
            if (self.folder / file).is_file():
                lines = [line for line in (self.folder / file).read_text().splitlines() if line.strip()]
                for line in lines:
                    self._splits.setdefault(line.split(",")[-1].strip(), split)
        return list(self._splits)

    def columns(self) -> list[str]:
        return []

    def own_points(self, name: str) -> NDArray[np.float32]:
        """Beside the picture, if at all."""
        return read_pts(self.folder / "images" / f"{name}.pts")

    def lists(self) -> list[Path]:
        return [self.folder / name for name in LISTS if (self.folder / name).is_file()]

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """Raises FrameError for a face whose labels lack eyes or mouth."""
        picture, parsing = read_colours(self.folder / "images" / f"{name}.jpg"), self.parsing(name)
        if picture.shape[:2] != parsing.shape:
            detail = f"{name}: the labels have {list(parsing.shape)}, the picture {list(picture.shape[:2])}"
            raise Unusable("labels of another size", detail)
        matrix = frame_of_face(parsing, self.parsing_classes, pixels)
        frame = warp_picture(picture, matrix, pixels)
        landmarks = points_in(points, name, frame, matrix)
        split = self._splits.get(name)
        return [ImportedFace(name, frame, landmarks, warp_parsing(parsing, matrix, pixels), split)]

    def parsing(self, name: str) -> NDArray[np.uint8]:
        """The surest class of each pixel. Raises Unusable."""
        folder = self.folder / "labels" / name
        masks = [read_grey(folder / f"{name}_lbl{index:02d}.png") for index in range(len(HELEN))]
        if len({mask.shape for mask in masks}) != 1:
            raise Unusable("masks of different sizes", str(folder))
        stacked = np.stack(masks)
        surest = stacked.argmax(axis=0).astype(np.uint8)
        surest[stacked.max(axis=0) < LEAST_SURE] = IGNORE
        return surest
