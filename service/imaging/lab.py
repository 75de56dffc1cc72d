"""8-bit sRGB <-> CIELAB, L* 0 to 100."""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Floats, Rgb


def to_lab(rgb: Rgb) -> Floats:
    """[h,w,3] L*a*b*."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def from_lab(lab: Floats) -> Rgb:
    """[h,w,3]; what no display shows is clipped."""
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(np.rint(rgb * 255), 0, 255), np.uint8)
