"""Gaussian means, for soft edges and for what is compared or smoothed over some distance."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.arrays import Floats

LEAST_PIXELS = 0.5  # a narrower Gaussian is none


def blurred(values: NDArray[Any], deviation_pixels: float) -> Floats:
    """[h,w] or [h,w,n], as they came; the picture's border is reflected."""
    means = cv2.GaussianBlur(values.astype(np.float32), (0, 0), max(LEAST_PIXELS, deviation_pixels))
    return np.asarray(means.reshape(values.shape), np.float32)
