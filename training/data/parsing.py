"""Parsing maps: the three sets of classes, the tables that merge one into another, mirror pairs and colours.

A parsing map is [H,W] uint8, one class id per pixel, 255 where nothing is known. Left and right are the subject's.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

IGNORE = 255

# CelebAMask-HQ, in the order of the best-known public checkpoint.
CELEBAMASK_HQ = (
    "background", "skin", "left_brow", "right_brow", "left_eye", "right_eye", "glasses", "left_ear", "right_ear",
    "earring", "nose", "inner_mouth", "upper_lip", "lower_lip", "neck", "necklace", "clothes", "hair", "hat",
)  # fmt: skip
# ShowFace: left and right are one; earrings are ear, necklaces neck.
SHOWFACE = (
    "background", "skin", "brows", "eyes", "glasses", "ears", "nose", "inner_mouth", "upper_lip", "lower_lip", "neck",
    "clothes", "hair", "hat",
)  # fmt: skip
# Helen, used by Generative Face Completion.
HELEN = (
    "background", "skin", "left_brow", "right_brow", "left_eye", "right_eye", "nose", "upper_lip", "inner_mouth",
    "lower_lip", "hair",
)  # fmt: skip
CLASS_SETS: dict[int, tuple[str, ...]] = {19: CELEBAMASK_HQ, 14: SHOWFACE, 11: HELEN}

# What becomes of the classes of the larger set that the smaller one does not have; None is ignored from then on.
JOINED_IN_SHOWFACE: dict[str, str | None] = {
    **{f"{side}_{part}": f"{part}s" for side in ("left", "right") for part in ("brow", "eye", "ear")},
    "earring": "ears",
    "necklace": "neck",
}
JOINED_IN_HELEN: dict[str, str | None] = {
    **dict.fromkeys(("left_ear", "right_ear", "earring", "neck", "necklace", "clothes", "hat"), "background"),
    "glasses": None,  # eyes, brows or skin may lie below
}
SIDED = {"brows": "brow", "eyes": "eye"}  # of ShowFace's: Helen tells left and right apart
MERGES: dict[tuple[int, int], Mapping[str, str | None]] = {(19, 14): JOINED_IN_SHOWFACE, (19, 11): JOINED_IN_HELEN}

# What Li et al. count as facial parts, by name; which of them a set has depends on the set.
FACIAL_PARTS = (
    "brows", "left_brow", "right_brow", "eyes", "left_eye", "right_eye", "nose", "upper_lip", "inner_mouth",
    "lower_lip",
)  # fmt: skip

# Sheets: a colour for each class name, the same in every set; hues a golden turn apart lie far from one another.
NAMES = tuple(dict.fromkeys((*CELEBAMASK_HQ, *SHOWFACE, *HELEN)))
GOLDEN_TURN = 0.618034
UNKNOWN_COLOUR = (128, 128, 128)


def merge_table(present: int, wanted: int) -> NDArray[np.uint8] | None:
    """Class id of a set of `present` classes -> id in the set of `wanted`, as a table of 256; None: there is no way."""
    if present == wanted:
        table = np.full(256, IGNORE, np.uint8)
        table[:wanted] = np.arange(wanted)
        return table
    joined = MERGES.get((present, wanted))
    return None if joined is None else joining(CLASS_SETS[present], CLASS_SETS[wanted], joined)


def joining(present: Sequence[str], wanted: Sequence[str], joined: Mapping[str, str | None]) -> NDArray[np.uint8]:
    """The table of 256 between two sets by name; `joined` says what becomes of a name, None: it is ignored."""
    table = np.full(256, IGNORE, np.uint8)
    for index, name in enumerate(present):
        merged = joined.get(name, name)
        if merged is not None:
            table[index] = wanted.index(merged)
    return table


def as_helen(parsing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Helen's eleven classes of a map [H,W] of ShowFace's fourteen, of an upright face.

    Brows and eyes are the subject's left ones where they lie right of the nose's middle, or of the map's without a
    nose. What Helen does not know becomes what it becomes from nineteen classes.
    """
    joined = {"ears": "background", **JOINED_IN_HELEN, **dict.fromkeys(SIDED)}
    merged: NDArray[np.uint8] = joining(SHOWFACE, HELEN, joined)[parsing]
    nose = np.nonzero(parsing == SHOWFACE.index("nose"))[1]
    middle = nose.mean() if len(nose) else (parsing.shape[1] - 1) / 2
    on_the_left = np.arange(parsing.shape[1]) > middle
    for both, part in SIDED.items():
        there = parsing == SHOWFACE.index(both)
        merged[there & on_the_left] = HELEN.index(f"left_{part}")
        merged[there & ~on_the_left] = HELEN.index(f"right_{part}")
    return merged


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
    """Class id -> RGB, as a table [256,3]; the background is black, what is ignored grey."""
    table = np.full((256, 3), UNKNOWN_COLOUR, np.uint8)
    for index, name in enumerate(CLASS_SETS[classes]):
        brightness = 0.9 if index else 0
        colour = colorsys.hsv_to_rgb(NAMES.index(name) * GOLDEN_TURN % 1, 0.65, brightness)
        table[index] = [round(255 * channel) for channel in colour]
    return table
