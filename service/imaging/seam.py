"""Where the canvas and the painting can be compared: a ring of known pixels around the hole."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Hole, Rgb

Mask: TypeAlias = NDArray[np.bool_]  # [h,w]

RING_PIXELS = 3  # width of the band outside the hole where the mismatch is measured


def ring(hole: Hole, comparable: Hole | None) -> Mask:
    """The known pixels next to the hole where both pictures hold the truth; `comparable` None: all of them do."""
    square = np.ones((2 * RING_PIXELS + 1, 2 * RING_PIXELS + 1), np.uint8)
    beside: Mask = (cv2.dilate(hole, square) > 0) & (hole == 0)
    return beside if comparable is None else beside & (comparable > 0)


def mismatch(canvas: Rgb, painted: Rgb, known: Mask) -> Floats:
    """canvas - painted where known, 0 elsewhere; [h,w,3] grey levels."""
    difference = canvas.astype(np.float32) - painted
    return np.asarray(difference * known[..., None], dtype=np.float32)
