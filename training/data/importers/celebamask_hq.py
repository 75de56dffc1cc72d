"""CelebAMask-HQ (Lee et al. 2020): 30,000 aligned faces, one binary mask for each part that a face has.

CelebA-HQ-img/N.jpg, 1024 px; CelebAMask-HQ-mask-anno/(N div 2000)/NNNNN_PART.png, 512 px, white where the part is.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.importers.source import ImportedFace, Points, Unusable, points_in, read_colours, read_grey, resizing
from training.data.parsing import CELEBAMASK_HQ
from training.data.table import DataError

PICTURES, MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
FACES_IN_A_FOLDER = 2_000
MASK_THRESHOLD = 128
FIRST_VALIDATION_FACE = 28_000  # the papers train on the 28,000 before and measure on the 2,000 from here

# Name of the part in the files -> class. Painted in this order: what comes later lies above.
PARTS: dict[str, str] = {
    "skin": "skin",
    "l_brow": "left_brow",
    "r_brow": "right_brow",
    "l_eye": "left_eye",
    "r_eye": "right_eye",
    "eye_g": "glasses",
    "l_ear": "left_ear",
    "r_ear": "right_ear",
    "ear_r": "earring",
    "nose": "nose",
    "mouth": "inner_mouth",
    "u_lip": "upper_lip",
    "l_lip": "lower_lip",
    "neck": "neck",
    "neck_l": "necklace",
    "cloth": "clothes",
    "hair": "hair",
    "hat": "hat",
}


class CelebAMaskHQ:
    """The unpacked data set; nineteen classes."""

    parsing_classes = len(CELEBAMASK_HQ)
    own_points = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        for name in (PICTURES, MASKS):
            if not (self.folder / name).is_dir():
                raise DataError(f"{self.folder} has no folder {name}: name the unpacked CelebAMask-HQ")
        numbers = [path.stem for path in (self.folder / PICTURES).glob("*.jpg")]
        if wrong := [number for number in numbers if not number.isdecimal()]:
            raise DataError(f"{self.folder / PICTURES / wrong[0]}.jpg: pictures are called by their number")
        return sorted(numbers, key=int)

    def columns(self) -> list[str]:
        return []

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        parsing = self.parsing(int(name))
        stored = read_colours(self.folder / PICTURES / f"{name}.jpg")
        picture = np.asarray(cv2.resize(stored, (pixels, pixels), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        size = (pixels, pixels)
        parsing = np.asarray(cv2.resize(parsing, size, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8)
        landmarks = points_in(points, name, picture, resizing(stored.shape[1], stored.shape[0], pixels))
        split = "train" if int(name) < FIRST_VALIDATION_FACE else "validation"
        return [ImportedFace(f"{int(name):05d}", picture, landmarks, parsing, split)]

    def parsing(self, number: int) -> NDArray[np.uint8]:
        """The masks of one face painted over one another, at their own size; where none is, background.

        Raises Unusable.
        """
        folder = self.folder / MASKS / str(number // FACES_IN_A_FOLDER)
        parsing: NDArray[np.uint8] | None = None
        for part, name in PARTS.items():
            path = folder / f"{number:05d}_{part}.png"
            if not path.is_file():
                continue
            mask = read_grey(path) >= MASK_THRESHOLD
            if parsing is None:
                parsing = np.zeros(mask.shape, np.uint8)
            if mask.shape != parsing.shape:
                raise Unusable("masks of different sizes", str(path))
            parsing[mask] = CELEBAMASK_HQ.index(name)
        if parsing is None:
            raise Unusable("no masks", f"{folder}/{number:05d}_*.png")
        return parsing
