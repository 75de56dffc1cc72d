"""CelebA-HQ (Karras et al. 2018) as CelebAMask-HQ (Lee et al. 2020) has it: 30,000 aligned faces.

CelebA-HQ-img/N.jpg, 1024 px, N from 0; and, for each part that a face has, a binary mask, white where the part is:
CelebAMask-HQ-mask-anno/(N div 2000)/NNNNN_PART.png, 512 px. CelebAMask-HQ-attribute-anno.txt, if it is there, holds the
40 attributes of CelebA: a count, the names, then `N.jpg -1 1 ...`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.importers.celeba import Listed, read_list
from training.data.importers.source import (
    ImportedFace,
    Points,
    Unusable,
    points_in,
    read_colours,
    read_grey,
    require_there,
    resizing,
)
from training.data.parsing import CELEBAMASK_HQ
from training.data.table import DataError

PICTURES, MASKS, ATTRIBUTES = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", "CelebAMask-HQ-attribute-anno.txt"
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
    """The unpacked data set; nineteen classes, or without masks none."""

    licence = "CelebAMask-HQ: research and teaching, not commerce; the pictures belong to others"
    doubtful = False
    own_points = None

    def __init__(self, folder: Path, *, masks: bool = True) -> None:
        self.folder = folder
        self.parsing_classes = len(CELEBAMASK_HQ) if masks else None
        self._attributes = Listed([], {})

    def names(self) -> list[str]:
        """Numbers. Those of the list of attributes, where it is there: a picture that is missing is then known."""
        require_there(self.folder, (PICTURES, MASKS)[: 2 if self.parsing_classes else 1], "name the unpacked data set")
        if (self.folder / ATTRIBUTES).is_file():
            self._attributes = read_list(self.folder / ATTRIBUTES)
        listed = self._attributes.rows or (path.name for path in (self.folder / PICTURES).glob("*.jpg"))
        numbers = [Path(name).stem for name in listed]
        if wrong := [number for number in numbers if not number.isdecimal()]:
            raise DataError(f"{self.folder / PICTURES / wrong[0]}.jpg: pictures are called by their number")
        return sorted(numbers, key=int)

    def lists(self) -> list[Path]:
        return [self.folder / ATTRIBUTES] if self._attributes.rows else []

    def columns(self) -> list[str]:
        """The attributes, -1 or 1."""
        return self._attributes.columns

    def faces(self, name: str, pixels: int, points: Points) -> list[ImportedFace]:
        stored = read_colours(self.folder / PICTURES / f"{name}.jpg")
        picture = np.asarray(cv2.resize(stored, (pixels, pixels), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        parsing = self.parsing_in(int(name), pixels)
        landmarks = points_in(points, name, picture, resizing(stored.shape[1], stored.shape[0], pixels))
        split = "train" if int(name) < FIRST_VALIDATION_FACE else "validation"
        numbers = tuple(self._attributes.rows.get(f"{name}.jpg", np.empty(0)).tolist())
        return [ImportedFace(f"{int(name):05d}", picture, landmarks, parsing, split, numbers)]

    def parsing_in(self, number: int, pixels: int) -> NDArray[np.uint8] | None:
        """The map of one face at another size. Raises Unusable."""
        if self.parsing_classes is None:
            return None
        size = (pixels, pixels)
        resized = cv2.resize(self.parsing(number), size, interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(resized, dtype=np.uint8)

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
