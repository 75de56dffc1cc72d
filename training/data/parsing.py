"""Parsing maps: the three sets of classes, the tables that merge one into another, mirror pairs and colours.

A parsing map is [H,W] uint8, one class id a pixel, 255 where nothing is known. Left and right are the subject's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

IGNORE = 255

# CelebAMask-HQ, in the order of the best-known public checkpoint.
CELEBAMASK_HQ = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "glasses",
    "left_ear",
    "right_ear",
    "earring",
    "nose",
    "inner_mouth",
    "upper_lip",
    "lower_lip",
    "neck",
    "necklace",
    "clothes",
    "hair",
    "hat",
)
# ShowFace: left and right are one; earrings are ear, necklaces neck.
SHOWFACE = (
    "background",
    "skin",
    "brows",
    "eyes",
    "glasses",
    "ears",
    "nose",
    "inner_mouth",
    "upper_lip",
    "lower_lip",
    "neck",
    "clothes",
    "hair",
    "hat",
)
# Helen, used by Generative Face Completion.
HELEN = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
)
CLASS_SETS: dict[int, tuple[str, ...]] = {19: CELEBAMASK_HQ, 14: SHOWFACE, 11: HELEN}

# The class of the smaller set that each class of the larger one becomes; None is ignored from then on.
TO_SHOWFACE: dict[str, str | None] = {
    "background": "background",
    "skin": "skin",
    "left_brow": "brows",
    "right_brow": "brows",
    "left_eye": "eyes",
    "right_eye": "eyes",
    "glasses": "glasses",
    "left_ear": "ears",
    "right_ear": "ears",
    "earring": "ears",
    "nose": "nose",
    "inner_mouth": "inner_mouth",
    "upper_lip": "upper_lip",
    "lower_lip": "lower_lip",
    "neck": "neck",
    "necklace": "neck",
    "clothes": "clothes",
    "hair": "hair",
    "hat": "hat",
}
TO_HELEN: dict[str, str | None] = {
    "background": "background",
    "skin": "skin",
    "left_brow": "left_brow",
    "right_brow": "right_brow",
    "left_eye": "left_eye",
    "right_eye": "right_eye",
    "glasses": None,  # eyes, brows or skin may lie below
    "left_ear": "background",
    "right_ear": "background",
    "earring": "background",
    "nose": "nose",
    "inner_mouth": "inner_mouth",
    "upper_lip": "upper_lip",
    "lower_lip": "lower_lip",
    "neck": "background",
    "necklace": "background",
    "clothes": "background",
    "hair": "hair",
    "hat": "background",
}
MERGES: dict[tuple[int, int], Mapping[str, str | None]] = {(19, 14): TO_SHOWFACE, (19, 11): TO_HELEN}

# What Li et al. count as facial parts, by name; which of them a set has depends on the set.
FACIAL_PARTS = (
    "brows",
    "left_brow",
    "right_brow",
    "eyes",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
)

# Sheets: RGB of each class name.
COLOURS: dict[str, tuple[int, int, int]] = {
    "background": (0, 0, 0),
    "skin": (236, 188, 150),
    "brows": (120, 70, 20),
    "left_brow": (120, 70, 20),
    "right_brow": (190, 130, 40),
    "eyes": (40, 110, 230),
    "left_eye": (40, 110, 230),
    "right_eye": (90, 200, 250),
    "glasses": (150, 0, 200),
    "ears": (250, 140, 60),
    "left_ear": (250, 140, 60),
    "right_ear": (200, 90, 10),
    "earring": (255, 230, 0),
    "nose": (60, 170, 70),
    "upper_lip": (200, 30, 60),
    "inner_mouth": (255, 255, 255),
    "lower_lip": (255, 80, 120),
    "neck": (170, 130, 110),
    "necklace": (190, 220, 60),
    "clothes": (70, 80, 120),
    "hair": (110, 60, 130),
    "hat": (0, 130, 130),
}
UNKNOWN_COLOUR = (128, 128, 128)


def merge_table(present: int, wanted: int) -> NDArray[np.uint8] | None:
    """Class id of a set of `present` classes -> id in the set of `wanted`, as a table of 256; None: there is no way."""
    table = np.full(256, IGNORE, np.uint8)
    if present == wanted:
        table[:wanted] = np.arange(wanted)
        return table
    names = MERGES.get((present, wanted))
    if names is None:
        return None
    smaller = CLASS_SETS[wanted]
    for index, name in enumerate(CLASS_SETS[present]):
        merged = names[name]
        if merged is not None:
            table[index] = smaller.index(merged)
    return table


def mirror_table(classes: int) -> NDArray[np.uint8]:
    """Class id -> class id in the mirrored picture, as a table of 256: left and right change places."""
    names = CLASS_SETS[classes]
    table = np.arange(256, dtype=np.uint8)
    for index, name in enumerate(names):
        side, _, part = name.partition("_")
        if side in ("left", "right"):
            table[index] = names.index(f"{'right' if side == 'left' else 'left'}_{part}")
    return table


def flip(parsing: NDArray[np.uint8], classes: int) -> NDArray[np.uint8]:
    """The map of the mirrored picture. [H,W] -> [H,W]."""
    return np.ascontiguousarray(mirror_table(classes)[parsing[:, ::-1]])


def facial_parts(classes: int) -> tuple[int, ...]:
    """Ids of brows, eyes, nose, lips and inner mouth."""
    return tuple(index for index, name in enumerate(CLASS_SETS[classes]) if name in FACIAL_PARTS)


def colour_table(classes: int) -> NDArray[np.uint8]:
    """Class id -> RGB, as a table [256,3]; what is ignored is grey."""
    table = np.full((256, 3), UNKNOWN_COLOUR, np.uint8)
    table[:classes] = [COLOURS[name] for name in CLASS_SETS[classes]]
    return table
