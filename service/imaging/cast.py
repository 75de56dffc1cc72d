"""Takes a colour cast off a painting: skin in the hole that is redder or yellower than the skin around it.

Along the hole's edge a network paints a rim that fits what it knows, and behind it may go on in a light of its own. So
the painting is compared behind the rim with what lies outside, and the difference in colour, not in brightness, is
taken off all over the hole. Where both are different things, hair outside and skin inside, nothing is compared.
"""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Floats, Hole, Rgb, assert_plane, assert_rgb, size_of
from service.imaging.geometry import FRAME_PIXELS
from service.imaging.seam import Mask, bands

# Lengths are pixels of a frame of FRAME_PIXELS.
RIM_PIXELS = 3.0  # of the painting, which fits by itself
BAND_PIXELS = 5.0  # compared outside the hole, and inside behind the rim
SMOOTHING_PIXELS = 6.0  # the mean of this neighbourhood is compared
NEAR_PIXELS, FAR_PIXELS = 20.0, 45.0  # how far a difference reaches, and how far where there is no nearer one
FAR_WEIGHT = 0.3
SAME_LEVELS, OTHER_LEVELS = 14.0, 42.0  # up to this difference it is the same thing, from that on another
LEAST_SHARE = 1e-3  # of a neighbourhood, for its mean to say anything
DOUBT = 0.004  # share of compared pixels below which a difference counts less
COARSE = 4  # all means are so smooth that they are computed on copies with sides so much shorter

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601


def without_cast(raw: Rgb, image: Rgb, hole: Hole) -> Rgb:
    """The painting with the colours of its surroundings inside the hole; all of one frame, [F,F,3] and [F,F].

    Brightness stays, and so does what lies outside the hole, or a hole that is nowhere deeper than the rim.
    """
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    unit = size_of(hole)[0] / FRAME_PIXELS
    depth, outside, behind = bands(hole, RIM_PIXELS * unit, BAND_PIXELS * unit)
    if not outside.any() or not behind.any():
        return raw
    beside = _coarse(((depth > 0) & (depth <= (RIM_PIXELS + BAND_PIXELS) * unit)).astype(np.float32))
    difference, trust = _compared(raw, image, outside, behind, unit)
    cast = _spread(difference, trust * beside, unit)
    cast -= (cast @ LUMA)[..., None]
    whole = cv2.resize(cast, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
    answer = np.where(hole[..., None] > 0, np.clip(np.rint(raw + whole), 0, 255), raw)
    return np.asarray(answer, dtype=np.uint8)


def one_thing(difference: Floats) -> Floats:
    """[h,w] how far colours that differ by so much [h,w,3] are those of one thing in another light, 0..1."""
    largest = np.abs(difference).max(axis=-1)
    return np.asarray(np.clip((OTHER_LEVELS - largest) / (OTHER_LEVELS - SAME_LEVELS), 0, 1), np.float32)


def _coarse(values: Floats) -> Floats:
    """Means of blocks."""
    size = values.shape[1] // COARSE, values.shape[0] // COARSE
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _blurred(values: Floats, deviation_pixels: float) -> Floats:
    """Coarse values, blurred over so many pixels of the frame; beyond it there is nothing."""
    blurred = cv2.GaussianBlur(values, (0, 0), deviation_pixels / COARSE, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(blurred, dtype=np.float32)


def _compared(raw: Rgb, image: Rgb, outside: Mask, behind: Mask, unit: float) -> tuple[Floats, Floats]:
    """Coarse [f,f,3]: how much lighter it is outside than behind the rim, near each place.

    And [f,f]: how far that is a difference of one thing, 0..1.
    """
    known, known_share = _mean(image, outside, unit)
    painted, painted_share = _mean(raw, behind, unit)
    difference = known - painted
    trust = one_thing(difference)
    return difference, np.asarray(trust * (known_share > LEAST_SHARE) * (painted_share > LEAST_SHARE), np.float32)


def _mean(rgb: Rgb, among: Mask, unit: float) -> tuple[Floats, Floats]:
    """Coarse [f,f,3] the mean colour of the pixels `among` around each place, and [f,f] their share there."""
    sums = _blurred(_coarse(np.dstack((rgb * among[..., None], among)).astype(np.float32)), SMOOTHING_PIXELS * unit)
    means = np.asarray(sums[..., :3] / np.maximum(sums[..., 3:], np.float32(1e-6)), dtype=np.float32)
    return means, sums[..., 3]


def _spread(difference: Floats, trust: Floats, unit: float) -> Floats:
    """Coarse [f,f,3]: the mean difference around each place by its trust; towards 0 where nothing was compared."""
    sums = np.dstack((difference * trust[..., None], trust)).astype(np.float32)
    together = _blurred(sums, NEAR_PIXELS * unit) + FAR_WEIGHT * _blurred(sums, FAR_PIXELS * unit)
    return np.asarray(together[..., :3] / (together[..., 3:] + DOUBT), dtype=np.float32)
