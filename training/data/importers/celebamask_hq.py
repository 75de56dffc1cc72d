"""CelebAMask-HQ (Lee et al. 2020): 30,000 aligned faces, one binary mask for each part that a face has.

CelebA-HQ-img/N.jpg, 1024 px; CelebAMask-HQ-mask-anno/(N div 2000)/NNNNN_PART.png, 512 px, white where the part is.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.faces import DataError
from training.data.importers.source import ImportedFace, read_colours, read_grey
from training.data.parsing import CELEBAMASK_HQ

PICTURES, MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
FACES_IN_A_FOLDER = 2_000
MASK_THRESHOLD = 128

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

    def face(self, name: str, pixels: int) -> ImportedFace | None:
        """None for a face without any mask."""
        parsing = self.parsing(int(name))
        if parsing is None:
            return None
        size = (pixels, pixels)
        picture = cv2.resize(read_colours(self.folder / PICTURES / f"{name}.jpg"), size, interpolation=cv2.INTER_AREA)
        parsing = np.asarray(cv2.resize(parsing, size, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8)
        return ImportedFace(f"{int(name):05d}", np.asarray(picture, dtype=np.uint8), parsing)

    def parsing(self, number: int) -> NDArray[np.uint8] | None:
        """The masks of one face painted over one another, at their own size; where none is, background."""
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
                raise DataError(f"{path} has another size than the other masks of that face")
            parsing[mask] = CELEBAMASK_HQ.index(name)
        return parsing
