"""Lips that a network painted grey, violet or nearly black become redder than the skin, as lips are.

Where a mouth is hidden, a network that is unsure paints the mean of many mouths, beards and shadows. In CIELAB true
lips lie by (-6, +5, -3) beside the skin of their face, means over 28 photographs of people; painted ones by
(-11, +2, -5). So lips that are too dark, too little red or too blue are moved, all by the same, to where most true ones
begin, and patches of a colour become evener. What is lighter than the skin, teeth, and the inner mouth stay.
"""

from __future__ import annotations

import cv2
import numpy as np

from service.imaging.arrays import Floats, Hole, Points, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.geometry import MOUTH_CORNERS
from service.imaging.holes import bounds
from service.imaging.outlines import filled, grown, hull

OUTER_LIPS, INNER_LIPS = slice(48, 60), slice(60, 68)  # of the 68 landmarks
CHEEKS = [*range(1, 16), *range(27, 31)]  # jaw and bridge of the nose: skin lies between them
DARKEST, LEAST_RED, LEAST_YELLOW = -16.0, 6.0, -3.5  # L*, a*, b* of lips, beside the skin's
SKIN_RED = 12.0  # a* of skin from which on lips are that much redder; of grey skin they are not
EVENED = np.array([0, 0.6, 0.6], np.float32)  # of what a pixel's a* and b* differ by from the lips' mean
WIDER, SOFT = 0.05, 0.08  # around the lips, in widths of the mouth: what is moved too, and how it fades
FADE = 8.0  # L* over which lips become what is too light for them
LEAST_PIXELS = 100  # of known skin, to be compared with; where there is less, painted skin counts too
LEAST_LIPS = 4.0  # pixels of lips, by their weights
SAMPLED = 2  # every such row and column of the skin


def reddened(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Rgb:
    """The painting with the lips of its face mended inside the hole; of one frame, [F,F,3] and [F,F], [68,2] pixels.

    Lips of which a part is known never become redder or lighter than that part.
    """
    assert_rgb(raw)
    assert_rgb(image, size_of(raw))
    assert_plane(hole, size_of(raw))
    soft = _lips(landmarks, size_of(hole))
    region = bounds((soft > 0).astype(np.uint8))
    if region is None or not hole[region.slices].any() or (skin := _skin(raw, image, hole, landmarks)) is None:
        return raw
    soft, missing = soft[region.slices], hole[region.slices] > 0
    colours = _lab(raw[region.slices])
    weight = soft * missing * _darker(colours, skin)
    painted = _mean_beside(colours, weight, skin)
    if painted is None:
        return raw
    share = float(np.clip(skin[1] / SKIN_RED, 0, 1))
    least = np.array([DARKEST, LEAST_RED * share, LEAST_YELLOW], np.float32)
    around = _lab(image[region.slices])
    known = _mean_beside(around, soft * ~missing * _darker(around, skin), skin)
    least = least if known is None else np.minimum(least, known)
    uneven = (colours - skin - painted) * EVENED
    moved = colours + weight[..., None] * (np.maximum(least - painted, 0) - uneven)
    mended = raw.copy()
    mended[region.slices] = np.where(weight[..., None] > 0, _rgb(moved), raw[region.slices])
    return mended


def _darker(colours: Floats, skin: Floats) -> Floats:
    """[h,w] 0..1: lips are darker than the skin, teeth are not."""
    return np.asarray(np.clip((skin[0] - colours[..., 0]) / FADE, 0, 1), np.float32)


def _mean_beside(colours: Floats, weight: Floats, skin: Floats) -> Floats | None:
    """How far lips lie from the skin, L*a*b*; the middle of them counts most. None for hardly any."""
    squared = weight**2
    total = float(squared.sum())
    return None if total < LEAST_LIPS else (colours * squared[..., None]).sum(axis=(0, 1)) / total - skin


def _lips(landmarks: Points, size: Size) -> Floats:
    """[F,F] how far each pixel belongs to the lips, 0..1; not to the inner mouth."""
    left, right = landmarks[MOUTH_CORNERS]
    width = float(np.hypot(*(right - left)))
    lips = grown(filled(landmarks[OUTER_LIPS], size), WIDER * width) & (1 - filled(landmarks[INNER_LIPS], size))
    soft = cv2.GaussianBlur(lips.astype(np.float32), (0, 0), max(0.5, SOFT * width))
    return np.asarray(soft / max(float(soft.max()), 1e-6), np.float32)


def _skin(raw: Rgb, image: Rgb, hole: Hole, landmarks: Points) -> Floats | None:
    """The median colour of the face's skin beside the mouth, L*a*b*; None where the frame shows nothing of it."""
    size = size_of(hole)
    cheeks = hull(landmarks[CHEEKS], size) & (1 - hull(landmarks[OUTER_LIPS], size))
    some = np.s_[::SAMPLED, ::SAMPLED]
    known = (cheeks[some] > 0) & (hole[some] == 0)
    seen = image[some][known]
    if len(seen) < LEAST_PIXELS:
        seen = np.concatenate((seen, raw[some][(cheeks[some] > 0) & (hole[some] > 0)]))
    if not len(seen):
        return None
    return np.asarray(np.median(_lab(seen[None])[0], axis=0), np.float32)


def _lab(rgb: Rgb) -> Floats:
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _rgb(lab: Floats) -> Rgb:
    rgb = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(np.rint(rgb * 255), 0, 255), np.uint8)
