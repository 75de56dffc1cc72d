"""Pictures with faces that the detector finds: drawn ones, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.drawn import draw_face

FACE_PIXELS = 256
MARGIN_PIXELS = 72
SEEDS = (3, 4, 5)  # faces that are found


def group(seeds: Sequence[int] = SEEDS) -> NDArray[np.uint8]:
    """[400, 400 * faces, 3] uint8: each face in the middle of a square of its own."""
    return np.hstack([_framed(seed) for seed in seeds])


def _framed(seed: int) -> NDArray[np.uint8]:
    face = np.asarray(draw_face(seed, FACE_PIXELS).image)
    picture = np.empty((FACE_PIXELS + 2 * MARGIN_PIXELS,) * 2 + (3,), np.uint8)
    picture[:] = face.mean(axis=(0, 1))
    picture[MARGIN_PIXELS:-MARGIN_PIXELS, MARGIN_PIXELS:-MARGIN_PIXELS] = face
    return picture


def mouth_hole(index: int, count: int) -> NDArray[np.uint8]:
    """[400, 400 * count] uint8, 255 on the mouth of the face at `index`."""
    mask = np.zeros((400, 400 * count), np.uint8)
    mask[215:275, 400 * index + 165 : 400 * index + 235] = 255
    return mask
