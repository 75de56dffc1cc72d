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


def bands(hole: Hole, rim_pixels: float, band_pixels: float) -> tuple[Floats, Mask, Mask]:
    """What a painting can be compared by behind its rim: [h,w] how deep each pixel lies in the hole, and two bands.

    One outside along the hole's edge, one inside behind the rim, each `band_pixels` wide.
    """
    depth = cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away = cv2.distanceTransform(1 - hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = (away > 0) & (away <= band_pixels)
    behind = (depth > rim_pixels) & (depth <= rim_pixels + band_pixels)
    return np.asarray(depth, dtype=np.float32), outside, behind


def mismatch(canvas: Rgb, painted: Rgb, known: Mask) -> Floats:
    """canvas - painted where known, 0 elsewhere; [h,w,3] grey levels."""
    difference = canvas.astype(np.float32) - painted
    return np.asarray(difference * known[..., None], dtype=np.float32)
