"""Any folder of photographs: every face that is found in them, aligned as FFHQ's are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.finding import FaceFinder
from training.data.frames import apply, frame_of_box, frame_of_landmarks, inverse, warp_picture
from training.data.importers.points import read_pts
from training.data.importers.source import ImportedFace, Points, Unusable, read_colours
from training.data.table import DataError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
LOOK_PIXELS = 256  # side of the rough frame in which landmarks are looked for
SMALLEST_BOX_PIXELS = 64  # of a face's box; smaller ones would only be blown up


class Photographs:
    """Every picture in the folder and below it. With landmarks that are known, the face that they are of."""

    licence = "that of the photographs"
    doubtful = True
    parsing_classes = None

    def __init__(self, folder: Path, *, smallest_pixels: int = SMALLEST_BOX_PIXELS) -> None:
        self.folder, self.smallest_pixels = folder, smallest_pixels

    def names(self) -> list[str]:
        """Paths below the folder, sorted. Raises DataError if there is none, or two would get the same name."""
        if not self.folder.is_dir():
            raise DataError(f"there is no folder {self.folder}")
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
        if not paths:
            raise DataError(f"{self.folder} holds no pictures ({', '.join(ENDINGS)})")
        names = [str(path.relative_to(self.folder)) for path in paths]
        called: dict[str, str] = {}
        for name in names:
            other = called.setdefault(short_name(name), name)
            if other != name:
                raise DataError(f"{self.folder}: {other} and {name} would both be called {short_name(name)}")
        return names

    def columns(self) -> list[str]:
        return []

    def own_points(self, name: str) -> NDArray[np.float32]:
        """Beside the picture, if at all."""
        return read_pts((self.folder / name).with_suffix(".pts"))

    def lists(self) -> list[Path]:
        return []

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        picture = read_colours(self.folder / name)
        known = points.known(name)
        found = self.look(picture, points) if known is None else [known]
        frames = [frame_of_landmarks(one, pixels) for one in found]
        short = short_name(name)
        return [
            ImportedFace(
                short if place == 1 else f"{short}-{place}",
                warp_picture(picture, matrix, pixels),
                apply(matrix, one),
            )
            for place, (one, matrix) in enumerate(zip(found, frames, strict=True), start=1)
        ]

    def look(self, picture: NDArray[np.uint8], points: Points) -> list[NDArray[np.float32]]:
        """Landmarks of every face in the picture, largest face first. Raises Unusable if there is none."""
        boxes = FaceFinder()(picture, self.smallest_pixels)
        if not boxes:
            raise Unusable(f"no face of {self.smallest_pixels} pixels or more")
        found: list[NDArray[np.float32]] = []
        reasons: list[Unusable] = []
        for box in boxes:
            rough = frame_of_box(box, LOOK_PIXELS)
            try:
                found.append(apply(inverse(rough), points.look(warp_picture(picture, rough, LOOK_PIXELS))))
            except Unusable as error:
                reasons.append(error)
        if not found:
            raise reasons[0]
        return found


def short_name(name: str) -> str:
    """Of a path below the folder: a name without folders and ending."""
    return "_".join(Path(name).with_suffix("").parts)
