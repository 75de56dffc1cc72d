"""Levels a painting with its surroundings in the face frame, where one pixel may become many on the canvas.

Along the hole's edge a network paints a rim of two or three pixels that already leads over to what it knows. Enlarged,
that rim is an outline: what is compared at the edge fits, and behind it the painting is paler. So the painting is
compared behind the rim, the difference fades out inwards, and the rim itself is filled smoothly between both.
"""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.membrane import fill_smoothly
from service.imaging.seam import Mask, bands

RIM_PIXELS = 3.0  # of the frame, from the hole's edge inwards
BAND_PIXELS = 4.0  # compared outside the hole, and inside behind the rim
SMOOTHING_PIXELS = 5.0  # along the edge: the level is compared, not what is drawn there
FADE_PIXELS = 24.0  # from the edge inwards
LEAST_SHARE = 1e-3  # of a neighbourhood, for its mean to say anything


def levelled(raw: Rgb, image: Rgb, hole: Hole) -> Rgb:
    """The painting with its level and rim mended, and the image outside the hole; all of one frame, [F,F,3] and [F,F].

    A hole that is nowhere deeper than the rim, or that has no surroundings, stays as it is.
    """
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    depth, outside, behind = bands(hole, RIM_PIXELS, BAND_PIXELS)
    if not outside.any() or not behind.any():
        return raw
    left = np.clip(1 - depth / FADE_PIXELS, 0, 1)
    fading = (left * left * (3 - 2 * left))[..., None]
    level = raw + (_level(image, outside) - _level(raw, behind)) * fading
    rim = (depth > 0) & (depth <= RIM_PIXELS)
    around = np.where(hole[..., None] > 0, level, image).astype(np.float32)
    mended = fill_smoothly(around, ~rim)
    answer = np.where(rim[..., None], mended, around)
    return np.asarray(np.clip(np.rint(answer), 0, 255), dtype=np.uint8)


def _level(rgb: Rgb, among: Mask) -> Floats:
    """[F,F,3]: the mean colour of the pixels `among` around each pixel, carried on smoothly where there are none."""
    stacked = np.dstack((rgb * among[..., None], among)).astype(np.float32)
    blurred = cv2.GaussianBlur(stacked, (0, 0), SMOOTHING_PIXELS, borderType=cv2.BORDER_CONSTANT)
    share = blurred[..., 3]
    means = blurred[..., :3] / np.maximum(share, np.float32(1e-6))[..., None]
    return fill_smoothly(np.asarray(means, dtype=np.float32), share > LEAST_SHARE)
