"""Lips that a network painted grey, violet or nearly black become redder than the skin, as lips are.

Where a mouth is hidden, a network that is unsure paints the mean of many mouths, beards and shadows. In CIELAB true
lips lie by (-6, +5, -3) beside the skin of their face, means over 28 photographs of people; painted ones by
(-11, +2, -5). So lips that are too dark, too little red or too blue are moved, all by the same, to where most true ones
begin, and patches of a colour become evener. Specks of a colour go in all of the mouth, teeth too, and what no mouth's
colour is. Light and shade of teeth and of the inner mouth stay.
"""

from __future__ import annotations

import numpy as np

from service.imaging.arrays import Floats, Hole, Points, Rgb, Size, assert_plane, assert_rgb, size_of
from service.imaging.blur import blurred
from service.imaging.geometry import OUTER_LIPS, mouth_width
from service.imaging.holes import bounds
from service.imaging.lab import from_lab, to_lab
from service.imaging.outlines import Mask, filled, grown, hull

INNER_LIPS = slice(60, 68)  # of the 68 landmarks
CHEEKS = [*range(1, 16), *range(27, 31)]  # jaw and bridge of the nose: skin lies between them
DARKEST, LEAST_RED, LEAST_YELLOW = -16.0, 6.0, -3.5  # L*, a*, b* of lips, beside the skin's
SKIN_RED = 12.0  # a* of skin from which on lips are that much redder; of grey skin they are not
EVENED = np.array([0, 0.6, 0.6], np.float32)  # of what a pixel's a* and b* differ by from the lips' mean
# a*, b* of lips, beside the skin's
LEAST, MOST = np.array([-6.0, -12.0], np.float32), np.array([22.0, 5.0], np.float32)
GREYEST, BLUEST = -18.0, -8.0  # a* and b* of what is lighter than the skin: teeth are greyer than skin, not bluer
WIDER, SOFT = 0.05, 0.08  # around the lips, in widths of the mouth: what is moved too, and how it fades
CALM = 0.1  # over which the colours of a mouth are made a function of lightness, in widths of the mouth
FLAT = 5.0  # L*: lightness that varies less says little of colours
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
    soft, mouth = _lips(landmarks, size_of(hole))
    region = bounds((mouth > 0).astype(np.uint8))
    if region is None or not hole[region.slices].any() or (skin := _skin(raw, image, hole, landmarks)) is None:
        return raw
    soft, mouth, missing = soft[region.slices], mouth[region.slices], hole[region.slices] > 0
    colours = to_lab(raw[region.slices])
    colours[..., 1:] += (mouth * missing)[..., None] * (
        _calm(colours, CALM * mouth_width(landmarks)) - colours[..., 1:]
    )
    around = to_lab(image[region.slices])
    known = _mean_beside(around, soft * ~missing * _darker(around, skin), skin)
    colours += _redder(colours, soft * missing * _darker(colours, skin), skin, known)
    off = _beyond(colours - skin, _darker(colours, skin), known)
    colours[..., 1:] -= (mouth * missing)[..., None] * off
    mended = raw.copy()
    mended[region.slices] = np.where((missing & (mouth > 0))[..., None], from_lab(colours), raw[region.slices])
    return mended


def _redder(colours: Floats, weight: Floats, skin: Floats, known: Floats | None) -> Floats | np.float32:
    """[h,w,3] what is to be added to lips that are too dark, too little red or too blue, or uneven; 0 without lips."""
    painted = _mean_beside(colours, weight, skin)
    if painted is None:
        return np.float32(0)
    share = float(np.clip(skin[1] / SKIN_RED, 0, 1))
    least = np.array([DARKEST, LEAST_RED * share, LEAST_YELLOW], np.float32)
    least = least if known is None else np.minimum(least, known)
    uneven = (colours - skin - painted) * EVENED
    return np.asarray(weight[..., None] * (np.maximum(least - painted, 0) - uneven), np.float32)


def _calm(colours: Floats, reach_pixels: float) -> Floats:
    """[h,w,2] a* and b*, near each pixel a line of L*: specks of a colour go, teeth stay paler than lips.

    He, Sun and Tang, "Guided Image Filtering", 2013.
    """
    lightness, chroma = colours[..., :1], colours[..., 1:]
    mean, means = blurred(lightness, reach_pixels), blurred(chroma, reach_pixels)
    variance = blurred(lightness**2, reach_pixels) - mean**2
    slopes = (blurred(lightness * chroma, reach_pixels) - mean * means) / (variance + FLAT**2)
    return blurred(slopes, reach_pixels) * lightness + blurred(means - slopes * mean, reach_pixels)


def _beyond(beside: Floats, darker: Floats, known: Floats | None) -> Floats:
    """[h,w,2] by how much a*, b* of a mouth [h,w,3], beside the skin's, are no mouth's, nor those of what is known."""
    teeth = np.stack([np.full_like(darker, GREYEST), BLUEST + np.minimum(beside[..., 1], 0)], axis=-1)
    least = teeth + darker[..., None] * (LEAST - teeth)
    least, most = (least, MOST) if known is None else (np.minimum(least, known[1:]), np.maximum(MOST, known[1:]))
    return np.asarray(beside[..., 1:] - np.clip(beside[..., 1:], least, most), np.float32)


def _darker(colours: Floats, skin: Floats) -> Floats:
    """[h,w] 0..1: lips are darker than the skin, teeth are not."""
    return np.asarray(np.clip((skin[0] - colours[..., 0]) / FADE, 0, 1), np.float32)


def _mean_beside(colours: Floats, weight: Floats, skin: Floats) -> Floats | None:
    """How far lips lie from the skin, L*a*b*; the middle of them counts most. None for hardly any."""
    squared = weight**2
    total = float(squared.sum())
    return None if total < LEAST_LIPS else (colours * squared[..., None]).sum(axis=(0, 1)) / total - skin


def _lips(landmarks: Points, size: Size) -> tuple[Floats, Floats]:
    """[F,F] how far each pixel belongs to the lips, and to the mouth with what is between them, 0..1."""
    width = mouth_width(landmarks)
    mouth = grown(filled(landmarks[OUTER_LIPS], size), WIDER * width)
    lips = mouth & (1 - filled(landmarks[INNER_LIPS], size))
    return _softened(lips, SOFT * width), _softened(mouth, SOFT * width)


def _softened(mask: Mask, reach_pixels: float) -> Floats:
    """[F,F] 0..1"""
    soft = blurred(mask, reach_pixels)
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
    return np.asarray(np.median(to_lab(seen[None])[0], axis=0), np.float32)
