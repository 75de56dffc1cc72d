"""Masks of what landmarks enclose, [F,F] {0,1}."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats, Points, Size

Mask = NDArray[np.uint8]
Value = TypeVar("Value", np.uint8, np.float32)


def filled(outline: Points | Floats, size: Size) -> Mask:
    """All inside an outline [n,2] and on it."""
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask


def hull(points: Points | Floats, size: Size) -> Mask:
    """All between some points [n,2]."""
    outline = cv2.convexHull(points.astype(np.float32))
    return filled(np.asarray(outline[:, 0], np.float32), size)


def grown(mask: NDArray[Value], reach_pixels: float) -> NDArray[Value]:
    """The mask, and what lies about so far around it, rounded to whole pixels."""
    side = 2 * round(reach_pixels) + 1
    return np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), mask.dtype)
