"""300W (Sagonas et al. 2013): faces of four data sets, each with 68 landmarks in a .pts file beside its picture.

The folders are those of the archives: afw/, helen/trainset/, helen/testset/, lfpw/trainset/, lfpw/testset/, ibug/. As
everybody divides them: afw and the two trainset are for training (3,148 faces), the two testset are the subset common
(554), ibug is challenging (135), and both together are full (689).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.frames import apply, frame_of_landmarks, warp_picture
from training.data.importers.points import read_pts
from training.data.importers.source import ImportedFace, Points, Unusable, read_colours, require_there
from training.data.table import DataError

FOLDERS = {  # folder -> split and subset
    "afw": ("train", ""),
    "helen/trainset": ("train", ""),
    "lfpw/trainset": ("train", ""),
    "helen/testset": ("test", "common"),
    "lfpw/testset": ("test", "common"),
    "ibug": ("test", "challenging"),
}
ENDINGS = (".jpg", ".png", ".jpeg")
SUBSETS = ("common", "challenging", "full")


class ThreeHundredW:
    """The unpacked data set. Faces are cut out by their landmarks, as FFHQ's are."""

    licence = "300W (Sagonas et al. 2013): research, not commerce"
    doubtful = False
    parsing_classes = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Paths of the .pts files without their ending: `helen/trainset/100032540_1`. Raises DataError."""
        require_there(self.folder, list(FOLDERS), "name the folder with the unpacked archives of 300W")
        names = [str(file.relative_to(self.folder).with_suffix("")) for file in self.lists()]
        for folder in FOLDERS:
            if not any(Path(name).parent == Path(folder) for name in names):
                raise DataError(f"{self.folder / folder} holds no .pts file")
        return names

    def lists(self) -> list[Path]:
        """The files of landmarks, folder by folder."""
        return [file for folder in FOLDERS for file in sorted((self.folder / folder).glob("*.pts"))]

    def columns(self) -> list[str]:
        """1 for a face of the subset, 0 for others."""
        return list(SUBSETS)

    def own_points(self, name: str) -> NDArray[np.float32]:
        return read_pts(self.folder / f"{name}.pts")

    def picture_of(self, name: str) -> Path:
        """Raises Unusable."""
        paths = [self.folder / f"{name}{ending}" for ending in ENDINGS]
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            raise Unusable("missing picture", str(paths[0]))
        return found

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        """The face that the landmarks are of, also where others are asked for: a picture may show several."""
        picture = read_colours(self.picture_of(name))
        matrix = frame_of_landmarks(self.own_points(name), pixels)
        frame = warp_picture(picture, matrix, pixels)
        known = points.known(name)
        landmarks = points.look(frame) if known is None else apply(matrix, known)
        split, subset = FOLDERS[str(Path(name).parent)]
        numbers = (float(subset == "common"), float(subset == "challenging"), float(bool(subset)))
        return [ImportedFace(name.replace("/", "_"), frame, landmarks, split=split, numbers=numbers)]
